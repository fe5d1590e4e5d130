#include "kernel_addresses.hh"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <bit>
#include <iterator>
#include <memory>
#include <optional>

#include "config/ip_text.hh"

namespace synfin::app {

namespace {

Ipv4 v4_of(const sockaddr* address) noexcept {
    return Ipv4{ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr)};
}

Ipv6 v6_of(const sockaddr* address) noexcept {
    const in6_addr& from = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
    Ipv6 out;
    std::copy(std::begin(from.s6_addr), std::end(from.s6_addr), out.octets.begin());
    return out;
}

/// The address with its prefix; none for other families than IPv4 and IPv6.
std::optional<Cidr> cidr_of(const ifaddrs& one) noexcept {
    if (one.ifa_addr == nullptr || one.ifa_netmask == nullptr) return std::nullopt;
    if (one.ifa_addr->sa_family == AF_INET)
        return Cidr{v4_of(one.ifa_addr), static_cast<uint8_t>(std::popcount(v4_of(one.ifa_netmask).value))};
    if (one.ifa_addr->sa_family != AF_INET6) return std::nullopt;
    const auto mask = v6_of(one.ifa_netmask).words();
    return Cidr{v6_of(one.ifa_addr), static_cast<uint8_t>(std::popcount(mask[0]) + std::popcount(mask[1]))};
}

}  // namespace

std::vector<KernelAddress> kernel_addresses() {
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) return {};
    const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, freeifaddrs);
    std::vector<KernelAddress> all;
    for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next)
        if (const auto address = cidr_of(*one)) all.push_back({one->ifa_name, *address});
    return all;
}

std::vector<std::string> shared_addresses(std::string_view device, const std::vector<AddressRange>& ours,
                                          const std::vector<KernelAddress>& kernel) {
    const bool beside_kernel = device.starts_with("af_packet:");
    std::vector<std::string> warnings;
    // The kernel's link-local address on another link is not ours: they are unique on one link only.
    const auto is_another_link = [&](const KernelAddress& other) {
        const IpAddress& addr = other.address.addr;
        return addr.is_v6() && addr.v6.is_link_local() && other.interface != zone_of(device);
    };
    for (const AddressRange& own : ours)
        for (const KernelAddress& other : kernel) {
            if (!own.contains(other.address.addr) || is_another_link(other)) continue;
            warnings.push_back(fmt::format(
                "the kernel has the address {} too, on {}, and {}; take it from the kernel: ip address del "
                "{} "
                "dev {}, or choose another --address",
                other.address.addr.text(), other.interface,
                beside_kernel ? "answers its segments with RST" : "keeps what this host sends to it",
                other.address.text(), other.interface));
        }
    return warnings;
}

}  // namespace synfin::app
