#include "port/queue_plan.hh"

#include <algorithm>
#include <bit>
#include <string_view>

namespace synfin::port {

namespace {

/// The queues that a driver offers, unless it is known to offer more than there are: net_e1000_em names two
/// for every card, but the older ones (82540 to 82547: "e1000") have one, and what is put into the other
/// never leaves. The newer ones (82571 to 82574: "e1000e") have two that share one description of where
/// checksums go.
uint16_t tx_queues_of(const rte_eth_dev_info& info) noexcept {
    const bool has_one = info.driver_name != nullptr && std::string_view(info.driver_name) == "net_e1000_em";
    return has_one ? uint16_t{1} : info.max_tx_queues;
}

}  // namespace

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
    if (plan.rss || kernel) plan.rx = std::min(wanted, info.max_rx_queues);
    if (hardware || kernel) plan.tx = std::min(wanted, tx_queues_of(info));
    if (kernel) plan.rx = plan.tx = std::min(plan.rx, plan.tx);  // these drivers have pairs
    return plan;
}

}  // namespace synfin::port
