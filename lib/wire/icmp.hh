#pragma once
/// @file
/// ICMP for IPv4 (RFC 792): echo, and the errors that concern a TCP connection.

#include <cstdint>

#include "synfin/units.hh"
#include "wire/bytes.hh"
#include "wire/checksum.hh"

namespace synfin::wire {

inline constexpr uint8_t kIcmpBytes = 8;  ///< header
inline constexpr uint8_t kIcmpEchoReply = 0;
inline constexpr uint8_t kIcmpUnreachable = 3;
inline constexpr uint8_t kIcmpSourceQuench = 4;
inline constexpr uint8_t kIcmpEchoRequest = 8;
inline constexpr uint8_t kIcmpTimeExceeded = 11;
inline constexpr uint8_t kIcmpParameterProblem = 12;
/// Codes of kIcmpUnreachable.
inline constexpr uint8_t kIcmpProtocolUnreachable = 2;
inline constexpr uint8_t kIcmpPortUnreachable = 3;
inline constexpr uint8_t kIcmpFragmentationNeeded = 4;

/// Whether the message has a whole header and its checksum is right. `icmp` is the IP payload without
/// padding, here and below.
inline bool icmp_checksum_ok(Bytes icmp) noexcept {
    return icmp.size() >= kIcmpBytes && is_right(sum_bytes(icmp));
}

inline bool is_echo_request(Bytes icmp) noexcept {
    return icmp.size() >= kIcmpBytes && icmp[0] == kIcmpEchoRequest && icmp[1] == 0;
}

inline bool is_echo_reply(Bytes icmp) noexcept {
    return icmp.size() >= kIcmpBytes && icmp[0] == kIcmpEchoReply && icmp[1] == 0;
}

/// Turns an echo request into its reply in place; identifier, sequence number and data stay (RFC 1122
/// 3.2.2.6). The checksum is updated, not recomputed, so a wrong checksum stays wrong. Returns false, and
/// changes nothing, when the message is not an echo request.
inline bool turn_echo_request_into_reply(MutableBytes icmp) noexcept {
    if (!is_echo_request(icmp)) return false;
    uint8_t* p = icmp.data();
    const uint16_t before = load_be16(p);
    p[0] = kIcmpEchoReply;
    const uint16_t checksum = update_checksum16(load_be16(p + 2), before, load_be16(p));
    // A reply may be all zeros (identifier 0, sequence number 0, no data): then only 0xffff is correct. For
    // any other reply, 0 and 0xffff are equivalent.
    store_be16(p + 2, checksum == 0 ? 0xffff : checksum);
    return true;
}

/// An error message and the header that it quotes of the packet that caused it. That packet went in the other
/// direction: the quoted source is the receiver of the error.
struct IcmpError {
    uint8_t type = 0;  ///< 3, 4, 11 or 12
    uint8_t code = 0;
    uint16_t next_hop_mtu =
        0;  ///< bytes; set by "fragmentation needed" (RFC 1191 4); 0 otherwise, and from old routers
    Ipv4 quoted_source{};
    Ipv4 quoted_destination{};
    uint16_t quoted_total_length = 0;  ///< bytes of the dropped packet
    bool quoted_tcp = false;  ///< TCP and the first fragment or unfragmented: the fields below are set
    uint16_t quoted_source_port = 0;
    uint16_t quoted_destination_port = 0;
    uint32_t quoted_seq = 0;
};

/// Parses an error message. It verifies neither the checksum (see icmp_checksum_ok()) nor that of the quoted
/// header, which routers have changed. Returns false for another type, or when the quote is shorter than an
/// IPv4 header and 8 bytes (RFC 1122 3.2.2).
bool parse_icmp_error(Bytes icmp, IcmpError& out) noexcept;

}  // namespace synfin::wire
