#pragma once
/// @file
/// Addresses of both families as people write them, and zones ("fe80::1%eth0"). An error names the form to
/// write instead.

#include <string>
#include <string_view>

#include "config/quantity.hh"
#include "synfin/units.hh"

namespace synfin::app {

/// A link-local IPv6 address may name its link: "fe80::1%eth0" (RFC 4007 11.2).
struct ZonedAddress {
    IpAddress addr{};
    std::string zone;  ///< "eth0"; empty: none was given
    std::string text() const { return zone.empty() ? addr.text() : addr.text() + "%" + zone; }
};

/// An IPv4 or IPv6 address alone. The error text is the part after "expected".
Parsed<IpAddress> parse_ip(std::string_view text);

/// The same, with a zone if the address is link-local. A zone on another address is an error.
Parsed<ZonedAddress> parse_zoned_ip(std::string_view text);

/// "IPv4" or "IPv6".
std::string_view name(IpAddress::Family family) noexcept;

/// The name by which the kernel knows a device, and which a zone must have: `af_packet:eth1` is `eth1`.
std::string_view zone_of(std::string_view device) noexcept;

/// The error text if a zone is not that of the device; empty: it is, or there is no zone.
std::string foreign_zone(const std::string& zone, std::string_view device);

}  // namespace synfin::app
