#include <gtest/gtest.h>

#include <vector>

#include "base/random.hh"
#include "damaged_frames.hh"
#include "frames.hh"
#include "port/steering.hh"
#include "rss.hh"

namespace synfin::port {
namespace {

using test::Frame;
using Kind = Destination::Kind;

constexpr FlowTuple kFlow{0x0a000002, 0x0a000001, 40'000, 80};

Destination classified(const Frame& frame) {
    return test::read_exactly(frame,
                              [](const uint8_t* data, uint32_t length) { return classify(data, length); });
}

Frame icmp_error(uint8_t type, const FlowTuple& ours, uint32_t quoted_bytes) {
    Frame frame = test::ethernet(0x0800);
    test::put_ip(frame, 1, {ours.destination, ours.source, 0, 0}, 8 + 20 + quoted_bytes);
    frame.insert(frame.end(), {type, 0, 0, 0, 0, 0, 0, 0});
    test::put_ip(frame, 6, ours, 20);
    Frame tcp;
    test::put_tcp(tcp, ours, 0x10);
    tcp.resize(quoted_bytes);
    frame.insert(frame.end(), tcp.begin(), tcp.end());
    return frame;
}

TEST(Classify, SegmentByItsTuple) {
    for (const test::Tags tags : test::kTags) {
        for (const uint32_t words : {0u, 3u, 10u}) {
            const Destination to = classified(test::tcp_frame(kFlow, 0x10, tags, {.words = words}));
            EXPECT_EQ(to.kind, Kind::segment);
            EXPECT_EQ(to.tuple, kFlow);
            EXPECT_FALSE(to.opens);
        }
    }
    EXPECT_TRUE(classified(test::tcp_frame(kFlow, 0x02)).opens);
    EXPECT_TRUE(classified(test::tcp_frame(kFlow, 0x12)).opens);
}

TEST(Classify, IcmpErrorByTheSegmentItQuotes) {
    const FlowTuple sent{kFlow.destination, kFlow.source, kFlow.destination_port, kFlow.source_port};
    constexpr uint8_t kErrors[] = {3, 4, 5, 11, 12};
    for (const uint8_t type : kErrors) {
        for (const uint32_t quoted : {4u, 8u, 20u}) {
            const Destination to = classified(icmp_error(type, sent, quoted));
            EXPECT_EQ(to.kind, Kind::quoted);
            EXPECT_EQ(to.tuple, kFlow) << "as the peer's segments have it";
        }
    }
    EXPECT_EQ(classified(icmp_error(3, sent, 3)).kind, Kind::first) << "ports are not all there";
    EXPECT_EQ(classified(icmp_error(8, sent, 20)).kind, Kind::first) << "an echo request quotes nothing";
}

TEST(Classify, FragmentsGoToTheFirstEngine) {
    constexpr uint16_t kFragments[] = {0x2000, 0x0001, 0x2001, 0x1fff};
    for (const uint16_t fragment : kFragments)
        EXPECT_EQ(classified(test::tcp_frame(kFlow, 0x10, test::Tags::none, {.fragment = fragment})).kind,
                  Kind::first);
}

TEST(Classify, ArpAnswersGoToEveryoneRequestsToOne) {
    EXPECT_EQ(classified(test::arp_frame(2, 0x0a000002, 0x0a000001)).kind, Kind::everyone);
    EXPECT_EQ(classified(test::arp_frame(1, 0x0a000002, 0x0a000001)).kind, Kind::first);
    EXPECT_EQ(classified(test::arp_frame(1, 0x0a000002, 0x0a000002)).kind, Kind::everyone) << "announcement";
}

TEST(Classify, OtherFramesGoToTheFirstEngine) {
    Frame udp = test::tcp_frame(kFlow);
    udp[14 + 9] = 17;
    EXPECT_EQ(classified(udp).kind, Kind::first);
    Frame ipv6_in_ipv4_type = test::tcp_frame(kFlow);
    ipv6_in_ipv4_type[14] = 0x65;
    EXPECT_EQ(classified(ipv6_in_ipv4_type).kind, Kind::first);
}

TEST(Classify, NeverReadsBeyondTheFrame) {
    const std::vector<Frame> frames = {test::tcp_frame(kFlow, 0x02, test::Tags::both, {.words = 10}),
                                       icmp_error(3, kFlow, 20), test::arp_frame(2, 1, 2)};
    test::for_each_damaged(frames, [](const Frame& frame) { (void)classified(frame); });
}

TEST(SteeringPlan, SpreadsFlowsEvenlyAndAlwaysTheSame) {
    const SteeringPlan plan(3, {1, 2}), same(3, {1, 2}), other_key(3, {1, 3});
    std::array<unsigned, 3> count{};
    unsigned moved = 0;
    for (uint32_t port = 1024; port < 31'024; ++port) {
        const FlowTuple tuple{0x0a000002, 0x0a000001, static_cast<uint16_t>(port), 80};
        const unsigned engine = plan.engine_of(tuple);
        ASSERT_LT(engine, 3u);
        ASSERT_EQ(engine, same.engine_of(tuple));
        moved += engine != other_key.engine_of(tuple);
        ++count[engine];
    }
    for (const unsigned n : count) EXPECT_NEAR(n, 10'000, 400);
    EXPECT_NEAR(moved, 20'000, 600) << "the key decides";
}

template <typename Tuple>
class SteeringOf : public testing::Test {
  protected:
    /// What an engine asks before it takes a source port is what the core that receives the answer will say.
    static void expect_owned_ports(const SteeringPlan& plan, Random& random) {
        auto tuple = test::random_tuple<Tuple>(random);
        tuple.destination_port &= 0xffc0;
        const Tuple first = tuple;
        for (int port = 0; port < 64; ++port, ++tuple.destination_port) {
            const unsigned owner = plan.engine_of(tuple);
            ASSERT_LT(owner, plan.engines());
            for (unsigned engine = 0; engine < plan.engines(); ++engine)
                ASSERT_EQ(plan.owned_ports(engine, first) >> port & 1, engine == owner ? 1u : 0u);
        }
    }
};
TYPED_TEST_SUITE(SteeringOf, test::Families, test::FamilyName);

TYPED_TEST(SteeringOf, OwnedPortsAreThoseOfTheEngine) {
    Random random(5);
    for (unsigned engines = 1; engines <= 70; ++engines) {
        const SteeringPlan plan(engines, {random.next(), random.next()});
        for (int i = 0; i < 10; ++i) this->expect_owned_ports(plan, random);
    }
}

/// RSS of IPv4 alone, then of both: IPv6 is the software's choice until it is known what the device does.
TYPED_TEST(SteeringOf, OwnedPortsAreThoseOfTheEngineBehindRss) {
    Random random(6);
    const std::vector<uint8_t> key = test::random_key(random, 40);
    const std::vector<uint16_t> reta = test::redirection_table(random, 128, 3, true);
    SteeringPlan plan(3, {1, 2}, RssPrediction(key, reta));
    for (int i = 0; i < 50; ++i) this->expect_owned_ports(plan, random);
    plan.predict_v6(RssPrediction6(key, reta));
    const BasicRssPrediction<TypeParam> prediction(key, reta);
    for (int i = 0; i < 50; ++i) {
        this->expect_owned_ports(plan, random);
        const auto tuple = test::random_tuple<TypeParam>(random);
        EXPECT_EQ(plan.engine_of(tuple), prediction.queue(tuple));
    }
}

/// Each byte of both addresses and the ports, and the key.
TEST(SteeringPlan, TheSoftwareSpreadsIpv6ByTheWholeTuple) {
    const SteeringPlan plan(64, {1, 2}), other_key(64, {1, 3});
    Random random(7);
    unsigned moved = 0, by_key = 0;
    for (int i = 0; i < 100; ++i) {
        auto tuple = test::random_tuple<FlowTuple6>(random);
        const unsigned engine = plan.engine_of(tuple);
        by_key += engine != other_key.engine_of(tuple);
        for (Ipv6* each : {&tuple.source, &tuple.destination}) {
            for (uint8_t& octet : each->octets) {
                octet ^= 1;
                moved += engine != plan.engine_of(tuple);
                octet ^= 1;
            }
        }
    }
    EXPECT_GT(by_key, 90u);
    EXPECT_GT(moved, 3'100u) << "63 of 64 of 3,200";
}

TEST(SteeringPlan, OneEngineOwnsEverything) {
    const SteeringPlan plan(1, {1, 2});
    EXPECT_EQ(plan.owned_ports(0, kFlow), ~uint64_t{0});
    EXPECT_EQ(plan.kind(), Steering::one_engine);
    EXPECT_EQ(plan.engine_of(kFlow), 0u);
}

}  // namespace
}  // namespace synfin::port
