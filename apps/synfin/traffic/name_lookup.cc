#include "name_lookup.hh"

#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <iterator>
#include <memory>

namespace synfin::app {

std::vector<IpAddress> look_up(const std::string& name, std::string& error) {
    addrinfo hints{}, *found = nullptr;
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    if (const int code = getaddrinfo(name.c_str(), nullptr, &hints, &found); code != 0) {
        error = gai_strerror(code);
        return {};
    }
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
    std::vector<IpAddress> all;
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
        if (one->ai_family == AF_INET) {
            const auto* address = reinterpret_cast<const sockaddr_in*>(one->ai_addr);
            all.emplace_back(Ipv4{ntohl(address->sin_addr.s_addr)});
        } else if (one->ai_family == AF_INET6) {
            const auto* address = reinterpret_cast<const sockaddr_in6*>(one->ai_addr);
            Ipv6 v6;
            std::copy(std::begin(address->sin6_addr.s6_addr), std::end(address->sin6_addr.s6_addr),
                      v6.octets.begin());
            if (!v6.is_v4_mapped()) all.emplace_back(v6);
        }
    }
    if (all.empty()) error = "no address of IPv4 or IPv6";
    return all;
}

std::optional<IpAddress> choose_address(const std::vector<IpAddress>& found,
                                        std::optional<IpAddress::Family> wanted, bool has_v4, bool has_v6) {
    using Family = IpAddress::Family;
    const auto first_of = [&](Family family) -> std::optional<IpAddress> {
        if (wanted && *wanted != family) return std::nullopt;
        if (!(family == Family::v4 ? has_v4 : has_v6)) return std::nullopt;
        const auto at = std::find_if(found.begin(), found.end(),
                                     [&](const IpAddress& one) { return one.family == family; });
        return at == found.end() ? std::nullopt : std::optional(*at);
    };
    if (const auto v6 = first_of(Family::v6)) return v6;
    return first_of(Family::v4);
}

}  // namespace synfin::app
