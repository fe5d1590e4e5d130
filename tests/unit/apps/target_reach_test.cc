/// What a run does before its targets' next hops have answered ARP.
#include "traffic/target_reach.hh"

#include <gtest/gtest.h>

#include <set>

#include "buf/memory_port.hh"
#include "stack/queue_engine.hh"
#include "traffic/client_run.hh"
#include "wire/arp.hh"
#include "wire/ether.hh"

namespace synfin::app {
namespace {

const Mac kOurs{{2, 0, 0, 0, 0, 1}}, kTheirs{{2, 0, 0, 0, 0, 2}};
const Ipv4 kUs{0x0a000001}, kHost{0x0a000002}, kOther{0x0a000003};

/// A run of one connection to each target, on a LAN where `answering` answer ARP and nobody answers SYNs.
struct Lan {
    explicit Lan(const std::vector<Ipv4>& targets) : engine(config(), port, HashKey{1, 2}) {
        GeneratorPlan plan;
        for (const Ipv4 target : targets) plan.calls.push_back({.peer = {target, 80}});
        plan.sources = {kUs};
        plan.purpose = GeneratorPlan::Purpose::nothing;
        plan.connections = static_cast<uint32_t>(targets.size());
        run.emplace(std::move(plan), 1h, stop);
        run->start(now);
    }
    ~Lan() { engine.release_packets(); }

    static stack::StackConfig config() {
        stack::StackConfig out;
        out.addresses = {{kUs, 24}};
        out.max_connections = out.max_half_open = out.max_time_wait = 64;
        out.seed = 1;
        return out;
    }
    static buf::QueueCaps caps() {
        buf::QueueCaps out;
        out.mac = kOurs;
        return out;
    }
    void pass(Duration d) {
        for (const Instant end = now + d; now < end; now += 1ms) {
            run->turn(stack, now);
            while (const auto frame = port.take()) take(*frame);
        }
    }
    void take(const std::vector<uint8_t>& frame) {
        wire::EtherHeader ether;
        wire::ArpPacket arp;
        ASSERT_TRUE(wire::parse_ether(frame, ether));
        if (!wire::parse_arp(Bytes(frame).subspan(ether.length), arp)) {
            ++syns;
            return;
        }
        if (!answering.contains(arp.target_ip)) return;
        std::vector<uint8_t> reply(64);
        const uint8_t l2 =
            wire::write_ether(reply.data(), kOurs, kTheirs, std::nullopt, wire::kEtherTypeArp, std::nullopt);
        wire::write_arp(reply.data() + l2, {wire::kArpReply, kTheirs, arp.target_ip, kOurs, kUs});
        ASSERT_TRUE(port.deliver(reply));
    }

    std::atomic<bool> stop = false;
    std::set<Ipv4> answering;
    Instant now = Instant::from_ns(5'000'000'000);
    buf::MemoryPort port{caps(), 256};
    stack::QueueEngine<buf::MemoryPort> engine;
    Stack stack{engine};
    std::optional<ClientRun> run;
    int syns = 0;
};

TEST(TargetReach, NothingOpensBeforeTheNextHopHasAnswered) {
    Lan lan({kHost});
    lan.pass(900ms);
    EXPECT_EQ(lan.run->generator().tally().offered, 0u);
    lan.answering = {kHost};
    lan.pass(200ms);
    EXPECT_EQ(lan.run->generator().tally().opened, 1u);
    EXPECT_EQ(lan.syns, 1);
    EXPECT_EQ(lan.run->phase(), ClientRun::Phase::opening);
}

TEST(TargetReach, ARunThatReachesNobodyIsOverAfterThreeQuestions) {
    Lan lan({kHost, kOther});
    lan.pass(2900ms);
    EXPECT_FALSE(lan.run->over());
    lan.pass(200ms);
    EXPECT_TRUE(lan.run->over());
    EXPECT_TRUE(lan.run->is_unreached());
    EXPECT_EQ(lan.run->generator().tally().offered, 0u);
    EXPECT_EQ(lan.stack.counters()[Counter::arp_requests_sent], 6u);
}

TEST(TargetReach, OneThatIsReachedIsEnough) {
    Lan lan({kHost, kOther});
    lan.answering = {kOther};
    lan.pass(3100ms);
    EXPECT_FALSE(lan.run->is_unreached());
    EXPECT_EQ(lan.run->generator().tally().opened, 2u);
}

TEST(TargetReach, AStopEndsTheWait) {
    Lan lan({kHost});
    lan.pass(100ms);
    lan.stop = true;
    lan.pass(10ms);
    EXPECT_TRUE(lan.run->over());
    EXPECT_FALSE(lan.run->is_unreached());
}

/// More than are asked for side by side.
TEST(TargetReach, ManyTargetsAreAskedForInTurn) {
    std::vector<Ipv4> targets;
    for (uint32_t i = 2; i < 202; ++i) targets.push_back(Ipv4{0x0a000000 + i});
    Lan lan(targets);
    lan.answering.insert(targets.begin(), targets.end());
    lan.pass(50ms);
    EXPECT_EQ(lan.run->phase(), ClientRun::Phase::opening);
    EXPECT_EQ(lan.stack.counters()[Counter::arp_requests_sent], 200u);
}

}  // namespace
}  // namespace synfin::app
