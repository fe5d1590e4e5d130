/// @file
/// synfin.h: addresses and gateways of a configuration, in both families.

#include <optional>
#include <string>
#include <string_view>

#include "api/address_check.hh"
#include "api/c_handles.hh"

namespace synfin::c {

namespace {

std::string quoted(std::string_view text) {
    return "\"" + std::string(text) + "\"";
}

/// Removes the zone of a link-local address, which must name the device: "fe80::1%veth0" on
/// "af_packet:veth0".
bool take_zone(std::string_view& text, const char* device) {
    const size_t percent = text.find('%');
    if (percent == std::string_view::npos) return true;
    const std::string_view zone = text.substr(percent + 1), all = device != nullptr ? device : "";
    text = text.substr(0, percent);
    const auto addr = Ipv6::parse(text);
    const size_t colon = all.find(':');
    return addr && addr->is_link_local() && colon != std::string_view::npos && zone == all.substr(colon + 1);
}

std::string read_gateway(std::string_view item, const char* device, StackConfig& out) {
    if (item == "auto") {
        out.gateway_auto = true;
        return {};
    }
    std::string wrong = "gateway: " + quoted(item) +
                        " is not an address; write 10.0.0.254, 2001:db8::ff, "
                        "10.0.0.254@02:00:00:00:00:01 or auto";
    const size_t at = item.find('@');
    std::string_view text = item.substr(0, at);
    std::optional<Mac> mac;
    if (at != std::string_view::npos && !(mac = Mac::parse(item.substr(at + 1)))) return wrong;
    if (!take_zone(text, device))
        return "gateway: " + quoted(item) + ": only a link-local address has a zone, the device's name";
    const auto addr = IpAddress::parse(text);
    if (!addr) return wrong;
    if (addr->is_v4() ? out.gateway.has_value() : out.gateway6.has_value())
        return "gateway: " + quoted(item) + ": the second of its family; give one of each";
    if (addr->is_v4()) {
        out.gateway = addr->v4;
        out.gateway_mac = mac;
    } else {
        out.gateway6 = addr->v6;
        out.gateway6_mac = mac;
    }
    return {};
}

std::string read_addresses(const synfin_config& config, StackConfig& out) {
    if (config.addresses == nullptr) return "addresses is null: expected \"10.0.0.2/24\"";
    for (const std::string_view item : split(config.addresses)) {
        const auto address = Cidr::parse(item);
        if (!address)
            return "addresses: " + quoted(item) +
                   " is not an address with a prefix; write 10.0.0.2/24 or 2001:db8::2/64";
        out.addresses.push_back(*address);
    }
    return {};
}

std::string read_gateways(const synfin_config& config, StackConfig& out) {
    if (config.gateway == nullptr) return {};
    for (const std::string_view item : split(config.gateway))
        if (std::string complaint = read_gateway(item, config.device, out); !complaint.empty())
            return complaint;
    return {};
}

}  // namespace

std::string read_network(const synfin_config& config, StackConfig& out) {
    if (std::string complaint = read_addresses(config, out); !complaint.empty()) return complaint;
    if (std::string complaint = read_gateways(config, out); !complaint.empty()) return complaint;
    Refusal refusal;
    return check_addresses(out, refusal) ? std::string() : refusal.why;
}

}  // namespace synfin::c
