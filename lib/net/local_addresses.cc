#include "net/local_addresses.hh"

#include "synfin/check.hh"

namespace synfin::net {

namespace {

std::vector<Ipv4> of_v4(const std::vector<Cidr>& addresses) {
    std::vector<Ipv4> out;
    for (const Cidr& each : addresses)
        if (each.addr.is_v4()) out.push_back(each.addr.v4);
    return out;
}

std::vector<Ipv6> of_v6(const std::vector<Cidr>& addresses) {
    std::vector<Ipv6> out;
    for (const Cidr& each : addresses)
        if (each.addr.is_v6()) out.push_back(each.addr.v6);
    return out;
}

/// How many addresses at the front are consecutive; a subtraction finds these.
uint32_t run_of(const std::vector<Ipv4>& addresses) noexcept {
    uint32_t run = 0;
    while (run < addresses.size() && addresses[run].value == addresses[0].value + run) ++run;
    return run;
}

uint32_t run_of(const std::vector<Ipv6>& addresses) noexcept {
    uint32_t run = 0;
    while (run < addresses.size() && addresses[run].upper() == addresses[0].upper() &&
           addresses[run].lower() == addresses[0].lower() + run)
        ++run;
    return run;
}

Networks<Ipv6>::Network network6(const Ipv6& addr, unsigned prefix, uint32_t own) noexcept {
    Networks<Ipv6>::Network out{addr, addr, own};
    for (unsigned i = 0; i < 16; ++i) {
        const unsigned bits = prefix <= 8 * i ? 0 : std::min(prefix - 8 * i, 8u);  // of this octet
        const auto host = static_cast<uint8_t>(0xffu >> bits);
        out.first.octets[i] = static_cast<uint8_t>(addr.octets[i] & ~host);
        out.last.octets[i] = static_cast<uint8_t>(addr.octets[i] | host);
    }
    return out;
}

uint32_t last_24_bits(const Ipv6& addr) noexcept {
    return uint32_t{addr.octets[13]} << 16 | uint32_t{addr.octets[14]} << 8 | addr.octets[15];
}

}  // namespace

LocalAddresses::LocalAddresses(const std::vector<Cidr>& addresses, std::optional<Ipv4> gateway,
                               std::optional<Ipv6> gateway6)
    : v4_(of_v4(addresses)),
      count4_(static_cast<uint32_t>(v4_.size())),
      run_begin_(v4_.empty() ? 0 : v4_[0].value),
      run_(run_of(v4_)),
      gateway_(gateway.value_or(Ipv4{})),
      beyond_run_(v4_, run_),
      v6_(of_v6(addresses)),
      run6_begin_(v6_.empty() ? Ipv6{} : v6_[0]),
      run6_(run_of(v6_)),
      beyond_run6_(v6_, run6_),
      gateway6_(gateway6.value_or(Ipv6{})) {
    add_networks4(addresses);
    add_networks6(addresses);
}

void LocalAddresses::add_networks4(const std::vector<Cidr>& addresses) {
    std::vector<Networks<Ipv4>::Network> networks;
    for (const Cidr& each : addresses) {
        if (!each.addr.is_v4()) continue;
        const auto own = static_cast<uint32_t>(networks.size());
        if (own == 0) first_ = {each.addr.v4.value, each.mask()};
        networks.push_back({Ipv4{each.addr.v4.value & each.mask()}, each.broadcast(), own});
    }
    networks_.build(std::move(networks));
    broadcasts_.push_back(Ipv4{0xffff'ffff});
    for (const auto& network : networks_.all()) {
        if (network.last.value - network.first.value <= 1) continue;  // RFC 3021: a /31 has two hosts
        broadcasts_.push_back(network.first);
        broadcasts_.push_back(network.last);
        least_host_ &= network.last.value ^ network.first.value;
    }
    std::sort(broadcasts_.begin(), broadcasts_.end());
}

void LocalAddresses::add_networks6(const std::vector<Cidr>& addresses) {
    std::vector<Networks<Ipv6>::Network> networks;
    for (const Cidr& each : addresses) {
        if (!each.addr.is_v6()) continue;
        const auto own = static_cast<uint32_t>(networks.size());
        networks.push_back(network6(each.addr.v6, each.prefix, own));
        if (own == 0) {
            const auto first = networks[0].first.words(), last = networks[0].last.words();
            first6_ = {first, {~(first[0] ^ last[0]), ~(first[1] ^ last[1])}};
        }
        if (each.addr.v6.is_link_local() && !v6_[link_local_].is_link_local()) link_local_ = own;
    }
    if (!networks.empty()) networks.push_back(network6(Ipv6{{0xfe, 0x80}}, 10, link_local_));
    networks6_.build(std::move(networks));
    for (const Ipv6& each : v6_) groups_.push_back(last_24_bits(each));
    std::sort(groups_.begin(), groups_.end());
    groups_.erase(std::unique(groups_.begin(), groups_.end()), groups_.end());
}

bool LocalAddresses::is_our_group(const Ipv6& group) const noexcept {
    constexpr Ipv6 kAllNodes{{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
    constexpr Ipv6 kSolicitedNode{{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff}};
    if (v6_.empty()) return false;
    if (group == kAllNodes) return true;
    const auto& octets = group.octets;
    return std::equal(octets.begin(), octets.begin() + 13, kSolicitedNode.octets.begin()) &&
           std::binary_search(groups_.begin(), groups_.end(), last_24_bits(group));
}

Ipv6 LocalAddresses::next_hop_beyond(const Ipv6& destination) const noexcept {
    if (networks6_.contain(destination)) return destination;
    for (const Cidr& prefix : std::span(learned_).first(learned_count_))
        if (prefix.contains(destination)) return destination;
    return gateway6_;
}

void LocalAddresses::set_learned(std::span<const Cidr> prefixes) noexcept {
    SYNFIN_CHECK(prefixes.size() <= kMostLearned);
    std::copy(prefixes.begin(), prefixes.end(), learned_.begin());
    learned_count_ = static_cast<uint32_t>(prefixes.size());
}

size_t LocalAddresses::memory_bytes() const noexcept {
    return v4_.size() * sizeof(Ipv4) + v6_.size() * sizeof(Ipv6) + beyond_run_.memory_bytes() +
           beyond_run6_.memory_bytes() + networks_.all().size() * sizeof(Networks<Ipv4>::Network) +
           networks6_.all().size() * sizeof(Networks<Ipv6>::Network) + broadcasts_.size() * sizeof(Ipv4) +
           groups_.size() * sizeof(uint32_t);
}

}  // namespace synfin::net
