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

TEST(Ether, SecondTagAndServiceTagAreLeftAsTheirEtherType) {
    EtherHeader ether;
    ASSERT_TRUE(parse_ether(hex("06b1b2b3b4b5 02000000000a 8100 0005 8100 0006 0800"), ether));
    EXPECT_EQ(ether.vid, 5);
    EXPECT_EQ(ether.ethertype, kEtherTypeVlan);
    ASSERT_TRUE(parse_ether(hex("06b1b2b3b4b5 02000000000a 88a8 0005 8100 0006 0800"), ether));
    EXPECT_EQ(ether.vid, 0);
    EXPECT_EQ(ether.ethertype, kEtherTypeQinQ);
    EXPECT_EQ(ether.length, 14);
}

TEST(Ether, ShortFramesAreRefused) {
    const auto untagged = hex("06b1b2b3b4b5 02000000000a 0800");
    const auto tagged = hex("06b1b2b3b4b5 02000000000a 8100 0005 0800");
    EtherHeader ether;
    for (size_t n = 0; n < 14; ++n) EXPECT_FALSE(parse_ether(Bytes(untagged).first(n), ether)) << n;
    for (size_t n = 0; n < 18; ++n) EXPECT_FALSE(parse_ether(Bytes(tagged).first(n), ether)) << n;
    EXPECT_TRUE(parse_ether(tagged, ether));
}

TEST(Ether, WrittenBytes) {
    std::vector<uint8_t> out(14);
    EXPECT_EQ(write_ether(out.data(), kB, kA, std::nullopt, kEtherTypeArp), 14);
    EXPECT_EQ(out, hex("06b1b2b3b4b5 02000000000a 0806"));
    out.resize(18);
    EXPECT_EQ(write_ether(out.data(), kB, kA, 4094, kEtherTypeIpv4), 18);
    EXPECT_EQ(out, hex("06b1b2b3b4b5 02000000000a 8100 0ffe 0800"));
}

TEST(Ether, AVidIsCutToTwelveBits) {
    std::vector<uint8_t> out(18);
    write_ether(out.data(), kB, kA, 0xf001, kEtherTypeIpv4);
    EXPECT_EQ(load_be16(out.data() + 14), 1);
}

}  // namespace
}  // namespace synfin::wire
