#pragma once
/// @file
/// Gateway: the next hop of one family for destinations off link: `10.0.0.254`,
/// `2001:db8::ff@02:00:00:00:00:01`, `fe80::1%eth1`, or `auto` for the router that advertises itself (IPv6).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/ip_text.hh"
#include "config/quantity.hh"
#include "synfin/units.hh"

namespace synfin::app {

struct Gateway {
    ZonedAddress at{};         ///< unspecified for `auto`
    std::optional<Mac> mac{};  ///< if set, synfin neither resolves it nor accepts updates
    bool is_auto = false;      ///< IPv6: from router advertisements (RFC 4861 6.3.4)

    static Parsed<Gateway> parse(std::string_view text);
    const IpAddress& addr() const noexcept { return at.addr; }
    IpAddress::Family family() const noexcept { return is_auto ? IpAddress::Family::v6 : at.addr.family; }
    std::string text() const;
};

/// The gateway of a family, or null.
const Gateway* gateway_of(const std::vector<Gateway>& gateways, IpAddress::Family family) noexcept;

}  // namespace synfin::app
