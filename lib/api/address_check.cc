#include "api/address_check.hh"

#include <algorithm>
#include <string>

namespace synfin {

namespace {

constexpr uint16_t kLeastMtu6 = 1280;  // RFC 8200 5

/// What an address is, if no host's interface on a network can have it; else null.
const char* unfit_kind(const Ipv6& address) noexcept {
    if (address.is_unspecified()) return "the unspecified address";
    if (address.is_loopback()) return "the loopback address";
    if (address.is_multicast()) return "a multicast address";
    if (address.is_v4_mapped()) return "an IPv4-mapped address, which never appears on a network";
    return nullptr;
}

bool check_gateway6(const StackConfig& config, Refusal& refusal) {
    if (!config.gateway6) return true;
    const Ipv6& gateway = *config.gateway6;
    const std::string name = "gateway " + gateway.text();
    if (const char* kind = unfit_kind(gateway))
        return refusal.because(Error::invalid, name + " is " + kind + "; give the router's own address");
    const auto any = [&](const auto& is) {
        return std::any_of(config.addresses.begin(), config.addresses.end(), is);
    };
    if (!any([](const Cidr& each) { return each.addr.is_v6(); }))
        return refusal.because(Error::invalid,
                               name + " has no use without an IPv6 address of our own; give one");
    if (any([&](const Cidr& each) { return each.addr == IpAddress(gateway); }))
        return refusal.because(Error::invalid,
                               name + " is one of our own addresses; give the router's address");
    if (!gateway.is_link_local() && !any([&](const Cidr& each) { return each.contains(gateway); }))
        return refusal.because(Error::invalid,
                               name +
                                   " is in the network of none of our addresses; give an address whose "
                                   "prefix contains it, or the router's link-local address");
    return true;
}

}  // namespace

bool check_addresses(const StackConfig& config, Refusal& refusal) {
    for (const Cidr& each : config.addresses) {
        const unsigned bits = each.addr.is_v4() ? 32 : 128;
        if (each.prefix > bits)
            return refusal.because(Error::invalid, "address " + each.text() +
                                                       ": the prefix is longer than the address; give 0 to " +
                                                       std::to_string(bits) + " bits");
        if (each.addr.is_v4()) continue;
        if (const char* kind = unfit_kind(each.addr.v6))
            return refusal.because(Error::invalid,
                                   "address " + each.text() + " is " + kind + "; give a unicast address");
        if (config.mtu < kLeastMtu6)
            return refusal.because(Error::invalid,
                                   "MTU " + std::to_string(config.mtu) +
                                       ": IPv6 needs at least 1280 (RFC 8200 5); raise it, or give IPv4 "
                                       "addresses only");
    }
    return check_gateway6(config, refusal);
}

}  // namespace synfin
