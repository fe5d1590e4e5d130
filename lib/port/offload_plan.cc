#include "port/offload_plan.hh"

#include <rte_mbuf.h>

#include <algorithm>
#include <bit>
#include <string>

#include "port/driver_facts.hh"

namespace synfin::port {

namespace {

constexpr uint16_t kMostBurst = buf::QueueCaps{}.rx_burst;

/// The offloads offered in one direction, and those requested.
struct Direction {
    uint64_t offered;
    uint64_t& asked;
    OffloadReport judge(const char* what, uint64_t flag, bool used, std::string why) const {
        if (used) asked |= flag;
        return {what, (offered & flag) != 0, used, std::move(why)};
    }
    bool offers(uint64_t flag) const { return (offered & flag) != 0; }
};

/// The reason in the report for an offload that is not requested.
std::string by_stack(const DeviceConfig& config) {
    return config.no_offload ? "by the stack, as asked (no_offload)" : "by the stack";
}

/// The device's preferred burst size, if it has one.
uint16_t burst(const rte_eth_dev_portconf& preferred) {
    return preferred.burst_size == 0 ? kMostBurst : std::min(preferred.burst_size, kMostBurst);
}

void plan_checksums(const DeviceConfig& config, bool asked, const std::string& else_why, Direction rx,
                    Direction tx, OffloadPlan& plan) {
    struct Checksum {
        uint64_t flag;
        const char* what;
        bool buf::QueueCaps::*cap;
        uint64_t verdicts;
    };
    constexpr Checksum kRx[] = {{RTE_ETH_RX_OFFLOAD_IPV4_CKSUM, "rx IPv4 checksum",
                                 &buf::QueueCaps::rx_ip_checksum, RTE_MBUF_F_RX_IP_CKSUM_MASK},
                                {RTE_ETH_RX_OFFLOAD_TCP_CKSUM, "rx TCP checksum",
                                 &buf::QueueCaps::rx_tcp_checksum, RTE_MBUF_F_RX_L4_CKSUM_MASK}};
    constexpr Checksum kTx[] = {
        {RTE_ETH_TX_OFFLOAD_IPV4_CKSUM, "tx IPv4 checksum", &buf::QueueCaps::tx_ip_checksum, 0},
        {RTE_ETH_TX_OFFLOAD_TCP_CKSUM, "tx TCP checksum", &buf::QueueCaps::tx_tcp_checksum, 0}};
    const bool from_kernel = is_host_memory(config.spec);
    for (const auto& sum : kRx) {
        const bool used = asked && rx.offers(sum.flag);
        if (used) plan.rx_verdicts |= sum.verdicts;
        plan.caps.*sum.cap = used || from_kernel;
        plan.report.push_back(rx.judge(sum.what, sum.flag, used,
                                       used ? ""
                                       : from_kernel
                                           ? "by the port, which accepts the kernel's partial checksums"
                                           : else_why));
    }
    for (const auto& sum : kTx) {
        const bool used = asked && tx.offers(sum.flag);
        plan.caps.*sum.cap = used;
        plan.report.push_back(tx.judge(sum.what, sum.flag, used, used ? "" : else_why));
    }
}

/// The device handles tags in both directions, or the stack does: some cards insert only while they also
/// strip (e1000).
void plan_tags(const DeviceConfig& config, const rte_eth_dev_info& info, bool asked,
               const std::string& else_why, Direction rx, Direction tx, OffloadPlan& plan) {
    constexpr uint64_t kStrip = RTE_ETH_RX_OFFLOAD_VLAN_STRIP, kInsert = RTE_ETH_TX_OFFLOAD_VLAN_INSERT;
    const bool offered = rx.offers(kStrip) && tx.offers(kInsert);
    std::string why = else_why;
    bool used = false;
    if (offered && asked) {
        if (config.spec.kind != DeviceKind::pci)
            why = "by the stack: the driver of a virtual device would do it in software";
        else if (const char* why_not = why_not_tags(info))
            why = std::string("by the stack: ") + why_not;
        else if (config.outer_vlan)
            why = "by the stack: the device would put an 802.1Q tag before the inner one";
        else if (!config.vlan)
            why = "no VLAN is configured";
        else
            used = true;
    }
    if (used) plan.caps.vid = *config.vlan;
    plan.report.push_back(
        rx.judge("rx VLAN strip", kStrip, used, used ? "and the port compares its VID" : why));
    plan.report.push_back(tx.judge("tx VLAN insert", kInsert, used, used ? "" : why));
}

void plan_segments(const DeviceConfig& config, bool asked, uint16_t frame, const std::string& else_why,
                   Direction tx, OffloadPlan& plan) {
    constexpr uint64_t kFlag = RTE_ETH_TX_OFFLOAD_TCP_TSO;
    // Tested on cards only, and memory for it is reserved for cards only.
    const bool wanted =
        asked && config.spec.kind == DeviceKind::pci && tx.offers(kFlag) && plan.caps.tx_tcp_checksum;
    const bool used = wanted && has_use_for_large(frame);
    const std::string size = std::to_string(kLargeFrame) + " B";
    if (used) plan.caps.large_frame = kLargeFrame;
    plan.report.push_back(tx.judge("TSO", kFlag, used,
                                   used ? "packets of up to " + size
                                   : wanted
                                       ? "by the stack: a packet of " + size + " cannot hold two segments"
                                       : else_why));
}

/// The stack needs contiguous frames. If the driver fills a buffer far enough, a buffer holds the longest
/// frame. Otherwise we request scatter and the port joins the parts; without scatter the buffers are larger.
void plan_buffers(const rte_eth_dev_info& info, uint16_t frame, uint32_t least_buffer, Direction rx,
                  OffloadPlan& plan) {
    constexpr uint64_t kFlag = RTE_ETH_RX_OFFLOAD_SCATTER;
    const uint32_t least = std::max(info.min_rx_bufsize, least_buffer);
    plan.packet = PacketSize::for_frame(frame, least);
    const auto filled = [&] { return frame_bytes_in_buffer(info, plan.packet.room - RTE_PKTMBUF_HEADROOM); };
    const bool used = filled() < frame && rx.offers(kFlag);
    if (filled() < frame && !used)
        plan.packet = PacketSize::for_frame(frame, std::max(least, std::bit_ceil(uint32_t{frame})));
    const std::string bytes = std::to_string(frame);
    plan.report.push_back(
        rx.judge("rx scatter", kFlag, used,
                 used ? "frames of up to " + bytes + " B in parts of " + std::to_string(filled()) +
                            ", which the port joins"
                      : "a buffer of " + std::to_string(filled()) + " B holds the longest frame, " + bytes));
}

}  // namespace

bool is_host_memory(const DeviceSpec& spec) noexcept {
    return spec.kind == DeviceKind::af_xdp;
}

OffloadPlan plan_offloads(const DeviceConfig& config, const rte_eth_dev_info& info, uint16_t frame,
                          uint32_t least_buffer) {
    OffloadPlan plan;
    const Direction rx{info.rx_offload_capa, plan.rx}, tx{info.tx_offload_capa, plan.tx};
    // For virtual devices between processes of one host, software checksums cost little, and neither side
    // needs to know what the other left out.
    const bool trusted = config.spec.kind == DeviceKind::pci || config.spec.kind == DeviceKind::vdev;
    const bool asked = trusted && !config.no_offload;
    const std::string else_why = by_stack(config);

    plan_checksums(config, asked, else_why, rx, tx, plan);
    plan_tags(config, info, asked, else_why, rx, tx, plan);
    plan_segments(config, asked, frame, else_why, tx, plan);
    plan_buffers(info, frame, least_buffer, rx, plan);
    plan.report.push_back(
        rx.judge("LRO", RTE_ETH_RX_OFFLOAD_TCP_LRO, false, "the stack needs every segment"));
    plan.report.push_back(
        rx.judge("RSS hash in the packet", RTE_ETH_RX_OFFLOAD_RSS_HASH, false,
                 "only a SYN needs a hash, to check the device; computing it takes 7 cycles"));

    // virtio, and the physical function of a virtual one, drop every tagged frame whose VID was not
    // configured. So every card with a filter gets our VIDs. With cards without one, frames of other VIDs
    // arrive and are counted.
    plan.filters_vlans = (config.vlan || config.outer_vlan) && rx.offers(RTE_ETH_RX_OFFLOAD_VLAN_FILTER);
    if (plan.filters_vlans) plan.rx |= RTE_ETH_RX_OFFLOAD_VLAN_FILTER;

    plan.caps.max_frame = frame;
    plan.caps.rx_burst = burst(info.default_rxportconf);
    plan.caps.tx_burst = burst(info.default_txportconf);
    return plan;
}

}  // namespace synfin::port
