/// Who does what, by what a driver offers, by what is known of it, and by the configuration.
#include "port/offload_plan.hh"

#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include "port/driver_facts.hh"

namespace synfin::port {
namespace {

constexpr uint16_t kFrame = 1518;

DeviceConfig config_of(std::string_view device = "pci:0000:01:00.0") {
    Refusal refusal;
    DeviceConfig config;
    config.spec = parse_device(device, refusal).value();
    return config;
}

/// A card that offers everything.
rte_eth_dev_info card(const char* driver = "net_some") {
    rte_eth_dev_info info{};
    info.driver_name = driver;
    info.rx_offload_capa = info.tx_offload_capa = ~uint64_t{0};
    return info;
}

OffloadPlan plan(const DeviceConfig& config, const rte_eth_dev_info& info, uint16_t frame = kFrame) {
    return plan_offloads(config, info, frame, 0);
}

const OffloadReport& of(const OffloadPlan& plan, std::string_view what) {
    for (const auto& report : plan.report)
        if (report.what == what) return report;
    ADD_FAILURE() << "nothing is said of " << what;
    return plan.report.front();
}

TEST(OffloadPlan, WhatACardOffersAndWeUseIsAskedFor) {
    DeviceConfig config = config_of();
    config.vlan = 42;
    const OffloadPlan all = plan(config, card());
    EXPECT_EQ(all.rx, RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM |
                          RTE_ETH_RX_OFFLOAD_VLAN_STRIP | RTE_ETH_RX_OFFLOAD_VLAN_FILTER);
    EXPECT_EQ(all.tx, RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM |
                          RTE_ETH_TX_OFFLOAD_VLAN_INSERT | RTE_ETH_TX_OFFLOAD_TCP_TSO);
    EXPECT_EQ(all.rx_verdicts, RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK);
    EXPECT_TRUE(all.caps.rx_ip_checksum && all.caps.rx_tcp_checksum && all.caps.tx_ip_checksum &&
                all.caps.tx_tcp_checksum);
    EXPECT_EQ(all.caps.vid, 42);
    EXPECT_EQ(all.caps.large_frame, kLargeFrame);
    EXPECT_EQ(all.caps.max_frame, kFrame);
    for (const auto& report : all.report) EXPECT_TRUE(report.used || !report.why.empty()) << report.what;
}

// net_virtio_user, for one, puts tags on in software, and once more on what is offered again.
TEST(OffloadPlan, AVirtualDeviceSumsAtMost) {
    DeviceConfig config = config_of("vdev:net_some0");
    config.vlan = 42;
    const OffloadPlan sums = plan(config, card());
    EXPECT_EQ(sums.caps.vid, 0);
    EXPECT_EQ(sums.caps.large_frame, 0);
    EXPECT_EQ(sums.tx, RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM);
    for (const auto& report : sums.report) EXPECT_TRUE(report.used || !report.why.empty()) << report.what;
}

TEST(OffloadPlan, OfACardThatOffersNothingNothingIs) {
    rte_eth_dev_info info = card();
    info.rx_offload_capa = info.tx_offload_capa = 0;
    DeviceConfig config = config_of();
    config.vlan = 42;
    const OffloadPlan none = plan(config, info);
    EXPECT_EQ(none.rx | none.tx | none.rx_verdicts, 0u);
    EXPECT_EQ(none.caps.vid, 0);
    EXPECT_EQ(none.caps.large_frame, 0);
    for (const auto& report : none.report) EXPECT_FALSE(report.offered || report.used) << report.what;
}

TEST(OffloadPlan, NothingIsAskedForWhereThatIsWanted) {
    DeviceConfig config = config_of();
    config.vlan = 42;
    config.no_offload = true;
    const OffloadPlan none = plan(config, card());
    EXPECT_EQ(none.tx, 0u);
    EXPECT_EQ(none.rx, RTE_ETH_RX_OFFLOAD_VLAN_FILTER) << "or nothing might pass";
    EXPECT_EQ(none.caps.vid, 0);
    EXPECT_EQ(none.caps.large_frame, 0);
    EXPECT_EQ(of(none, "TSO").why, "by the stack, as asked (no_offload)");
}

TEST(OffloadPlan, TheKernelsInterfacesHaveVerdictsOfThePortAndNoMore) {
    const OffloadPlan veth = plan(config_of("af_xdp:eth0"), card());
    EXPECT_EQ(veth.rx | veth.tx, 0u);
    EXPECT_TRUE(veth.caps.rx_ip_checksum && veth.caps.rx_tcp_checksum);
    EXPECT_FALSE(veth.caps.tx_tcp_checksum);
    EXPECT_FALSE(of(veth, "rx TCP checksum").used);
}

TEST(OffloadPlan, TagsAreTheDevicesBothWaysOrTheStacks) {
    DeviceConfig config = config_of();
    EXPECT_EQ(of(plan(config, card()), "tx VLAN insert").why, "no VLAN is configured");
    config.vlan = 42;
    rte_eth_dev_info info = card();
    info.rx_offload_capa &= ~RTE_ETH_RX_OFFLOAD_VLAN_STRIP;
    EXPECT_EQ(plan(config, info).caps.vid, 0);
    EXPECT_EQ(plan(config, info).tx & RTE_ETH_TX_OFFLOAD_VLAN_INSERT, 0u);
    for (const char* driver : {"net_virtio", "net_vmxnet3"})
        EXPECT_EQ(plan(config, card(driver)).caps.vid, 0) << driver;
    config.outer_vlan = 100;
    const OffloadPlan two = plan(config, card());
    EXPECT_EQ(two.caps.vid, 0) << "the device's tag would stand before the inner one";
    EXPECT_EQ(two.rx & RTE_ETH_RX_OFFLOAD_VLAN_STRIP, 0u);
}

TEST(OffloadPlan, SegmentsAreCutWhereAPacketHoldsTwoAndSumsAreTheDevices) {
    EXPECT_EQ(plan(config_of(), card(), kLargeFrame / 2).caps.large_frame, kLargeFrame);
    const OffloadPlan jumbo = plan(config_of(), card(), 9018);
    EXPECT_EQ(jumbo.caps.large_frame, 0);
    EXPECT_EQ(jumbo.tx & RTE_ETH_TX_OFFLOAD_TCP_TSO, 0u);
    rte_eth_dev_info info = card();
    info.tx_offload_capa &= ~RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
    EXPECT_EQ(plan(config_of(), info).caps.large_frame, 0);
}

TEST(OffloadPlan, PartsAreAskedForWhereADriverFillsNoBufferThatFar) {
    for (const uint16_t frame : {kFrame, uint16_t{9018}}) {
        const OffloadPlan whole = plan(config_of(), card(), frame);
        EXPECT_EQ(whole.rx & RTE_ETH_RX_OFFLOAD_SCATTER, 0u);
        EXPECT_GE(whole.packet.room, frame + RTE_PKTMBUF_HEADROOM);
    }
    const OffloadPlan parts = plan(config_of(), card("net_e1000_em"), 9018);
    EXPECT_NE(parts.rx & RTE_ETH_RX_OFFLOAD_SCATTER, 0u);
    EXPECT_TRUE(of(parts, "rx scatter").used);
    EXPECT_GE(parts.packet.room, 9018u + RTE_PKTMBUF_HEADROOM) << "the port joins them in the first";
    EXPECT_EQ(plan(config_of(), card("net_e1000_em")).rx & RTE_ETH_RX_OFFLOAD_SCATTER, 0u);
    rte_eth_dev_info info = card("net_e1000_em");
    info.rx_offload_capa &= ~RTE_ETH_RX_OFFLOAD_SCATTER;
    EXPECT_GE(plan(config_of(), info, 9018).packet.room, 16'384u) << "else a buffer that is filled that far";
}

TEST(OffloadPlan, BurstsAreTheDriversIfItHasAnOpinionAndNotLongerThanOurs) {
    rte_eth_dev_info info = card();
    EXPECT_EQ(plan(config_of(), info).caps.rx_burst, 32);
    info.default_rxportconf.burst_size = 16;
    info.default_txportconf.burst_size = 64;
    EXPECT_EQ(plan(config_of(), info).caps.rx_burst, 16);
    EXPECT_EQ(plan(config_of(), info).caps.tx_burst, 32);
}

}  // namespace
}  // namespace synfin::port
