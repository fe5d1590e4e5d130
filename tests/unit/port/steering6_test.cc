/// The engine of a frame of IPv6, and the multicast groups by which neighbours reach us.
#include <gtest/gtest.h>
#include <net/if.h>

#include <fstream>
#include <string>
#include <vector>

#include "damaged_frames.hh"
#include "frames6.hh"
#include "port/group_membership.hh"
#include "port/multicast_groups.hh"
#include "port/steering.hh"

namespace synfin::port {
namespace {

using test::address6;
using test::Extensions;
using test::Frame;
using test::kFlow6;
using Kind = DestinationKind;

Destination6 classified(const Frame& frame) {
    return test::read_exactly(frame,
                              [](const uint8_t* data, uint32_t length) { return classify_v6(data, length); });
}

/// Every kind of header that is passed.
const Extensions kExtensions[] = {{test::options(0)},
                                  {test::options(60, 3)},
                                  {test::options(43)},
                                  {test::fragment(0)},
                                  {test::fragment(6)},  // reserved bits
                                  {test::options(0), test::options(60), test::options(43), test::fragment(0)},
                                  Extensions(8, test::options(60))};

TEST(ClassifyIpv6, IsAskedForEveryFrameOfThatType) {
    const Frame frame = test::tcp6_frame(kFlow6);
    EXPECT_EQ(classify(frame.data(), static_cast<uint32_t>(frame.size())).kind, Kind::ipv6);
}

TEST(ClassifyIpv6, SegmentByItsTuple) {
    for (const test::Tags tags : test::kTags) {
        const Destination6 to = classified(test::tcp6_frame(kFlow6, 0x10, tags));
        EXPECT_EQ(to.kind, Kind::segment);
        EXPECT_EQ(to.tuple, kFlow6);
        EXPECT_FALSE(to.opens);
    }
    EXPECT_TRUE(classified(test::tcp6_frame(kFlow6, 0x02)).opens);
    EXPECT_TRUE(classified(test::tcp6_frame(kFlow6, 0x12)).opens);
}

TEST(ClassifyIpv6, SegmentBehindExtensionHeadersByItsTuple) {
    for (const Extensions& extensions : kExtensions) {
        const Destination6 to = classified(test::tcp6_frame(kFlow6, 0x10, test::Tags::vlan, extensions));
        EXPECT_EQ(to.kind, Kind::unhashed);
        EXPECT_EQ(to.tuple, kFlow6);
    }
}

TEST(ClassifyIpv6, FragmentsAndEndlessChainsGoToTheFirstEngine) {
    for (const uint16_t field : {uint16_t{1}, uint16_t{8}, uint16_t{0xfff8}, uint16_t{0x0101}})
        EXPECT_EQ(classified(test::tcp6_frame(kFlow6, 0x10, test::Tags::none, {test::fragment(field)})).kind,
                  Kind::first);
    EXPECT_EQ(
        classified(test::tcp6_frame(kFlow6, 0x10, test::Tags::none, Extensions(9, test::options(60)))).kind,
        Kind::first);
    Frame longer_than_the_frame = test::tcp6_frame(kFlow6, 0x10, test::Tags::none, {test::options(0)});
    longer_than_the_frame[14 + 41] = 20;
    EXPECT_EQ(classified(longer_than_the_frame).kind, Kind::first);
}

TEST(ClassifyIpv6, ErrorByTheSegmentItQuotes) {
    const FlowTuple6 sent{kFlow6.destination, kFlow6.source, kFlow6.destination_port, kFlow6.source_port};
    for (uint8_t type = 1; type <= 4; ++type) {
        for (const size_t quoted : {4u, 8u, 20u}) {
            const Destination6 to = classified(test::icmp6_error(type, sent, quoted));
            EXPECT_EQ(to.kind, Kind::quoted);
            EXPECT_EQ(to.tuple, kFlow6) << "as the peer's segments have it";
        }
        for (const Extensions& extensions : kExtensions)
            EXPECT_EQ(classified(test::icmp6_error(type, sent, 20, extensions)).tuple, kFlow6);
    }
    EXPECT_EQ(classified(test::icmp6_error(1, sent, 3)).kind, Kind::first) << "ports are not all there";
    EXPECT_EQ(classified(test::icmp6_error(0, sent)).kind, Kind::first);
    EXPECT_EQ(classified(test::icmp6_error(5, sent)).kind, Kind::first);
    EXPECT_EQ(classified(test::icmp6_error(128, sent)).kind, Kind::first) << "an echo request quotes nothing";
}

TEST(ClassifyIpv6, AdvertisementsGoToEveryoneTheRestToOne) {
    const Frame body(16, 0);
    for (int type = 5; type <= 255; ++type) {
        const bool everyone = type == 134 || type == 136;
        EXPECT_EQ(classified(test::icmp6_frame(static_cast<uint8_t>(type), body)).kind,
                  everyone ? Kind::everyone : Kind::first)
            << type;
    }
    Frame probe = test::icmp6_frame(135, body);
    std::fill_n(probe.begin() + 14 + 8, 16, uint8_t{0});
    EXPECT_EQ(classified(probe).kind, Kind::everyone) << "for a duplicate";
    for (const uint8_t type : {uint8_t{134}, uint8_t{136}}) {
        Frame forwarded = test::icmp6_frame(type, body);
        forwarded[14 + 7] = 254;
        EXPECT_EQ(classified(forwarded).kind, Kind::first) << "a router has forwarded it";
    }
    probe[14 + 7] = 64;
    EXPECT_EQ(classified(probe).kind, Kind::first);
    const Frame listener_query = test::icmp6_frame(130, body, {test::options(0)});
    EXPECT_EQ(classified(listener_query).kind, Kind::first);
}

TEST(ClassifyIpv6, OtherPacketsGoToTheFirstEngine) {
    Frame udp = test::tcp6_frame(kFlow6);
    udp[14 + 6] = 17;
    EXPECT_EQ(classified(udp).kind, Kind::first);
    Frame ipv4_in_ipv6_type = test::tcp6_frame(kFlow6);
    ipv4_in_ipv6_type[14] = 0x45;
    EXPECT_EQ(classified(ipv4_in_ipv6_type).kind, Kind::first);
}

TEST(ClassifyIpv6, NeverReadsBeyondTheFrame) {
    const std::vector<Frame> frames = {test::tcp6_frame(kFlow6, 0x02, test::Tags::both, kExtensions[5]),
                                       test::icmp6_error(2, kFlow6, 20, kExtensions[5]),
                                       test::icmp6_frame(136, Frame(20, 0))};
    test::for_each_damaged(frames, [](const Frame& frame) { (void)classified(frame); });
}

TEST(MulticastGroups, AllNodesAndTheSolicitedNodeGroupOfEachAddress) {
    const Mac mac{{0x02, 0x11, 0x22, 0x33, 0x44, 0x55}};
    EXPECT_TRUE(groups_of({}, mac).empty()) << "none without IPv6";
    Ipv6 same_group = address6(1);
    same_group.octets[7] = 9;
    EXPECT_EQ(
        groups_of({address6(9), address6(1), same_group}, mac),
        (std::vector<Mac>{Mac{{0x33, 0x33, 0, 0, 0, 1}}, Mac{{0x33, 0x33, 0xff, 0, 0, 1}},
                          Mac{{0x33, 0x33, 0xff, 0, 0, 9}}, Mac{{0x33, 0x33, 0xff, 0x33, 0x44, 0x55}}}));
}

/// The interface's groups as the kernel lists them. Needs the right to open packet sockets.
TEST(GroupMembership, LastsAsLongAsTheObject) {
    const auto groups = groups_of({address6(0x77)}, Mac{{2, 0, 0, 0, 0, 0x78}});
    const auto joined = [] {
        std::ifstream list("/proc/net/dev_mcast");
        size_t found = 0;
        for (std::string line; std::getline(list, line);)
            found += line.find(" lo ") != line.npos &&
                     (line.find("3333ff000077") != line.npos || line.find("3333ff000078") != line.npos);
        return found;
    };
    const auto interface = static_cast<int>(if_nametoindex("lo"));
    {
        const GroupMembership membership(interface, groups);
        if (membership.why_not().find("not permitted") != std::string::npos) GTEST_SKIP() << "not root";
        EXPECT_EQ(membership.why_not(), "");
        EXPECT_EQ(joined(), 2u);
    }
    EXPECT_EQ(joined(), 0u);
    const std::vector<Mac> many(kMostGroups + 1, groups[0]);
    EXPECT_EQ(GroupMembership(interface, many).why_not(), "") << "all multicast frames";
}

TEST(GroupMembership, SaysWhyNotAndWhatHelps) {
    const GroupMembership membership(0x7fffffff, {Mac{{0x33, 0x33, 0, 0, 0, 1}}});
    EXPECT_NE(membership.why_not().find("allmulticast on"), std::string::npos) << membership.why_not();
}

}  // namespace
}  // namespace synfin::port
