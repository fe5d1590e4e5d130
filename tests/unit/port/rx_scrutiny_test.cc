/// What a port believes of a device: DPDK's ring device carries packets with whatever flags a driver might
/// have set.
#include <gtest/gtest.h>
#include <rte_ip.h>

#include <cstring>

#include "buf/queue_pair.hh"
#include "frames.hh"
#include "port/device.hh"

namespace synfin::port {
namespace {

using buf::Verdict;
using test::Frame;

constexpr FlowTuple kFlow{0x0a000002, 0x0a000001, 40'000, 80};
constexpr uint64_t kGood = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
constexpr uint64_t kAll = RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK;

Frame right_segment() {
    Frame frame = test::tcp_frame(kFlow);
    auto* ip = reinterpret_cast<rte_ipv4_hdr*>(frame.data() + 14);
    ip->hdr_checksum = rte_ipv4_cksum(ip);
    const uint16_t sum = rte_ipv4_udptcp_cksum(ip, ip + 1);
    std::memcpy(frame.data() + 14 + 20 + 16, &sum, sizeof sum);
    return frame;
}
Frame wrong_segment() {
    Frame frame = right_segment();
    frame.back() ^= 1;
    return frame;
}

class RxScrutinyTest : public ::testing::Test {
  protected:
    void SetUp() override {
        Refusal refusal;
        DeviceConfig config;
        config.spec = *parse_device("vdev:net_ring_scrutiny", refusal);
        config.no_huge = true;
        device_ = Device::open(config, refusal);
        ASSERT_TRUE(device_) << refusal.why;
        ASSERT_EQ(rte_eth_dev_get_port_by_name("net_ring_scrutiny", &queues_.device), 0);
    }
    void use(const RxScrutiny& scrutiny) {
        queues_.scrutiny = scrutiny;
        port_ =
            std::make_unique<DevicePort>(0, queues_, plan_, device_->port(0).pool(), device_->port(0).caps());
    }
    rte_mbuf* packet(const Frame& frame, uint64_t flags) {
        rte_mbuf* packet = port_->alloc();
        std::copy(frame.begin(), frame.end(), DevicePort::data(packet));
        DevicePort::finish(packet, static_cast<uint32_t>(frame.size()), {});
        packet->ol_flags = flags;
        return packet;
    }
    /// What the engine is told of the TCP checksum of a packet that arrives so.
    Verdict told(const Frame& frame, uint64_t flags) {
        rte_mbuf* sent = packet(frame, flags);
        EXPECT_EQ(port_->tx_burst(&sent, 1), 1);
        rte_mbuf* got = nullptr;
        EXPECT_EQ(port_->rx_burst(&got, 1), 1);
        const Verdict verdict = DevicePort::tcp_verdict(got);
        port_->free(got);
        return verdict;
    }

    SteeringPlan plan_{1, {1, 2}};
    DevicePort::Queues queues_;
    std::unique_ptr<Device> device_;
    std::unique_ptr<DevicePort> port_;
};

TEST_F(RxScrutinyTest, VerdictsThatNobodyAskedForAreForgotten) {
    use({.forget = RTE_MBUF_F_RX_L4_CKSUM_MASK});
    EXPECT_EQ(told(wrong_segment(), kGood), Verdict::unknown);
    use({.forget = RTE_MBUF_F_RX_IP_CKSUM_MASK});
    EXPECT_EQ(told(right_segment(), kGood), Verdict::good);
}

TEST_F(RxScrutinyTest, ACardThatCallsEverythingGoodIsFoundOut) {
    use({.audits = 100});
    EXPECT_EQ(told(right_segment(), kGood), Verdict::good);
    EXPECT_EQ(told(wrong_segment(), kGood), Verdict::unknown);
    EXPECT_EQ(told(right_segment(), kGood), Verdict::unknown) << "nothing of it is believed any more";
    EXPECT_EQ(port_->counters().false_verdicts, 1u);
}

TEST_F(RxScrutinyTest, ACardThatCallsTheGoodBadIsFoundOut) {
    use({.audits = 100});
    EXPECT_EQ(told(right_segment(), RTE_MBUF_F_RX_L4_CKSUM_BAD), Verdict::unknown);
    EXPECT_EQ(port_->counters().false_verdicts, 1u);
}

TEST_F(RxScrutinyTest, AfterTheAuditTheCardIsBelieved) {
    use({.audits = 2});
    EXPECT_EQ(told(right_segment(), kGood), Verdict::good);
    EXPECT_EQ(told(wrong_segment(), 0), Verdict::unknown) << "no verdict, no audit";
    EXPECT_EQ(told(wrong_segment(), RTE_MBUF_F_RX_L4_CKSUM_BAD), Verdict::bad);
    EXPECT_EQ(told(wrong_segment(), kGood), Verdict::good);
    EXPECT_EQ(port_->counters().false_verdicts, 0u);
}

TEST_F(RxScrutinyTest, ATagThatWasTakenOffIsPutBack) {
    for (const bool retag : {true, false}) {
        use({.forget = kAll, .retag = retag});
        const Frame frame = right_segment();
        rte_mbuf* sent = packet(frame, RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED);
        sent->vlan_tci = 0x202a;
        ASSERT_EQ(port_->tx_burst(&sent, 1), 1);
        rte_mbuf* got = nullptr;
        ASSERT_EQ(port_->rx_burst(&got, 1), 1);
        Frame tagged = frame;
        tagged.insert(tagged.begin() + 12, {0x81, 0x00, 0x20, 0x2a});
        EXPECT_EQ(Frame(DevicePort::data(got), DevicePort::data(got) + DevicePort::length(got)),
                  retag ? tagged : frame);
        port_->free(got);
    }
}

/// Of frames that a device was to take the tag off, ours alone come through, without.
TEST_F(RxScrutinyTest, WhereTheDeviceTakesTagsOffOnlyOursComesThrough) {
    use({.forget = kAll, .vid = 5});
    constexpr uint64_t kTaken = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
    const Frame plain = right_segment();
    const auto through = [&](const Frame& frame, uint64_t flags, uint16_t tci) {
        rte_mbuf* sent = packet(frame, flags);
        sent->vlan_tci = tci;
        EXPECT_EQ(port_->tx_burst(&sent, 1), 1);
        rte_mbuf* got = nullptr;
        if (port_->rx_burst(&got, 1) == 0) return Frame{};
        Frame out(DevicePort::data(got), DevicePort::data(got) + DevicePort::length(got));
        port_->free(got);
        return out;
    };
    EXPECT_EQ(through(plain, kTaken, 5), plain);
    EXPECT_EQ(through(plain, kTaken, 0xf005), plain) << "priority and DEI may be any";
    EXPECT_EQ(port_->counters().bad_vlan, 0u);
    for (uint64_t bit = 0; bit < 12; ++bit) {
        EXPECT_EQ(through(plain, kTaken, static_cast<uint16_t>(5 ^ 1u << bit)), Frame{});
        EXPECT_EQ(port_->counters().bad_vlan, 1 + bit);
    }
    EXPECT_EQ(through(plain, 0, 5), Frame{}) << "it had none";
    EXPECT_EQ(through(test::tcp_frame(kFlow, 0x10, test::Tags::both), 0, 0), Frame{}) << "another kind's";
    EXPECT_EQ(port_->counters().bad_vlan, 14u);
    EXPECT_EQ(port_->counters().untaken_tags, 0u);

    Frame tagged = plain;
    tagged.insert(tagged.begin() + 12, {0x81, 0x00, 0x20, 0x05});
    EXPECT_EQ(through(tagged, 0, 0), plain) << "left on by the device";
    EXPECT_EQ(port_->counters().untaken_tags, 1u);
    const Frame cut(tagged.begin(), tagged.begin() + 16);
    EXPECT_EQ(through(cut, 0, 0), cut) << "the stack counts runts";
    EXPECT_EQ(port_->counters().bad_vlan, 14u);
}

TEST_F(RxScrutinyTest, FramesInSeveralBuffersAreJoinedAndGiantsDropped) {
    use({.forget = kAll, .join = true});
    const uint32_t longest = port_->caps().max_frame;
    for (const uint32_t length : {longest, longest + 1}) {
        Frame frame(length);
        for (size_t i = 0; i < frame.size(); ++i) frame[i] = static_cast<uint8_t>(i * 7);
        const Frame head(frame.begin(), frame.begin() + 1000), tail(frame.begin() + 1000, frame.end());
        rte_mbuf* sent = packet(head, 0);
        ASSERT_EQ(rte_pktmbuf_chain(sent, packet(tail, 0)), 0);
        ASSERT_EQ(port_->tx_burst(&sent, 1), 1);
        rte_mbuf* got = nullptr;
        if (length > longest) {
            EXPECT_EQ(port_->rx_burst(&got, 1), 0);
            continue;
        }
        ASSERT_EQ(port_->rx_burst(&got, 1), 1);
        ASSERT_TRUE(DevicePort::is_contiguous(got));
        EXPECT_EQ(Frame(DevicePort::data(got), DevicePort::data(got) + DevicePort::length(got)), frame);
        port_->free(got);
    }
    EXPECT_EQ(port_->counters().joined, 1u);
    EXPECT_EQ(port_->counters().giants, 1u);
    EXPECT_EQ(rte_mempool_in_use_count(port_->pool()), 0u);
}

}  // namespace
}  // namespace synfin::port
