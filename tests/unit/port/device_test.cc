#include <gtest/gtest.h>

#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "base/random.hh"
#include "frames.hh"
#include "frames6.hh"
#include "port/core_threads.hh"
#include "port/device.hh"
#include "port_frames.hh"
#include "rss.hh"

namespace synfin::port {
namespace {

using test::Frame;
using test::packet_of;
using test::packets_out;
using test::receive;
using test::send;

std::unique_ptr<Device> open(const std::string& text, unsigned engines) {
    Refusal refusal;
    DeviceConfig config;
    config.spec = *parse_device(text, refusal);
    config.engines = engines;
    config.no_huge = true;
    config.key = {11, 22};
    auto device = Device::open(config, refusal);
    EXPECT_TRUE(device) << refusal.why;
    return device;
}

FlowTuple flow(unsigned i) {
    return {0x0a000002, 0x0a000001, static_cast<uint16_t>(1024 + i), 80};
}

FlowTuple6 flow6(unsigned i) {
    return {test::address6(2), test::address6(1), static_cast<uint16_t>(1024 + i), 80};
}
Frame segment(const FlowTuple& t, uint8_t flags = 0x10) {
    return test::tcp_frame(t, flags);
}
Frame segment(const FlowTuple6& t, uint8_t flags = 0x10) {
    return test::tcp6_frame(t, flags);
}

TEST(WireDevice, CarriesFramesBothWaysBetweenItsPairs) {
    Refusal refusal;
    WireConfig config;
    config.wires = 2;
    config.no_huge = true;
    auto device = Device::open_wires(config, refusal);
    ASSERT_TRUE(device) << refusal.why;
    ASSERT_EQ(device->ports(), 4u);
    EXPECT_EQ(device->report().steering, Steering::wire);
    std::set<std::string> macs;
    for (unsigned i = 0; i < 4; ++i) macs.insert(device->port(i).caps().mac.text());
    EXPECT_EQ(macs.size(), 4u);

    const Frame there = test::tcp_frame(flow(1)), back = test::tcp_frame(flow(2), 0x12, test::Tags::vlan);
    ASSERT_TRUE(send(device->port(0), there));
    ASSERT_TRUE(send(device->port(1), back));
    ASSERT_TRUE(send(device->port(3), Frame(1518, 0x33)));
    EXPECT_EQ(receive(device->port(1)), std::vector<Frame>{there});
    EXPECT_EQ(receive(device->port(0)), std::vector<Frame>{back});
    EXPECT_EQ(receive(device->port(2)), std::vector<Frame>{Frame(1518, 0x33)});
    for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(packets_out(device->port(i)), 0u);
    EXPECT_EQ(device->port(0).owned_ports(Ipv4{1}, 64, Ipv4{2}, 2), ~uint64_t{0});
}

TEST(WireDevice, FullWireRefusesAndTheEngineKeepsTheRest) {
    Refusal refusal;
    WireConfig config;
    config.no_huge = true;
    config.bytes = 64 * 1024;
    auto device = Device::open_wires(config, refusal);
    ASSERT_TRUE(device) << refusal.why;
    const Frame frame(100, 1);  // 128 bytes on the wire
    unsigned sent = 0;
    while (send(device->port(0), frame)) ++sent;
    EXPECT_EQ(sent, 64u * 1024 / 128);
    EXPECT_EQ(device->port(0).counters().tx_refused, 1u);
    EXPECT_EQ(packets_out(device->port(0)), 0u) << "frames on the wire are copies";
    EXPECT_EQ(receive(device->port(1)).size(), sent);
    EXPECT_TRUE(send(device->port(0), frame));
}

/// Which of the frames that end `from` sends arrive: their second bytes.
std::vector<uint8_t> surviving(const WireLoss& loss, unsigned from) {
    Refusal refusal;
    WireConfig config;
    config.no_huge = true;
    config.loss = loss;
    auto device = Device::open_wires(config, refusal);
    EXPECT_TRUE(device) << refusal.why;
    std::vector<uint8_t> arrived;
    for (unsigned i = 0; i < 200; ++i) {
        EXPECT_TRUE(send(device->port(from), Frame(60, static_cast<uint8_t>(i)))) << "the sender never knows";
        for (const Frame& frame : receive(device->port(1 - from))) arrived.push_back(frame[1]);
    }
    EXPECT_EQ(device->stats().wire_loss, 200 - arrived.size());
    EXPECT_EQ(device->stats().tx_packets, 200u);
    EXPECT_EQ(device->stats().rx_packets, arrived.size());
    for (unsigned i = 0; i < 2; ++i) EXPECT_EQ(packets_out(device->port(i)), 0u);
    return arrived;
}

TEST(WireDevice, LosesOnPurposeBySeed) {
    const WireLoss tenth{.ppm = 100'000, .seed = 5};
    const auto there = surviving(tenth, 0), back = surviving(tenth, 1);
    EXPECT_NEAR(static_cast<double>(there.size()), 180, 15);
    EXPECT_NEAR(static_cast<double>(back.size()), 180, 15);
    EXPECT_NE(there, back) << "each direction has its own luck";
    EXPECT_EQ(there, surviving(tenth, 0)) << "the same seed, the same loss";
    EXPECT_NE(there, surviving({.ppm = 100'000, .seed = 6}, 0));
    EXPECT_EQ(surviving({}, 0).size(), 200u) << "by default nothing";
    EXPECT_EQ(surviving({.ppm = 1'000'000}, 1).size(), 0u);
    Refusal refusal;
    WireConfig more_than_all;
    more_than_all.loss.ppm = 1'000'001;
    EXPECT_FALSE(Device::open_wires(more_than_all, refusal));
    EXPECT_EQ(refusal.error, Error::invalid);
}

TEST(WireDevice, WithoutABufferTheFrameWaits) {
    Refusal refusal;
    WireConfig config;
    config.no_huge = true;
    config.packets = 64;
    auto device = Device::open_wires(config, refusal);
    ASSERT_TRUE(device) << refusal.why;
    DevicePort& port = device->port(1);
    std::vector<rte_mbuf*> held;
    while (rte_mbuf* packet = port.alloc()) held.push_back(packet);
    ASSERT_TRUE(send(device->port(0), test::tcp_frame(flow(1))));
    EXPECT_TRUE(receive(port).empty());
    EXPECT_GT(port.counters().no_buffer, 0u);
    for (rte_mbuf* packet : held) port.free(packet);
    EXPECT_EQ(receive(port).size(), 1u);
}

TEST(Packets, LieAllOverTheCache) {
    Refusal refusal;
    WireConfig config;
    config.no_huge = true;  // pages of 4 KiB: the beginning of one is always in the same set
    auto device = Device::open_wires(config, refusal);
    ASSERT_TRUE(device) << refusal.why;
    DevicePort& port = device->port(0);
    std::vector<rte_mbuf*> burst;
    std::set<uintptr_t> sets;
    for (unsigned i = 0; i < 32; ++i) {
        burst.push_back(port.alloc());
        sets.insert(reinterpret_cast<uintptr_t>(burst.back()) / 64 % 64);
    }
    EXPECT_GE(sets.size(), 24u);
    for (rte_mbuf* packet : burst) port.free(packet);
}

/// Whether the mapping that holds an address is advised to be of transparent huge pages.
bool may_be_huge(const void* address) {
    std::ifstream maps("/proc/self/smaps");
    bool is_ours = false;
    for (std::string line; std::getline(maps, line);) {
        uintptr_t begin = 0, end = 0;
        if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " ", &begin, &end) == 2)
            is_ours =
                begin <= reinterpret_cast<uintptr_t>(address) && reinterpret_cast<uintptr_t>(address) < end;
        if (is_ours && line.starts_with("VmFlags:")) return (line + " ").find(" hg ") != std::string::npos;
    }
    return false;
}

TEST(Packets, MayLieInHugePagesWhereDpdkHasNone) {
    if (!std::filesystem::exists("/sys/kernel/mm/transparent_hugepage")) GTEST_SKIP() << "not in this kernel";
    Refusal refusal;
    WireConfig config;
    config.no_huge = true;
    auto device = Device::open_wires(config, refusal);
    ASSERT_TRUE(device) << refusal.why;
    rte_mbuf* packet = device->port(0).alloc();
    EXPECT_TRUE(may_be_huge(packet));
    device->port(0).free(packet);
}

TEST(Packets, ResetOnlyWhatIsOwnedAlone) {
    Refusal refusal;
    WireConfig config;
    config.no_huge = true;
    auto device = Device::open_wires(config, refusal);
    ASSERT_TRUE(device) << refusal.why;
    DevicePort& port = device->port(0);
    rte_mbuf* packet = packet_of(port, Frame(700, 9));
    rte_pktmbuf_adj(packet, 100);
    rte_mbuf_refcnt_update(packet, 1);
    EXPECT_FALSE(port.reset(packet));
    rte_mbuf_refcnt_update(packet, -1);
    ASSERT_TRUE(port.reset(packet));
    EXPECT_GE(rte_pktmbuf_headroom(packet), buf::kHeadroom);
    EXPECT_GE(packet->buf_len - packet->data_off, port.caps().max_frame);
    DevicePort::finish(packet, 60, {.l2_len = 14, .l3_len = 20, .ip_checksum = true, .tcp_checksum = true});
    EXPECT_EQ(DevicePort::length(packet), 60u);
    EXPECT_EQ(packet->data_len, 60u);
    EXPECT_EQ(packet->ol_flags, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM);
    EXPECT_EQ(packet->l2_len, 14u);
    EXPECT_EQ(packet->l3_len, 20u);
    port.free(packet);
    EXPECT_EQ(packets_out(port), 0u);
}

/// One queue, which DPDK's ring device gives back what is sent on, and three engines: the first owns the
/// queue.
class SharedQueue : public ::testing::Test {
  protected:
    void SetUp() override {
        device_ = open("vdev:net_ring_shared", 1);
        ASSERT_TRUE(device_);
        DevicePort::Queues queues;
        ASSERT_EQ(rte_eth_dev_get_port_by_name("net_ring_shared", &queues.device), 0);
        for (unsigned engine = 0; engine < 3; ++engine) {
            if (engine == 0) queues.tx_clients = {1, 2};
            if (engine != 0)
                queues = {.device = queues.device, .rx = DevicePort::kNone, .tx = DevicePort::kNone};
            ports_.push_back(
                std::make_unique<DevicePort>(engine, queues, plan_, pool(), device_->port(0).caps()));
        }
    }
    rte_mempool* pool() { return device_->port(0).pool(); }
    bool owns(unsigned engine, const auto& tuple) { return test::owns(*ports_[engine], tuple); }
    template <typename Tuple>
    void expect_each_at_its_engine(Tuple (*nth_flow)(unsigned));
    /// What each engine gets in a few turns of all.
    std::vector<std::vector<Frame>> turns() {
        std::vector<std::vector<Frame>> got(3);
        for (int round = 0; round < 4; ++round)
            for (unsigned engine = 0; engine < 3; ++engine)
                for (Frame& frame : receive(*ports_[engine])) got[engine].push_back(std::move(frame));
        return got;
    }
    SteeringPlan plan_{3, {11, 22}};
    std::unique_ptr<Device> device_;
    std::vector<std::unique_ptr<DevicePort>> ports_;
};

template <typename Tuple>
void SharedQueue::expect_each_at_its_engine(Tuple (*nth_flow)(unsigned)) {
    std::vector<std::vector<Frame>> expected(3);
    for (unsigned i = 0; i < 300; ++i) {
        const Frame frame = segment(nth_flow(i));
        unsigned owners = 0;
        for (unsigned engine = 0; engine < 3; ++engine) {
            if (!owns(engine, nth_flow(i))) continue;
            ++owners;
            expected[engine].push_back(frame);
        }
        ASSERT_EQ(owners, 1u);
        ASSERT_TRUE(send(*ports_[0], frame));
    }
    EXPECT_EQ(turns(), expected) << "each its own, in order";
    EXPECT_EQ(ports_[0]->counters().steered, expected[1].size() + expected[2].size());
    EXPECT_EQ(ports_[0]->counters().misdirected, 0u);
}

TEST_F(SharedQueue, EverySegmentReachesTheEngineThatOwnsIt) {
    expect_each_at_its_engine(flow);
}

TEST_F(SharedQueue, EverySegmentOfIpv6ReachesTheEngineThatOwnsIt) {
    expect_each_at_its_engine(flow6);
}

TEST_F(SharedQueue, OneEngineSpeaksForAll) {
    EXPECT_TRUE(ports_[0]->caps().first);
    EXPECT_FALSE(ports_[1]->caps().first);
    EXPECT_FALSE(ports_[2]->caps().first);
}

TEST_F(SharedQueue, NeighbourAdvertisementsReachEveryEngineSolicitationsTheFirst) {
    const Frame advertisement = test::icmp6_frame(136, Frame(16, 0)),
                solicitation = test::icmp6_frame(135, Frame(16, 0));
    ASSERT_TRUE(send(*ports_[0], advertisement));
    ASSERT_TRUE(send(*ports_[0], solicitation));
    EXPECT_EQ(turns(), (std::vector<std::vector<Frame>>{
                           {advertisement, solicitation}, {advertisement}, {advertisement}}));
}

/// RSS whose prediction all belongs to engine 1, while every frame arrives at engine 0's queue.
class WrongQueue : public ::testing::Test {
  protected:
    void SetUp() override {
        device_ = open("vdev:net_ring_wrong", 1);
        ASSERT_TRUE(device_);
        DevicePort::Queues queues;
        ASSERT_EQ(rte_eth_dev_get_port_by_name("net_ring_wrong", &queues.device), 0);
        for (unsigned engine = 0; engine < 2; ++engine) {
            if (engine == 1) queues.rx = DevicePort::kNone;
            ports_.push_back(std::make_unique<DevicePort>(engine, queues, plan_, device_->port(0).pool(),
                                                          device_->port(0).caps()));
        }
    }
    /// Whether a frame passes to engine 1; otherwise engine 0 keeps it.
    bool is_forwarded(const Frame& frame) {
        EXPECT_TRUE(send(*ports_[0], frame));
        const size_t kept = receive(*ports_[0]).size(), forwarded = receive(*ports_[1]).size();
        EXPECT_EQ(kept + forwarded, 1u);
        return forwarded == 1;
    }
    static RssPrediction prediction() { return {std::vector<uint8_t>(40, 0x6d), {1, 1}}; }
    static RssPrediction6 prediction6() { return {std::vector<uint8_t>(40, 0x6d), {1, 1}}; }

    SteeringPlan plan_{2, {11, 22}, prediction()};
    std::unique_ptr<Device> device_;
    std::vector<std::unique_ptr<DevicePort>> ports_;
};

/// A device's hash is believed until a SYN contradicts it; what lies behind extension headers never counts.
TEST_F(WrongQueue, OfIpv6IsFoundByASyn) {
    plan_.predict_v6(prediction6());
    EXPECT_FALSE(is_forwarded(segment(flow6(1))));
    EXPECT_TRUE(is_forwarded(test::tcp6_frame(flow6(1), 0x02, test::Tags::none, {test::options(60)})));
    EXPECT_TRUE(is_forwarded(test::icmp6_error(2, {test::address6(1), test::address6(2), 80, 1025})));
    EXPECT_FALSE(plan_.check_all());
    EXPECT_EQ(ports_[0]->counters().misdirected, 0u);
    EXPECT_TRUE(is_forwarded(segment(flow6(1), 0x02)));
    EXPECT_TRUE(plan_.check_all());
    EXPECT_EQ(ports_[0]->counters().misdirected, 1u);
    EXPECT_TRUE(is_forwarded(segment(flow6(1))));
}

/// A device that does not hash the ports of TCP over IPv6: software chooses, for every segment.
TEST_F(WrongQueue, OfIpv6IsExpectedWithoutAPrediction) {
    const unsigned owner = plan_.engine_of(flow6(1));
    EXPECT_EQ(is_forwarded(segment(flow6(1))), owner == 1);
    EXPECT_EQ(is_forwarded(segment(flow6(1), 0x02)), owner == 1);
    EXPECT_FALSE(plan_.check_all()) << "IPv4 is still believed";
    EXPECT_EQ(ports_[0]->counters().misdirected, 0u);
}

TEST_F(SharedQueue, EnginesWithoutAQueueSendThroughTheOwner) {
    const Frame one = test::arp_frame(1, 7, 8), two = test::arp_frame(1, 9, 8);
    ASSERT_TRUE(send(*ports_[1], one));
    ASSERT_TRUE(send(*ports_[2], two));
    EXPECT_EQ(turns()[0], (std::vector<Frame>{one, two})) << "requests are for the first engine";
    EXPECT_EQ(rte_mempool_in_use_count(pool()), 0u);
}

/// Whose engine ended after the owner's last turn.
TEST_F(SharedQueue, WhatWasHandedOverLeavesBeforeTheOwnerGoes) {
    std::vector<Frame> sent(100, test::arp_frame(1, 7, 8));  // more than the owner takes in a turn
    for (const Frame& frame : sent) ASSERT_TRUE(send(*ports_[1], frame));
    ports_[0].reset();
    EXPECT_EQ(receive(device_->port(0)), sent);
}

TEST_F(SharedQueue, ArpAnswersReachEveryEngineAsItsOwnPacket) {
    const Frame answer = test::arp_frame(2, 7, 8);
    ASSERT_TRUE(send(*ports_[0], answer));
    std::array<rte_mbuf*, 3> packets{};
    for (unsigned engine = 0; engine < 3; ++engine) {
        ASSERT_EQ(ports_[engine]->rx_burst(&packets[engine], 1), 1u);
        EXPECT_TRUE(std::equal(answer.begin(), answer.end(), DevicePort::data(packets[engine])));
        EXPECT_TRUE(ports_[engine]->reset(packets[engine])) << "shared with nobody";
    }
    EXPECT_EQ((std::set<rte_mbuf*>(packets.begin(), packets.end()).size()), 3u);
    for (unsigned engine = 0; engine < 3; ++engine) ports_[engine]->free(packets[engine]);
}

TEST_F(SharedQueue, FullMailboxDropsAndCounts) {
    unsigned of_one = 0;
    while (!owns(1, flow(of_one))) ++of_one;
    constexpr unsigned kFrames = 3000;  // more than a mailbox holds
    for (unsigned i = 0; i < kFrames; ++i) {
        ASSERT_TRUE(send(*ports_[0], test::tcp_frame(flow(of_one))));
        ASSERT_TRUE(receive(*ports_[0]).empty());
    }
    const size_t arrived = receive(*ports_[1]).size();
    const PortCounters& counters = ports_[0]->counters();
    EXPECT_GT(counters.mailbox_full, 0u);
    EXPECT_EQ(arrived + counters.mailbox_full, kFrames);
    EXPECT_EQ(counters.steered, arrived);
    EXPECT_EQ(rte_mempool_in_use_count(pool()), 0u);
}

TEST_F(SharedQueue, ClosingFreesWhatIsOnItsWay) {
    for (unsigned i = 0; i < 64; ++i) {
        ASSERT_TRUE(send(*ports_[0], test::tcp_frame(flow(i))));
        ASSERT_TRUE(send(*ports_[1], test::tcp_frame(flow(i))));
    }
    (void)receive(*ports_[0]);
    ASSERT_TRUE(send(*ports_[2], test::tcp_frame(flow(1))));
    EXPECT_GT(rte_mempool_in_use_count(pool()), 0u);
    ports_.clear();
    (void)receive(device_->port(0));  // what the device still had
    EXPECT_EQ(rte_mempool_in_use_count(pool()), 0u);
}

TEST(DeviceOpen, AClosedDeviceCanBeOpenedAgain) {
    for (unsigned round = 0; round < 3; ++round) {
        auto device = open("vdev:net_ring_again", round + 1);
        ASSERT_TRUE(device);
        EXPECT_EQ(device->ports(), round + 1);
        Refusal refusal;
        DeviceConfig second;
        second.spec = *parse_device("vdev:net_ring_again", refusal);
        second.no_huge = true;
        EXPECT_FALSE(Device::open(second, refusal)) << "not twice at a time";
        EXPECT_EQ(refusal.error, Error::in_use);
    }
}

/// Two queues that disagree with the prediction: what a NIC does whose RSS is not what it says.
TEST(Rss, MisdirectedSegmentsAreForwardedAndCounted) {
    auto device = open("vdev:net_ring_rss", 1);
    ASSERT_TRUE(device);
    uint16_t id = 0;
    ASSERT_EQ(rte_eth_dev_get_port_by_name("net_ring_rss", &id), 0);
    std::vector<uint8_t> key(40);
    for (size_t i = 0; i < key.size(); ++i) key[i] = static_cast<uint8_t>(17 * i + 1);
    const RssPrediction prediction(key, {0, 1, 0, 1});
    SteeringPlan plan(2, {1, 2}, prediction);
    DevicePort::Queues queues;
    queues.device = id;
    rte_mempool* pool = device->port(0).pool();
    DevicePort first(0, queues, plan, pool, device->port(0).caps());  // everything arrives here
    queues.rx = queues.tx = DevicePort::kNone;
    DevicePort second(1, queues, plan, pool, device->port(0).caps());
    unsigned mine = 0, others = 0;
    while (prediction.queue(flow(mine)) != 0) ++mine;
    while (prediction.queue(flow(others)) != 1) ++others;

    ASSERT_TRUE(send(first, test::tcp_frame(flow(others), 0x10)));
    EXPECT_EQ(receive(first).size(), 1u) << "until the device is caught, only SYNs are checked";
    ASSERT_TRUE(send(first, test::tcp_frame(flow(mine), 0x02)));
    EXPECT_EQ(receive(first).size(), 1u);
    EXPECT_FALSE(plan.check_all());

    ASSERT_TRUE(send(first, test::tcp_frame(flow(others), 0x02)));
    EXPECT_TRUE(receive(first).empty());
    EXPECT_EQ(receive(second).size(), 1u);
    EXPECT_TRUE(plan.check_all());
    ASSERT_TRUE(send(first, test::tcp_frame(flow(others), 0x10)));
    EXPECT_TRUE(receive(first).empty());
    EXPECT_EQ(receive(second).size(), 1u);
    EXPECT_EQ(first.counters().misdirected, 2u);
    EXPECT_EQ(first.counters().steered, 2u);
}

/// DPDK's null device has an RSS key and table, which is all that planning asks for.
TEST(Rss, IsUsedWhereKeyAndTableCanBeReadBack) {
    auto device = open("vdev:net_null_rss", 4);
    ASSERT_TRUE(device);
    EXPECT_EQ(device->report().steering, Steering::rss) << device->report().steering_why;
    EXPECT_EQ(device->report().rx_queues, 4u);
    std::array<unsigned, 4> owned{};
    for (unsigned i = 0; i < 4000; ++i) {
        unsigned owners = 0;
        for (unsigned engine = 0; engine < 4; ++engine) {
            const bool owns = test::owns(device->port(engine), FlowTuple{0x0a000002, 0x0a000001, 80,
                                                                         static_cast<uint16_t>(20'000 + i)});
            owners += owns;
            owned[engine] += owns;
        }
        ASSERT_EQ(owners, 1u);
        for (unsigned engine = 0; engine < 4; ++engine) owners += test::owns(device->port(engine), flow6(i));
        ASSERT_EQ(owners, 2u) << "and one for IPv6";
    }
    for (const unsigned n : owned) EXPECT_NEAR(n, 1000, 400);
}

TEST(DeviceOpen, RefusalsNameTheMend) {
    struct Case {
        const char *device, *says;
    };
    const Case cases[] = {{"af_packet:sfport-none", "interfaces here: "},
                          {"virtio-user:/nonexistent/v.sock", "start the vhost side first"},
                          {"memif:/nonexistent/m.sock,server", "mkdir -p /nonexistent"},
                          {"pci:ffff:ff:1f.7", "no PCI device ffff:ff:1f.7"},
                          {"ring", "bench only"}};
    for (const Case& one : cases) {
        Refusal refusal;
        DeviceConfig config;
        config.spec = *parse_device(one.device, refusal);
        config.no_huge = true;
        EXPECT_FALSE(Device::open(config, refusal)) << one.device;
        EXPECT_NE(refusal.error, Error::none);
        EXPECT_NE(refusal.why.find(one.says), std::string::npos) << refusal.why;
    }
}

TEST(DeviceOpen, TheDriversOwnWordsAreShown) {
    Refusal refusal;
    DeviceConfig config;
    config.spec = *parse_device("vdev:net_nosuchdriver0", refusal);
    config.no_huge = true;
    EXPECT_FALSE(Device::open(config, refusal));
    EXPECT_NE(refusal.why.find("net_nosuchdriver0"), std::string::npos) << refusal.why;
}

TEST(CoreThreads, RunsEachOnItsCpuOrNoneAtAll) {
    auto device = open("vdev:net_ring_threads", 1);
    ASSERT_TRUE(device);
    const unsigned cpu = allowed_cpus().front();
    Refusal refusal;
    std::atomic<unsigned> ran{0}, on_cpu{0}, with_cache{0};
    const unsigned cores[] = {cpu, cpu};
    ASSERT_TRUE(run_on_cores(
        cores,
        [&](size_t) {
            ++ran;
            on_cpu += static_cast<unsigned>(sched_getcpu()) == cpu;
            with_cache += rte_lcore_id() != LCORE_ID_ANY;
        },
        refusal))
        << refusal.why;
    EXPECT_EQ(ran, 2u);
    EXPECT_EQ(on_cpu, 2u);
    EXPECT_EQ(with_cache, 2u);

    const unsigned absent[] = {cpu, 1023};
    EXPECT_FALSE(run_on_cores(
        absent, [&](size_t) { ++ran; }, refusal));
    EXPECT_EQ(ran, 2u);
    EXPECT_NE(refusal.why.find("1023"), std::string::npos);
}

}  // namespace
}  // namespace synfin::port
