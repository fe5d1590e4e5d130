#include "port/driver_facts.hh"

#include <algorithm>
#include <bit>
#include <string_view>

namespace synfin::port {

namespace {

bool is_driver(const rte_eth_dev_info& info, std::string_view name) noexcept {
    return info.driver_name != nullptr && info.driver_name == name;
}

}  // namespace

/// net_e1000_em names two tx queues for every card, but the older ones (82540 to 82547: "e1000") have one,
/// and what is put into the other never leaves. The newer ones (82571 to 82574: "e1000e") have two that share
/// one description of where checksums go.
uint16_t tx_queues(const rte_eth_dev_info& info) noexcept {
    return is_driver(info, "net_e1000_em") ? uint16_t{1} : info.max_tx_queues;
}

/// virtio has no such offload: net_virtio moves the addresses by four bytes, of every frame. QEMU's vmxnet3
/// takes off 802.1ad's tags, too, and does not say which kind it was.
const char* why_not_tags(const rte_eth_dev_info& info) noexcept {
    if (is_driver(info, "net_virtio")) return "it is the driver's software that would";
    if (is_driver(info, "net_vmxnet3")) return "the device takes 802.1ad's tags for 802.1Q's";
    return nullptr;
}

/// net_e1000_em's buffers are powers of two, at most 16 KiB.
uint32_t frame_bytes_in_buffer(const rte_eth_dev_info& info, uint32_t room) noexcept {
    return is_driver(info, "net_e1000_em") ? std::min(std::bit_floor(room), 16'384u) : room;
}

}  // namespace synfin::port
