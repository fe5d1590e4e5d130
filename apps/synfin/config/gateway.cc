#include "gateway.hh"

#include <algorithm>

namespace synfin::app {

Parsed<Gateway> Gateway::parse(std::string_view text) {
    const auto refuse = [&](std::string_view expected) {
        return Parsed<Gateway>::refuse(expected_but_found(expected, text));
    };
    Gateway gateway;
    if (text == "auto") {
        gateway.is_auto = true;
        return gateway;
    }
    const size_t at = text.find('@');
    const auto addr = parse_zoned_ip(text.substr(0, at));
    if (!addr) return refuse(addr.error + ", or auto");
    gateway.at = *addr.value;
    if (gateway.addr().is_multicast() || gateway.addr().is_unspecified() || gateway.addr().is_loopback() ||
        gateway.addr().is_limited_broadcast())
        return refuse("a router's unicast address");
    if (at == text.npos) return gateway;
    gateway.mac = Mac::parse(text.substr(at + 1));
    if (!gateway.mac || gateway.mac->is_multicast() || *gateway.mac == Mac{})
        return refuse("a host's MAC address after '@' such as 10.0.0.254@02:00:00:00:00:01");
    return gateway;
}

std::string Gateway::text() const {
    if (is_auto) return "auto";
    return mac ? at.text() + "@" + mac->text() : at.text();
}

const Gateway* gateway_of(const std::vector<Gateway>& gateways, IpAddress::Family family) noexcept {
    const auto found = std::find_if(gateways.begin(), gateways.end(),
                                    [&](const Gateway& one) { return one.family() == family; });
    return found == gateways.end() ? nullptr : &*found;
}

}  // namespace synfin::app
