#pragma once
/// @file
/// Duplicate address detection for IPv6 (RFC 4862 5.4): its modes and its result.

#include <cstdint>
#include <string>

#include "synfin/units.hh"

namespace synfin {

/// What an engine does before it uses its IPv6 addresses on Ethernet: one probe for each address, and a
/// second of listening.
enum class Dad : uint8_t {
    off,  ///< no probe: the addresses are used at once
    /// The addresses are used at once (RFC 4429): the engine answers peers. It resolves unknown neighbours
    /// only when the second is over.
    optimistic,
    wait,  ///< the engine answers and sends nothing from the addresses before the second is over
};

/// An IPv6 address of ours that another host already has.
struct DuplicateAddress {
    Ipv6 address;
    Mac holder;  ///< the other host's MAC address
    bool operator==(const DuplicateAddress&) const noexcept = default;
    /// "address 2001:db8::1 is used by 02:00:00:00:00:09 (duplicate)"
    std::string text() const {
        return "address " + address.text() + " is used by " + holder.text() + " (duplicate)";
    }
};

}  // namespace synfin
