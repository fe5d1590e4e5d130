#pragma once
/// @file
/// The extension headers of IPv6 (RFC 8200 4), and which of them a TCP endpoint steps over.

#include <cstdint>
#include <optional>

#include "synfin/units.hh"
#include "wire/ipv6.hh"

namespace synfin::wire {

/// Values of a Next Header field.
inline constexpr uint8_t kHopByHop = 0;
inline constexpr uint8_t kRouting = 43;
inline constexpr uint8_t kFragment = 44;
inline constexpr uint8_t kNoNextHeader = 59;
inline constexpr uint8_t kDestinationOptions = 60;

/// Limits of one packet (RFC 8504 5.3 allows them): more is dropped. No sender needs as much.
inline constexpr uint32_t kMaxExtensions = 8;
inline constexpr uint32_t kMaxExtensionBytes = 256;

/// Codes of an ICMPv6 parameter problem (RFC 4443 3.4).
inline constexpr uint8_t kErroneousField = 0;
inline constexpr uint8_t kUnknownNextHeader = 1;
inline constexpr uint8_t kUnknownOption = 2;

/// An ICMPv6 parameter problem that RFC 8200 asks for.
struct ParameterProblem {
    uint8_t code = 0;
    bool to_multicast = false;  ///< also asked for if the packet's destination is a multicast address
    uint32_t pointer = 0;       ///< offset of the octet in the packet, from the IPv6 header on
};

enum class ExtensionCheck : uint8_t {
    ok,
    malformed,  ///< a length passes the packet's end (RFC 7112: the whole chain is in the packet), or a limit
    option,     ///< an unknown option, whose type says "discard" (RFC 8200 4.2); jumbograms (RFC 2675) too
    routing,    ///< a routing header of type 0 (RFC 5095), or one that names further nodes
    fragment,   ///< not an atomic one (RFC 6946)
};

/// What read_extensions() found.
struct Ipv6Extensions {
    uint8_t protocol = 0;      ///< of the upper layer: a Next Header value that is none of those above
    uint32_t protocol_at = 0;  ///< offset of the Next Header field that holds it, from the IPv6 header on
    uint32_t payload_at = 0;   ///< offset of the upper layer's header, from the IPv6 header on
    bool atomic_fragment = false;
    std::optional<ParameterProblem> problem{};  ///< set if the packet is refused and this is the answer
};

/// Steps over the extension headers of a packet that passed parse_ipv6().
///
/// Hop-by-hop options directly behind the IPv6 header, destination options, routing headers with Segments
/// Left 0 and atomic fragment headers are skipped, in any order and number up to the limits. Options are
/// obeyed as their type says.
/// DEVIATION: RFC 5095 3 ignores a routing header of type 0 with Segments Left 0; here every type 0 is
/// refused.
/// @param packet from the IPv6 header on, without padding
/// @return `out.protocol` and the offsets are set if ok; kNoNextHeader counts as a protocol.
ExtensionCheck read_extensions(Bytes packet, Ipv6Extensions& out) noexcept;

/// The upper layer of a packet, possibly cut off, behind extension headers that are not judged.
struct UpperLayer {
    uint8_t protocol = 0;
    uint32_t at = 0;  ///< offset of its header, at most the packet's size
};

/// Finds the upper layer of a packet that another host quotes, or that is refused.
/// @param packet from the IPv6 header on, at least kIpv6Bytes
/// @return none: the chain is longer than the bytes or the limits, or the packet is a later fragment.
std::optional<UpperLayer> find_upper_layer(Bytes packet) noexcept;

}  // namespace synfin::wire
