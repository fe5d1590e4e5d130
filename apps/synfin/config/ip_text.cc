#include "ip_text.hh"

#include <fmt/format.h>

#include <algorithm>

namespace synfin::app {

Parsed<ZonedAddress> parse_zoned_ip(std::string_view text) {
    const auto refuse = [](std::string expected) {
        return Parsed<ZonedAddress>::refuse(std::move(expected));
    };
    const size_t percent = text.find('%');
    const std::string_view bare = text.substr(0, percent);
    ZonedAddress out;
    if (bare.starts_with('[')) return refuse("an address without brackets");
    const auto addr = IpAddress::parse(bare);
    if (!addr) return refuse("an address such as 10.0.0.1 or 2001:db8::1");
    out.addr = *addr;
    if (addr->is_v6() && addr->v6.is_v4_mapped()) {
        const auto& o = addr->v6.octets;
        return refuse(fmt::format("the IPv4 address itself: {}.{}.{}.{}", o[12], o[13], o[14], o[15]));
    }
    if (percent == text.npos) return out;
    out.zone = text.substr(percent + 1);
    if (!addr->is_v6() || !addr->v6.is_link_local())
        return refuse(fmt::format("{} without a zone: only link-local addresses (fe80::/10) have one", bare));
    if (out.zone.empty()) return refuse("the name of the device after '%', such as fe80::1%eth0");
    return out;
}

Parsed<IpAddress> parse_ip(std::string_view text) {
    const auto zoned = parse_zoned_ip(text);
    if (!zoned) return Parsed<IpAddress>::refuse(zoned.error);
    if (!zoned.value->zone.empty())
        return Parsed<IpAddress>::refuse(
            fmt::format("{} without a zone: --device names the link", zoned.value->addr.text()));
    return zoned.value->addr;
}

std::string_view name(IpAddress::Family family) noexcept {
    return family == IpAddress::Family::v4 ? "IPv4" : "IPv6";
}

std::string_view zone_of(std::string_view device) noexcept {
    const size_t colon = device.find(':');
    return colon == device.npos ? device : device.substr(colon + 1);
}

std::string foreign_zone(const std::string& zone, std::string_view device) {
    if (zone.empty() || zone == zone_of(device)) return {};
    return fmt::format("the zone %{} is not the device ({})", zone, zone_of(device));
}

}  // namespace synfin::app
