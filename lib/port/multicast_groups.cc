#include "port/multicast_groups.hh"

#include <algorithm>

namespace synfin::port {

std::vector<Mac> groups_of(const std::vector<Ipv6>& addresses, const Mac& mac) {
    if (addresses.empty()) return {};
    const auto solicited = [](uint8_t a, uint8_t b, uint8_t c) { return Mac{{0x33, 0x33, 0xff, a, b, c}}; };
    // The link-local address ends in the MAC address's last three octets (RFC 4291 appendix A).
    std::vector<Mac> groups = {Mac{{0x33, 0x33, 0, 0, 0, 1}},
                               solicited(mac.octets[3], mac.octets[4], mac.octets[5])};
    for (const Ipv6& address : addresses)
        groups.push_back(solicited(address.octets[13], address.octets[14], address.octets[15]));
    std::sort(groups.begin(), groups.end(), [](const Mac& a, const Mac& b) { return a.octets < b.octets; });
    groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
    return groups;
}

}  // namespace synfin::port
