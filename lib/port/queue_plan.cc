#include "port/queue_plan.hh"

#include <algorithm>
#include <bit>

#include "port/driver_facts.hh"

namespace synfin::port {

uint8_t rss_key_bytes(const rte_eth_dev_info& info) noexcept {
    return info.hash_key_size != 0 ? info.hash_key_size : 40;
}

QueuePlan plan_queues(const DeviceSpec& spec, unsigned engines, const rte_eth_dev_info& info) noexcept {
    const auto wanted = static_cast<uint16_t>(engines);
    const bool kernel = spec.is_kernel_interface();
    const bool hardware = spec.kind == DeviceKind::pci || spec.kind == DeviceKind::vdev;
    QueuePlan plan;
    plan.rss = hardware && engines > 1 && info.max_rx_queues >= engines && rss_key_bytes(info) >= 16 &&
               info.reta_size != 0 && std::has_single_bit(info.reta_size) &&
               (info.flow_type_rss_offloads & RTE_ETH_RSS_NONFRAG_IPV4_TCP) != 0;
    constexpr uint8_t kKeyBytes6 = 40;  // reaches the ports of an IPv6 tuple
    if (plan.rss) plan.rss_types = RTE_ETH_RSS_NONFRAG_IPV4_TCP;
    if (plan.rss && rss_key_bytes(info) >= kKeyBytes6)
        plan.rss_types |= info.flow_type_rss_offloads & kRssTcp6;
    if (plan.rss || kernel) plan.rx = std::min(wanted, info.max_rx_queues);
    if (hardware || kernel) plan.tx = std::min(wanted, tx_queues(info));
    if (kernel) plan.rx = plan.tx = std::min(plan.rx, plan.tx);  // these drivers have queue pairs
    return plan;
}

}  // namespace synfin::port
