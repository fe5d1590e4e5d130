#pragma once
/// @file
/// Our own IPv4 addresses, the networks they lie in, and where a packet to elsewhere goes first.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "synfin/units.hh"

namespace synfin::net {

/// Fixed after construction. An address is known by its index in the configuration.
class LocalAddresses {
  public:
    static constexpr uint32_t kNone = ~uint32_t{0};

    LocalAddresses(const std::vector<Cidr>& addresses, std::optional<Ipv4> gateway)
        : addresses_(addresses), gateway_(gateway.value_or(Ipv4{})) {
        for (uint32_t i = 0; i < addresses.size(); ++i) {
            by_value_.push_back({addresses[i].addr.value, i});
            const auto same = [&](const Cidr& n) {
                return n.prefix == addresses[i].prefix && n.contains(addresses[i].addr);
            };
            if (std::none_of(networks_.begin(), networks_.end(), same)) {
                networks_.push_back(addresses[i]);
                masks_.push_back({addresses[i].addr.value, addresses[i].mask()});
            }
        }
        std::sort(by_value_.begin(), by_value_.end(),
                  [](const Entry& a, const Entry& b) { return a.value < b.value; });
        // Addresses that follow each other, in order: found by a subtraction.
        while (run_ < addresses.size() && addresses[run_].addr.value == addresses[0].addr.value + run_)
            ++run_;
        if (!addresses.empty()) {
            run_begin_ = addresses[0].addr.value;
            first_ = masks_[0];
        }
    }

    /// The index of an address of ours, or kNone.
    /// @note cost: a compare for those that follow the first one without a gap, else a binary search.
    uint32_t find(Ipv4 addr) const noexcept {
        const uint32_t i = addr.value - run_begin_;
        return i < run_ ? i : find_beyond(addr);
    }

    Ipv4 operator[](uint32_t index) const noexcept { return addresses_[index].addr; }
    std::span<const Cidr> all() const noexcept { return addresses_; }  ///< by index; they stay where they are
    uint32_t size() const noexcept { return static_cast<uint32_t>(addresses_.size()); }

    /// The next hop towards a destination: itself on link, else the gateway, else none: 0.0.0.0.
    Ipv4 next_hop(Ipv4 destination) const noexcept {
        return ((destination.value ^ first_.addr) & first_.mask) == 0 ? destination
                                                                      : next_hop_beyond(destination);
    }

    /// How many addresses of others the networks have, at most.
    uint64_t on_link() const noexcept {
        uint64_t n = 0;
        for (const Network& network : masks_) n += uint64_t{~network.mask};
        return n;
    }

    /// An address of ours in the network of a neighbour: whom an ARP request is from. The first when none is.
    Ipv4 towards(Ipv4 neighbour) const noexcept {
        for (const Cidr& a : networks_)
            if (a.contains(neighbour)) return a.addr;
        return addresses_[0].addr;
    }

    /// Limited, directed (RFC 1122 3.2.1.3) or all-zeros broadcast of one of our networks.
    bool is_broadcast(Ipv4 addr) const noexcept {
        if (addr.is_limited_broadcast()) return true;
        for (const Network& n : masks_) {
            if (((addr.value ^ n.addr) & n.mask) != 0) continue;
            const uint32_t host = addr.value & ~n.mask;
            if ((host == 0 || host == ~n.mask) && ~n.mask > 1) return true;  // of prefixes up to 30
        }
        return false;
    }

    /// Whether a TCP peer can have this address (RFC 9293 MUST-46, MUST-57, MUST-63; RFC 1122 3.2.1.3 (a) and
    /// (b) for network 0, (g) for loopback).
    bool is_unicast(Ipv4 addr) const noexcept {
        constexpr uint32_t kMulticast = 0xe000'0000;  // and beyond it what is reserved, to the end
        return addr.value >> 24 != 0 && !addr.is_loopback() && addr.value < kMulticast && !is_broadcast(addr);
    }

  private:
    struct Entry {
        uint32_t value, index;
    };
    struct Network {
        uint32_t addr, mask;
    };
    uint32_t find_beyond(Ipv4 addr) const noexcept {
        const auto at = std::lower_bound(by_value_.begin(), by_value_.end(), addr.value,
                                         [](const Entry& e, uint32_t value) { return e.value < value; });
        return at != by_value_.end() && at->value == addr.value ? at->index : kNone;
    }
    Ipv4 next_hop_beyond(Ipv4 destination) const noexcept {
        for (const Network& n : masks_)
            if (((destination.value ^ n.addr) & n.mask) == 0) return destination;
        return gateway_;
    }

    std::vector<Cidr> addresses_;
    std::vector<Entry> by_value_;
    std::vector<Cidr> networks_;
    std::vector<Network> masks_;        ///< of networks_
    Network first_{0, ~uint32_t{0}};    ///< of them; nobody's when there is none
    uint32_t run_begin_ = 0, run_ = 0;  ///< the first addresses that follow each other
    Ipv4 gateway_{};
};

}  // namespace synfin::net
