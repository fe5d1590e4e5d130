#include "wire/mld.hh"

#include <gtest/gtest.h>

#include "hex.hh"

namespace synfin::wire {
namespace {

const Ipv6 kGroup = *Ipv6::parse("ff02::1:ff00:1");

TEST(Mld, QueriesOfBothVersions) {
    MldQuery query;
    ASSERT_TRUE(parse_mld_query(hex("82 00 0000 2710 0000 00000000000000000000000000000000"), query));
    EXPECT_TRUE(query.version1);
    EXPECT_EQ(query.max_response, 10s);
    EXPECT_TRUE(query.group.is_unspecified());
    ASSERT_TRUE(
        parse_mld_query(hex("82 00 0000 03e8 0000 ff0200000000000000000001ff000001 02 7d 0000"), query));
    EXPECT_FALSE(query.version1);
    EXPECT_EQ(query.max_response, 1s);
    EXPECT_EQ(query.group, kGroup);
}

/// RFC 3810 5.1.3: 0x8000 | exponent << 12 | mantissa.
TEST(Mld, LongResponseTimesAreFloatingPoint) {
    MldQuery query;
    ASSERT_TRUE(
        parse_mld_query(hex("82 00 0000 a123 0000 00000000000000000000000000000000 02 7d 0000"), query));
    EXPECT_EQ(query.max_response, 1ms * (0x1123 << 5));
}

TEST(Mld, MalformedQueriesAreRefused) {
    MldQuery query;
    EXPECT_FALSE(parse_mld_query(hex("82 00 0000 2710 0000 000000000000000000000000000000"), query));
    EXPECT_FALSE(parse_mld_query(hex("82 00 0000 2710 0000 00000000000000000000000000000000 02"), query))
        << "between the versions";
    EXPECT_FALSE(
        parse_mld_query(hex("82 00 0000 2710 0000 00000000000000000000000000000000 02 7d 0001"), query))
        << "a source is missing";
    EXPECT_FALSE(parse_mld_query(hex("8f 00 0000 2710 0000 00000000000000000000000000000000"), query))
        << "a report";
}

TEST(Mld, ReportsOfBothVersions) {
    std::vector<uint8_t> bytes(mld_report_bytes(2));
    const Ipv6 groups[] = {kGroup, *Ipv6::parse("ff02::1:ff00:2")};
    EXPECT_EQ(write_mld_report2(bytes.data(), kMldChangeToExclude, groups), bytes.size());
    EXPECT_EQ(bytes, hex("8f 00 0000 0000 0002"
                         "04 00 0000 ff0200000000000000000001ff000001"
                         "04 00 0000 ff0200000000000000000001ff000002"));
    bytes.resize(24);
    EXPECT_EQ(write_mld_report1(bytes.data(), kGroup), 24u);
    EXPECT_EQ(bytes, hex("83 00 0000 0000 0000 ff0200000000000000000001ff000001"));
}

}  // namespace
}  // namespace synfin::wire
