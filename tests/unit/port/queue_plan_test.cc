/// Queues by what a driver says, and by what is known of drivers that say more than is true.
#include "port/queue_plan.hh"

#include <gtest/gtest.h>

namespace synfin::port {
namespace {

DeviceSpec device(std::string_view text) {
    Refusal refusal;
    return parse_device(text, refusal).value();
}

/// A card with RSS.
rte_eth_dev_info card() {
    rte_eth_dev_info info{};
    info.driver_name = "net_some";
    info.max_rx_queues = 16;
    info.max_tx_queues = 8;
    info.hash_key_size = 40;
    info.reta_size = 128;
    info.flow_type_rss_offloads = RTE_ETH_RSS_NONFRAG_IPV4_TCP;
    return info;
}

TEST(QueuePlan, OneOfEachForOneEngine) {
    const QueuePlan plan = plan_queues(device("pci:0000:01:00.0"), 1, card());
    EXPECT_EQ(plan.rx, 1);
    EXPECT_EQ(plan.tx, 1);
    EXPECT_FALSE(plan.rss);
}

TEST(QueuePlan, ACardThatSpreadsHasOneForEachEngine) {
    const QueuePlan plan = plan_queues(device("pci:0000:01:00.0"), 4, card());
    EXPECT_EQ(plan.rx, 4);
    EXPECT_EQ(plan.tx, 4);
    EXPECT_TRUE(plan.rss);
}

/// Of IPv6 what the card offers, and only with a key that reaches the ports.
TEST(QueuePlan, RssHashesTcpOverBothFamiliesIfTheCardDoes) {
    const auto types = [](rte_eth_dev_info info, uint64_t more) {
        info.flow_type_rss_offloads |= more;
        return plan_queues(device("pci:0000:01:00.0"), 2, info).rss_types;
    };
    constexpr uint64_t k4 = RTE_ETH_RSS_NONFRAG_IPV4_TCP, k6 = RTE_ETH_RSS_NONFRAG_IPV6_TCP;
    EXPECT_EQ(types(card(), RTE_ETH_RSS_IPV6), k4);
    EXPECT_EQ(types(card(), RTE_ETH_RSS_IPV6 | k6), k4 | k6);
    EXPECT_EQ(types(card(), RTE_ETH_RSS_IPV6_TCP_EX), k4 | RTE_ETH_RSS_IPV6_TCP_EX);
    rte_eth_dev_info short_key = card();
    short_key.hash_key_size = 39;
    EXPECT_EQ(types(short_key, k6), k4);
}

TEST(QueuePlan, WithoutRssOrWithTooFewQueuesThereIsOneForReceiving) {
    const auto expect_one = [](const rte_eth_dev_info& info, unsigned engines, const char* why) {
        const QueuePlan plan = plan_queues(device("pci:0000:01:00.0"), engines, info);
        EXPECT_EQ(plan.rx, 1) << why;
        EXPECT_FALSE(plan.rss) << why;
    };
    expect_one(card(), 17, "more engines than queues");
    rte_eth_dev_info info = card();
    info.reta_size = 0;
    expect_one(info, 4, "no table");
    info.reta_size = 100;
    expect_one(info, 4, "a table that the hash's low bits do not index");
    info = card();
    info.flow_type_rss_offloads = RTE_ETH_RSS_IPV4;
    expect_one(info, 4, "ports are not hashed");
    info = card();
    info.hash_key_size = 8;
    expect_one(info, 4, "a key that does not reach the ports");
}

TEST(QueuePlan, FewerTxQueuesThanEnginesAreShared) {
    EXPECT_EQ(plan_queues(device("pci:0000:01:00.0"), 10, card()).tx, 8);
}

/// The 82540 has one, and what is put into the second never leaves.
TEST(QueuePlan, TheSecondTxQueueOfTheOldestDriverIsNotBelieved) {
    rte_eth_dev_info info{};
    info.driver_name = "net_e1000_em";
    info.max_rx_queues = info.max_tx_queues = 2;
    const QueuePlan plan = plan_queues(device("pci:0000:01:00.0"), 2, info);
    EXPECT_EQ(plan.rx, 1);
    EXPECT_EQ(plan.tx, 1);
}

TEST(QueuePlan, InterfacesOfTheKernelHavePairs) {
    rte_eth_dev_info info{};
    info.max_rx_queues = 8;
    info.max_tx_queues = 2;
    const QueuePlan plan = plan_queues(device("af_xdp:eth0"), 4, info);
    EXPECT_EQ(plan.rx, 2);
    EXPECT_EQ(plan.tx, 2);
    EXPECT_FALSE(plan.rss);
}

TEST(QueuePlan, WiresBetweenProcessesHaveOneOfEach) {
    const QueuePlan plan = plan_queues(device("memif:/run/m.sock"), 4, card());
    EXPECT_EQ(plan.rx, 1);
    EXPECT_EQ(plan.tx, 1);
    EXPECT_FALSE(plan.rss);
}

}  // namespace
}  // namespace synfin::port
