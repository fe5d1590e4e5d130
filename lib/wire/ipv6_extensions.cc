#include "wire/ipv6_extensions.hh"

namespace synfin::wire {

namespace {

constexpr uint32_t kFragmentBytes = 8;

/// Every extension header but the fragment header has this layout: next header, length in units of 8 bytes
/// without the first 8.
uint32_t length_of(const uint8_t* header) noexcept {
    return (header[1] + 1u) * 8;
}

bool is_extension(uint8_t next_header) noexcept {
    return next_header == kHopByHop || next_header == kRouting || next_header == kFragment ||
           next_header == kDestinationOptions;
}

/// The bytes of the extension header at `at`; 0: it passes the packet's end.
uint32_t length_at(Bytes packet, uint32_t at, uint8_t kind) noexcept {
    if (packet.size() < at + 8) return 0;
    const uint32_t length = kind == kFragment ? kFragmentBytes : length_of(packet.data() + at);
    return length <= packet.size() - at ? length : 0;
}

/// Obeys the options of a hop-by-hop or destination options header of `length` bytes at `at`.
ExtensionCheck read_options(Bytes packet, uint32_t at, uint32_t length,
                            std::optional<ParameterProblem>& problem) noexcept {
    constexpr uint8_t kPad1 = 0, kPadN = 1;
    const uint32_t end = at + length;
    for (uint32_t i = at + 2; i < end;) {
        const uint8_t type = packet[i];
        if (type == kPad1) {
            ++i;
            continue;
        }
        if (end - i < 2 || packet[i + 1] > end - i - 2) return ExtensionCheck::malformed;
        // No option of ours needs an action. The two highest bits say what to do with an unknown one.
        const uint8_t action = type >> 6;
        if (type != kPadN && action != 0) {
            if (action >= 2) problem = ParameterProblem{kUnknownOption, action == 2, i};
            return ExtensionCheck::option;
        }
        i += 2u + packet[i + 1];
    }
    return ExtensionCheck::ok;
}

ExtensionCheck read_routing(Bytes packet, uint32_t at, std::optional<ParameterProblem>& problem) noexcept {
    const uint8_t type = packet[at + 2], segments_left = packet[at + 3];
    if (segments_left != 0) problem = ParameterProblem{kErroneousField, false, at + 2};
    return type == 0 || segments_left != 0 ? ExtensionCheck::routing : ExtensionCheck::ok;
}

/// The fragment's offset and its "more fragments" flag.
uint16_t fragment_field(Bytes packet, uint32_t at) noexcept {
    return load_be16(packet.data() + at + 2) & 0xfff9;
}

}  // namespace

ExtensionCheck read_extensions(Bytes packet, Ipv6Extensions& out) noexcept {
    constexpr uint32_t kNextHeaderAt = 6;
    out = {};
    uint8_t kind = packet[kNextHeaderAt];
    uint32_t kind_at = kNextHeaderAt, at = kIpv6Bytes;
    for (uint32_t n = 0; is_extension(kind); ++n) {
        if (kind == kHopByHop && n != 0) break;  // RFC 8200 4: as an unknown next header
        const uint32_t length = length_at(packet, at, kind);
        if (length == 0 || n == kMaxExtensions || at + length > kIpv6Bytes + kMaxExtensionBytes)
            return ExtensionCheck::malformed;
        ExtensionCheck check = ExtensionCheck::ok;
        if (kind == kRouting) {
            check = read_routing(packet, at, out.problem);
        } else if (kind == kFragment) {
            if (fragment_field(packet, at) != 0) return ExtensionCheck::fragment;
            out.atomic_fragment = true;
        } else {
            check = read_options(packet, at, length, out.problem);
        }
        if (check != ExtensionCheck::ok) return check;
        kind = packet[at];
        kind_at = at;
        at += length;
    }
    out.protocol = kind;
    out.protocol_at = kind_at;
    out.payload_at = at;
    return ExtensionCheck::ok;
}

std::optional<UpperLayer> find_upper_layer(Bytes packet) noexcept {
    uint8_t kind = packet[6];
    uint32_t at = kIpv6Bytes;
    for (uint32_t n = 0; is_extension(kind); ++n) {
        const uint32_t length = length_at(packet, at, kind);
        if (length == 0 || n == kMaxExtensions || at + length > kIpv6Bytes + kMaxExtensionBytes)
            return std::nullopt;
        if (kind == kFragment && fragment_field(packet, at) >> 3 != 0) return std::nullopt;
        kind = packet[at];
        at += length;
    }
    return UpperLayer{kind, at};
}

}  // namespace synfin::wire
