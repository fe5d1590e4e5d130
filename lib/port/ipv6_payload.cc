#include "port/ipv6_payload.hh"

namespace synfin::port {

namespace {

constexpr uint32_t kHeader = 40;
constexpr uint32_t kMostHeaders = 8;
constexpr uint8_t kHopByHop = 0, kRouting = 43, kFragment = 44, kDestination = 60;

bool is_extension(uint8_t protocol) noexcept {
    return protocol == kHopByHop || protocol == kRouting || protocol == kFragment || protocol == kDestination;
}

/// Whether a fragment header says that the packet is whole: no offset, no more fragments.
bool is_atomic(const uint8_t* fragment) noexcept {
    return fragment[2] == 0 && (fragment[3] & 0xf9) == 0;
}

}  // namespace

Ipv6Payload ipv6_payload(const uint8_t* ip, uint32_t length) noexcept {
    if (length < kHeader || ip[0] >> 4 != 6) return {};
    Ipv6Payload out{ip[6], kHeader, false};
    for (uint32_t headers = 0; is_extension(out.protocol); ++headers) {
        if (headers == kMostHeaders || length < out.offset + 8) return {};
        const uint8_t* header = ip + out.offset;
        if (out.protocol == kFragment && !is_atomic(header)) return {};
        const uint32_t bytes = out.protocol == kFragment ? 8 : (uint32_t{header[1]} + 1) * 8;
        if (length - out.offset < bytes) return {};
        out = {header[0], out.offset + bytes, true};
    }
    return out;
}

}  // namespace synfin::port
