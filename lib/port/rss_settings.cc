#include "port/rss_settings.hh"

#include <algorithm>

namespace synfin::port {

namespace {

std::string settle_table(uint16_t device, const rte_eth_dev_info& info, uint16_t queues,
                         std::vector<uint16_t>& reta) {
    const unsigned groups = (info.reta_size + RTE_ETH_RETA_GROUP_SIZE - 1u) / RTE_ETH_RETA_GROUP_SIZE;
    std::vector<rte_eth_rss_reta_entry64> table(groups);
    for (unsigned i = 0; i < info.reta_size; ++i) {
        auto& group = table[i / RTE_ETH_RETA_GROUP_SIZE];
        group.mask |= uint64_t{1} << i % RTE_ETH_RETA_GROUP_SIZE;
        group.reta[i % RTE_ETH_RETA_GROUP_SIZE] = static_cast<uint16_t>(i % queues);
    }
    // Some devices have a fixed table; only the table read back counts.
    (void)rte_eth_dev_rss_reta_update(device, table.data(), info.reta_size);
    for (auto& group : table) std::fill(std::begin(group.reta), std::end(group.reta), uint16_t{0xffff});
    if (rte_eth_dev_rss_reta_query(device, table.data(), info.reta_size) != 0)
        return "the device does not report its redirection table";
    reta.resize(info.reta_size);
    for (unsigned i = 0; i < info.reta_size; ++i)
        reta[i] = table[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
    if (std::any_of(reta.begin(), reta.end(), [&](uint16_t queue) { return queue >= queues; }))
        return "the device's redirection table contains queues that are not ours";
    return {};
}

}  // namespace

std::string settle_rss(uint16_t device, const rte_eth_dev_info& info, const QueuePlan& queues,
                       const std::vector<uint8_t>& key, RssSettings& settings) {
    if (std::string why = settle_table(device, info, queues.rx, settings.reta); !why.empty()) return why;
    settings.key.resize(rss_key_bytes(info));
    rte_eth_rss_conf conf{};
    conf.rss_key = settings.key.data();
    conf.rss_key_len = rss_key_bytes(info);
    if (rte_eth_dev_rss_hash_conf_get(device, &conf) != 0) return "the device does not report its RSS key";
    if (settings.key != key) {  // some drivers accept the key only this way
        std::copy(key.begin(), key.end(), settings.key.begin());
        conf.rss_hf = queues.rss_types;
        (void)rte_eth_dev_rss_hash_update(device, &conf);
        if (rte_eth_dev_rss_hash_conf_get(device, &conf) != 0)
            return "the device does not report its RSS key";
    }
    if (settings.key != key) return "the device did not accept our RSS key";
    if ((conf.rss_hf & RTE_ETH_RSS_NONFRAG_IPV4_TCP) == 0) return "the device does not hash TCP ports";
    settings.hashes_v6 = (conf.rss_hf & queues.rss_types & kRssTcp6) != 0;
    return {};
}

}  // namespace synfin::port
