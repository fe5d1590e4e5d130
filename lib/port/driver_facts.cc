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

/// net_e1000_em reports two tx queues for every card. The older cards (82540 to 82547: "e1000") have one, and
/// packets put into the other are never sent. The two queues of the newer cards (82571 to 82574: "e1000e")
/// share one checksum context.
uint16_t tx_queues(const rte_eth_dev_info& info) noexcept {
    return is_driver(info, "net_e1000_em") ? uint16_t{1} : info.max_tx_queues;
}

/// virtio has no such offload: net_virtio moves the addresses of every frame by four bytes in software.
/// QEMU's vmxnet3 also strips 802.1ad tags, and does not report the kind of tag.
const char* why_not_tags(const rte_eth_dev_info& info) noexcept {
    if (is_driver(info, "net_virtio")) return "the driver would do it in software";
    if (is_driver(info, "net_vmxnet3")) return "the device mistakes 802.1ad tags for 802.1Q tags";
    return nullptr;
}

/// Buffer sizes of net_e1000_em are powers of two, at most 16 KiB.
uint32_t frame_bytes_in_buffer(const rte_eth_dev_info& info, uint32_t room) noexcept {
    return is_driver(info, "net_e1000_em") ? std::min(std::bit_floor(room), 16'384u) : room;
}

}  // namespace synfin::port
