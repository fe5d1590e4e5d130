#include "wire/ether.hh"

#include <gtest/gtest.h>

#include "hex.hh"

namespace synfin::wire {
namespace {

const Mac kA = Mac::parse("02:00:00:00:00:0a").value();
const Mac kB = Mac::parse("06:b1:b2:b3:b4:b5").value();

TEST(Ether, Untagged) {
    EtherHeader ether;
    ASSERT_TRUE(parse_ether(hex("06b1b2b3b4b5 02000000000a 0800"), ether));
    EXPECT_EQ(ether.destination, kB);
    EXPECT_EQ(ether.source, kA);
    EXPECT_EQ(ether.ethertype, kEtherTypeIpv4);
    EXPECT_EQ(ether.vid, 0);
    EXPECT_EQ(ether.length, 14);
}

TEST(Ether, TaggedWithPriorityBits) {
    EtherHeader ether;
    ASSERT_TRUE(parse_ether(hex("06b1b2b3b4b5 02000000000a 8100 f123 0806"), ether));
    EXPECT_EQ(ether.vid, 0x123) << "without priority and drop bits";
    EXPECT_EQ(ether.ethertype, kEtherTypeArp);
    EXPECT_EQ(ether.length, 18);
}

TEST(Ether, PriorityTagIsUntagged) {
    EtherHeader ether;
    ASSERT_TRUE(parse_ether(hex("06b1b2b3b4b5 02000000000a 8100 e000 0800"), ether));
    EXPECT_EQ(ether.vid, 0);
    EXPECT_EQ(ether.length, 18);
}

TEST(Ether, TwoTags) {
    EtherHeader ether;
    ASSERT_TRUE(parse_ether(hex("06b1b2b3b4b5 02000000000a 88a8 f005 8100 2006 0800"), ether));
    EXPECT_EQ(ether.outer_vid, 5);
    EXPECT_EQ(ether.vid, 6);
    EXPECT_EQ(ether.ethertype, kEtherTypeIpv4);
    EXPECT_EQ(ether.length, 22);
    ASSERT_TRUE(parse_ether(hex("06b1b2b3b4b5 02000000000a 88a8 0005 0800"), ether));
    EXPECT_EQ(ether.outer_vid, 5);
    EXPECT_EQ(ether.vid, 0);
    EXPECT_EQ(ether.ethertype, kEtherTypeIpv4);
    EXPECT_EQ(ether.length, 18);
}

TEST(Ether, OtherRowsOfTagsAreLeftAsAnEtherType) {
    const struct {
        const char* tags;
        uint16_t outer_vid, vid, ethertype;
    } kRows[] = {{"8100 0005 8100 0006", 0, 5, kEtherTypeVlan},
                 {"8100 0005 88a8 0006", 0, 5, kEtherTypeQinQ},
                 {"88a8 0005 88a8 0006", 5, 0, kEtherTypeQinQ},
                 {"88a8 0005 8100 0006 8100 0007", 5, 6, kEtherTypeVlan}};
    for (const auto& row : kRows) {
        EtherHeader ether;
        ASSERT_TRUE(parse_ether(hex(std::string("06b1b2b3b4b5 02000000000a ") + row.tags + " 0800"), ether));
        EXPECT_EQ(ether.outer_vid, row.outer_vid) << row.tags;
        EXPECT_EQ(ether.vid, row.vid) << row.tags;
        EXPECT_EQ(ether.ethertype, row.ethertype) << row.tags;
    }
}

TEST(Ether, ShortFramesAreRefused) {
    const auto untagged = hex("06b1b2b3b4b5 02000000000a 0800");
    const auto tagged = hex("06b1b2b3b4b5 02000000000a 8100 0005 0800");
    EtherHeader ether;
    for (size_t n = 0; n < 14; ++n) EXPECT_FALSE(parse_ether(Bytes(untagged).first(n), ether)) << n;
    for (size_t n = 0; n < 18; ++n) EXPECT_FALSE(parse_ether(Bytes(tagged).first(n), ether)) << n;
    EXPECT_TRUE(parse_ether(tagged, ether));
    const auto twice = hex("06b1b2b3b4b5 02000000000a 88a8 0005 8100 0006 0800");
    for (size_t n = 0; n < 22; ++n) {
        const std::vector<uint8_t> cut(twice.begin(), twice.begin() + static_cast<ptrdiff_t>(n));
        EXPECT_FALSE(parse_ether(cut, ether)) << n;
    }
    EXPECT_TRUE(parse_ether(twice, ether));
}

TEST(Ether, WrittenBytes) {
    std::vector<uint8_t> out(14);
    EXPECT_EQ(write_ether(out.data(), kB, kA, std::nullopt, kEtherTypeArp), 14);
    EXPECT_EQ(out, hex("06b1b2b3b4b5 02000000000a 0806"));
    out.resize(18);
    EXPECT_EQ(write_ether(out.data(), kB, kA, 4094, kEtherTypeIpv4), 18);
    EXPECT_EQ(out, hex("06b1b2b3b4b5 02000000000a 8100 0ffe 0800"));
    EXPECT_EQ(write_ether(out.data(), kB, kA, std::nullopt, kEtherTypeIpv4, 5), 18);
    EXPECT_EQ(out, hex("06b1b2b3b4b5 02000000000a 88a8 0005 0800"));
    out.resize(22);
    EXPECT_EQ(write_ether(out.data(), kB, kA, 6, kEtherTypeIpv4, 0xf005), 22);
    EXPECT_EQ(out, hex("06b1b2b3b4b5 02000000000a 88a8 0005 8100 0006 0800"));
}

TEST(Ether, AVidIsCutToTwelveBits) {
    std::vector<uint8_t> out(18);
    write_ether(out.data(), kB, kA, 0xf001, kEtherTypeIpv4);
    EXPECT_EQ(load_be16(out.data() + 14), 1);
}

}  // namespace
}  // namespace synfin::wire
