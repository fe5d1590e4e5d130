#pragma once
/// @file
/// Duplicate address detection for IPv6 (RFC 4862 5.4): what an engine does, and what it may find.

#include <cstdint>
#include <string>

#include "synfin/units.hh"

namespace synfin {

/// What an engine does before it uses its IPv6 addresses on Ethernet: one probe for each address, and a
/// second of listening.
enum class Dad : uint8_t {
    off,  ///< nothing: the addresses are used at once
    /// They are used at once (RFC 4429): peers that find us are answered. We ask for unknown MAC addresses of
    /// neighbours only when the second is over.
    optimistic,
    wait,  ///< nothing is answered or sent from them before the second is over
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
