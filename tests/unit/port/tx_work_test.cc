/// What a port adds to packets that the device is to tag or to cut: DPDK's ring device carries them as a
/// driver would get them.
#include <gtest/gtest.h>
#include <rte_ethdev.h>

#include "frames.hh"
#include "port/device.hh"

namespace synfin::port {
namespace {

class TxWorkTest : public ::testing::Test {
  protected:
    void SetUp() override {
        Refusal refusal;
        DeviceConfig config;
        config.spec = *parse_device("vdev:net_ring_tx_work", refusal);
        config.no_huge = true;
        device_ = Device::open(config, refusal);
        ASSERT_TRUE(device_) << refusal.why;
        ASSERT_EQ(rte_eth_dev_get_port_by_name("net_ring_tx_work", &queues_.device), 0);
        queues_.large_pool = device_->port(0).pool();
    }
    void TearDown() override { rte_eth_fp_ops[queues_.device].tx_pkt_prepare = nullptr; }
    void use(uint16_t vid, uint16_t large_frame) {
        buf::QueueCaps caps = device_->port(0).caps();
        caps.vid = vid;
        caps.large_frame = large_frame;
        if (large_frame == 0) queues_.large_pool = nullptr;
        port_ = std::make_unique<DevicePort>(0, queues_, plan_, device_->port(0).pool(), caps);
    }
    rte_mbuf* packet(uint32_t length, const buf::TxMeta& meta = {}) {
        rte_mbuf* packet = port_->alloc();
        DevicePort::finish(packet, length, meta);
        return packet;
    }

    SteeringPlan plan_{1, {1, 2}};
    DevicePort::Queues queues_;
    std::unique_ptr<Device> device_;
    std::unique_ptr<DevicePort> port_;
};

TEST_F(TxWorkTest, EveryPacketIsToGetTheTag) {
    use(42, 0);
    rte_mbuf* sent[] = {packet(60), packet(60, {.l2_len = 14, .l3_len = 20, .tcp_checksum = true})};
    ASSERT_EQ(port_->tx_burst(sent, 2), 2);
    for (const rte_mbuf* p : sent) {
        EXPECT_EQ(p->ol_flags & RTE_MBUF_F_TX_VLAN, RTE_MBUF_F_TX_VLAN);
        EXPECT_EQ(p->vlan_tci, 42);
    }
    EXPECT_EQ(sent[1]->ol_flags & RTE_MBUF_F_TX_L4_MASK, RTE_MBUF_F_TX_TCP_CKSUM);
    use(0, 0);
    rte_mbuf* plain = packet(60);
    ASSERT_EQ(port_->tx_burst(&plain, 1), 1);
    EXPECT_EQ(plain->ol_flags & RTE_MBUF_F_TX_VLAN, 0u);
    rte_mbuf* got[4];
    const uint16_t n = port_->rx_burst(got, 4);
    EXPECT_EQ(n, 3);
    for (uint16_t i = 0; i < n; ++i) port_->free(got[i]);
}

TEST_F(TxWorkTest, ALargePacketSaysHowItIsToBeCut) {
    use(0, 15'872);
    rte_mbuf* sent = packet(2000, {.l2_len = 18,
                                   .l3_len = 20,
                                   .ip_checksum = true,
                                   .tcp_checksum = true,
                                   .l4_len = 32,
                                   .segment_bytes = 965});
    EXPECT_EQ(sent->ol_flags,
              RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_TCP_SEG);
    EXPECT_EQ(sent->tx_offload, rte_mbuf_tx_offload(18, 20, 32, 965, 0, 0, 0));
    port_->free(sent);
    sent = packet(2000, {.l2_len = 14,
                         .l3_len = 40,
                         .tcp_checksum = true,
                         .is_v6 = true,
                         .l4_len = 32,
                         .segment_bytes = 959});
    EXPECT_EQ(sent->ol_flags, RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_TCP_SEG);
    EXPECT_EQ(sent->tx_offload, rte_mbuf_tx_offload(14, 40, 32, 959, 0, 0, 0));
    port_->free(sent);
}

/// A driver that refuses the third packet: those before it leave, it is lost and counted, those behind are
/// tried again.
TEST_F(TxWorkTest, WhatTheDriverWillNotHaveIsLostAndCounted) {
    use(0, 15'872);
    rte_eth_fp_ops[queues_.device].tx_pkt_prepare = [](void*, rte_mbuf** packets, uint16_t n) {
        for (uint16_t i = 0; i < n; ++i)
            if (packets[i]->pkt_len == 99) return i;
        return n;
    };
    rte_mbuf* sent[] = {packet(60), packet(61), packet(99), packet(62)};
    EXPECT_EQ(port_->tx_burst(sent, 4), 3);
    EXPECT_EQ(port_->counters().tx_unfit, 1u);
    EXPECT_EQ(port_->tx_burst(sent + 3, 1), 1);
    rte_mbuf* got[8];
    const uint16_t n = port_->rx_burst(got, 8);
    ASSERT_EQ(n, 3);
    EXPECT_EQ(DevicePort::length(got[2]), 62u);
    for (uint16_t i = 0; i < n; ++i) port_->free(got[i]);
    EXPECT_EQ(rte_mempool_in_use_count(port_->pool()), 0u);
}

}  // namespace
}  // namespace synfin::port
