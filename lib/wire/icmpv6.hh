#pragma once
/// @file
/// ICMPv6 (RFC 4443): echo, the errors that concern a TCP connection, and the types of messages.

#include <cstdint>

#include "synfin/units.hh"
#include "wire/bytes.hh"
#include "wire/checksum.hh"
#include "wire/ipv6.hh"

namespace synfin::wire {

inline constexpr uint8_t kIcmp6Bytes = 8;  ///< header of echo and of errors; no message here is shorter
inline constexpr uint8_t kIcmp6Unreachable = 1;
inline constexpr uint8_t kIcmp6TooBig = 2;
inline constexpr uint8_t kIcmp6TimeExceeded = 3;
inline constexpr uint8_t kIcmp6ParameterProblem = 4;
inline constexpr uint8_t kIcmp6EchoRequest = 128;
inline constexpr uint8_t kIcmp6EchoReply = 129;
inline constexpr uint8_t kIcmp6Redirect = 137;
/// Codes of kIcmp6Unreachable.
inline constexpr uint8_t kIcmp6Prohibited = 1;
inline constexpr uint8_t kIcmp6PortUnreachable = 4;

/// Whether the message is long enough and its checksum is right. `icmp` is the IPv6 payload without padding,
/// here and below.
inline bool icmp6_checksum_ok(const Ipv6& source, const Ipv6& destination, Bytes icmp) noexcept {
    if (icmp.size() < kIcmp6Bytes) return false;
    const auto length = static_cast<uint32_t>(icmp.size());
    return is_right(sum_bytes(icmp, pseudo_header_sum(source, destination, kProtocolIcmp6, length)));
}

/// The checksum to store in `icmp`, whose checksum field is zero.
inline uint16_t icmp6_checksum(const Ipv6& source, const Ipv6& destination, Bytes icmp) noexcept {
    const auto length = static_cast<uint32_t>(icmp.size());
    return static_cast<uint16_t>(
        ~fold(sum_bytes(icmp, pseudo_header_sum(source, destination, kProtocolIcmp6, length))));
}

inline bool is_echo_request6(Bytes icmp) noexcept {
    return icmp.size() >= kIcmp6Bytes && icmp[0] == kIcmp6EchoRequest && icmp[1] == 0;
}

inline bool is_echo_reply6(Bytes icmp) noexcept {
    return icmp.size() >= kIcmp6Bytes && icmp[0] == kIcmp6EchoReply && icmp[1] == 0;
}

/// Whether a message of this type belongs to neighbour discovery (RFC 4861) or multicast listener discovery
/// (RFC 2710, RFC 3810).
constexpr bool is_discovery(uint8_t type) noexcept {
    return (type >= 130 && type <= kIcmp6Redirect) || type == 143;
}

/// Whether nobody may answer a message of this type with an error (RFC 4443 2.4 (e.1), (e.2)).
constexpr bool is_icmp6_error(uint8_t type) noexcept {
    return type < 128 || type == kIcmp6Redirect;
}

/// An error message and the packet that it quotes. That packet went in the other direction: the quoted source
/// is the receiver of the error.
struct Icmp6Error {
    uint8_t type = 0;  ///< 1..4
    uint8_t code = 0;
    uint32_t parameter =
        0;  ///< kIcmp6TooBig: the next hop's MTU in bytes; kIcmp6ParameterProblem: the pointer
    Ipv6 quoted_source, quoted_destination;
    uint32_t quoted_total_length = 0;  ///< bytes of the dropped packet, its IPv6 header included
    bool quoted_tcp = false;           ///< TCP, not a later fragment: the fields below are set
    uint16_t quoted_source_port = 0;
    uint16_t quoted_destination_port = 0;
    uint32_t quoted_seq = 0;
};

/// Parses an error message; the checksum is not verified. The quoted TCP header may lie behind extension
/// headers, within the limits of find_upper_layer(). Returns false for another type, or when the quote is
/// shorter than an IPv6 header.
bool parse_icmp6_error(Bytes icmp, Icmp6Error& out) noexcept;

}  // namespace synfin::wire
