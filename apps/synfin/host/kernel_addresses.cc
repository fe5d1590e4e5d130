#include "kernel_addresses.hh"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <bit>
#include <memory>

namespace synfin::app {

namespace {

uint32_t value_of(const sockaddr* address) noexcept {
    return ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr);
}

}  // namespace

std::vector<KernelAddress> kernel_addresses() {
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) return {};
    const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, freeifaddrs);
    std::vector<KernelAddress> all;
    for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
        if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET || one->ifa_netmask == nullptr)
            continue;
        const auto prefix = static_cast<uint8_t>(std::popcount(value_of(one->ifa_netmask)));
        all.push_back({one->ifa_name, {Ipv4{value_of(one->ifa_addr)}, prefix}});
    }
    return all;
}

std::vector<std::string> shared_addresses(std::string_view device, const std::vector<Cidr>& ours,
                                          const std::vector<KernelAddress>& kernel) {
    const bool beside_kernel = device.starts_with("af_packet:");
    std::vector<std::string> warnings;
    for (const Cidr& own : ours)
        for (const KernelAddress& other : kernel)
            if (own.addr == other.address.addr)
                warnings.push_back(fmt::format(
                    "the kernel has the address {} too, on {}, and {}; take it from the kernel: ip address "
                    "del {} "
                    "dev {}, or choose another --address",
                    own.addr.text(), other.interface,
                    beside_kernel ? "answers its segments with RST" : "keeps what this host sends to it",
                    other.address.text(), other.interface));
    return warnings;
}

}  // namespace synfin::app
