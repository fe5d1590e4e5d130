#pragma once
/// @file
/// Finds the payload of an IPv6 packet behind its extension headers (RFC 8200 4).

#include <cstdint>

namespace synfin::port {

struct Ipv6Payload {
    static constexpr uint8_t kNone = 59;  ///< "no next header" (RFC 8200 4.7)
    uint8_t protocol = kNone;  ///< kNone also for fragments, malformed packets, and more than 8 headers
    uint32_t offset = 0;       ///< bytes from the IPv6 header to the payload
    bool is_extended = false;  ///< extension headers precede it
};

/// Passes hop-by-hop, destination and routing headers, and the fragment header of a packet that is not a
/// fragment (RFC 6946). It only finds the payload; the stack judges the headers.
/// @param ip the IPv6 header; only `length` bytes are read
/// @note cost: two compares for a packet without extension headers
Ipv6Payload ipv6_payload(const uint8_t* ip, uint32_t length) noexcept;

}  // namespace synfin::port
