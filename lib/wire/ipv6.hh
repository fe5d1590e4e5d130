#pragma once
/// @file
/// The IPv6 header (RFC 8200).

#include <cstdint>

#include "synfin/units.hh"

namespace synfin::wire {

constexpr uint32_t kIpv6Bytes = 40;

/// A parsed IPv6 header and what the extension headers behind it say.
struct Ipv6Header {
    Ipv6 source, destination;
    uint16_t payload_length = 0;  ///< bytes behind the 40 bytes of this header
    uint8_t next_header = 0;      ///< protocol of the payload, behind all extension headers
    uint8_t hop_limit = 0;
    uint8_t traffic_class = 0;
    uint32_t flow_label = 0;  ///< 20 bits
};

}  // namespace synfin::wire
