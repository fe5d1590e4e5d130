#pragma once
/// @file
/// Finds a frame's payload behind at most two VLAN tags (802.1ad before 802.1Q).

#include <cstdint>

namespace synfin::port {

struct EtherPayload {
    uint16_t type = 0;     ///< the EtherType; 0 when the frame ends within its header
    uint32_t offset = 14;  ///< bytes before the payload
};

inline EtherPayload ether_payload(const uint8_t* frame, uint32_t length) noexcept {
    EtherPayload out;
    const auto read_type = [&] {
        const uint8_t* end = frame + out.offset;
        out.type = length < out.offset ? uint16_t{0} : static_cast<uint16_t>(end[-2] << 8 | end[-1]);
    };
    read_type();
    constexpr uint16_t kTags[] = {0x88a8, 0x8100};
    for (const uint16_t tag : kTags) {
        if (out.type != tag) continue;
        out.offset += 4;
        read_type();
    }
    return out;
}

}  // namespace synfin::port
