#pragma once
/// @file
/// LocalAddresses: our own addresses of both families, their networks, and the next hop to any destination.

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/four_tuple.hh"
#include "base/tuple.hh"
#include "net/networks.hh"
#include "net/own_index.hh"
#include "synfin/units.hh"

namespace synfin::net {

/// Fixed after construction, except for what router advertisements change; any number of addresses. Indexes
/// number the IPv4 addresses first, in the order of the configuration, then the IPv6 ones. So the family of a
/// connection follows from Tuple::local_index with one compare.
///
/// Functions that take an Ipv4 read IPv4 state only.
class LocalAddresses {
  public:
    static constexpr uint32_t kNone = ~uint32_t{0};

    /// @param addresses our addresses; of duplicates the first counts.
    /// @param gateway,gateway6 next hop for destinations that are in none of our networks.
    explicit LocalAddresses(const std::vector<Cidr>& addresses, std::optional<Ipv4> gateway = std::nullopt,
                            std::optional<Ipv6> gateway6 = std::nullopt);

    /// The index of an address of ours, or kNone.
    /// @note cost: a compare for addresses that follow the first of their family without a gap, otherwise one
    /// line of a hash table.
    uint32_t find(Ipv4 addr) const noexcept {
        const uint32_t i = addr.value - run_begin_;
        return i < run_ ? i : beyond_run_.find(addr);
    }
    [[gnu::always_inline]] uint32_t find(const Ipv6& addr) const noexcept {
        const uint64_t at = addr.lower() - run6_begin_.lower();
        if (at < run6_ && addr.upper() == run6_begin_.upper()) return count4() + static_cast<uint32_t>(at);
        const uint32_t i = beyond_run6_.find(addr);
        return i == kNone ? kNone : count4() + i;
    }
    uint32_t find(const IpAddress& addr) const noexcept {
        return addr.is_v4() ? find(addr.v4) : find(addr.v6);
    }

    /// Whether the index is that of an IPv6 address.
    bool is_v6(uint32_t index) const noexcept { return index >= count4(); }
    /// The address of an index below count4().
    Ipv4 operator[](uint32_t index) const noexcept { return v4_[index]; }
    /// The address of an index from count4() on.
    const Ipv6& v6(uint32_t index) const noexcept { return v6_[index - count4()]; }
    /// The address of any index.
    IpAddress at(uint32_t index) const noexcept {
        return is_v6(index) ? IpAddress(v6(index)) : IpAddress(v4_[index]);
    }
    /// The addresses and ports of an IPv4 connection, as on the wire.
    FourTuple named(const Tuple& t) const noexcept {
        return {Ipv4{t.remote_addr}, t.remote_port, t.local_port, v4_[t.local_index]};
    }
    /// The addresses and ports of an IPv6 connection, as on the wire; its tuple holds only a fold of the
    /// peer's address.
    FourTuple6 named(const Tuple& t, const Ipv6& remote) const noexcept {
        return {remote, v6(t.local_index), t.remote_port, t.local_port};
    }

    std::span<const Ipv4> all4() const noexcept { return v4_; }  ///< by index; the memory does not move
    std::span<const Ipv6> all6() const noexcept { return v6_; }  ///< by index less count4()
    uint32_t count4() const noexcept { return count4_; }
    uint32_t count6() const noexcept { return static_cast<uint32_t>(v6_.size()); }
    uint32_t size() const noexcept { return count4() + count6(); }

    /// The next hop to a destination: the destination itself if on link, otherwise the gateway; 0.0.0.0: no
    /// route.
    Ipv4 next_hop(Ipv4 destination) const noexcept {
        return ((destination.value ^ first_.addr) & first_.mask) == 0 ? destination
                                                                      : next_hop_beyond(destination);
    }
    /// The same for IPv6; ::: no route. Link-local destinations are on link (RFC 4861 5.2).
    Ipv6 next_hop(const Ipv6& destination) const noexcept {
        return first6_.contains(destination) ? destination : next_hop_beyond(destination);
    }
    /// Whether an IPv6 address can be a neighbour's: it is on link, or the gateway.
    bool is_neighbour(const Ipv6& addr) const noexcept {
        return next_hop(addr) == addr || (addr == gateway6_ && !addr.is_unspecified());
    }

    /// Marks the last address as internal: it is not from the configuration. See is_internal().
    void set_last_internal() noexcept { internal_ = size() - 1; }
    /// Whether the index is that of a link-local address that IPv6 needs for itself. Nobody can connect to
    /// it: processes that share an interface, and its MAC address, share this address, too, and each would
    /// reset the connections of the others.
    bool is_internal(uint32_t index) const noexcept { return index == internal_; }

    // -- what router advertisements change (RFC 4861 6.3.4)
    static constexpr uint32_t kMostLearned = 16;  ///< on-link prefixes
    const Ipv6& gateway6() const noexcept { return gateway6_; }
    void set_gateway6(const Ipv6& gateway) noexcept { gateway6_ = gateway; }  ///< ::: none
    /// Replaces all learned prefixes; at most kMostLearned.
    void set_learned(std::span<const Cidr> prefixes) noexcept;

    /// Upper limit for the number of other hosts' IPv4 addresses in our networks.
    uint64_t on_link() const noexcept {
        uint64_t n = 0;
        for (const auto& network : networks_.all()) n += network.last.value - network.first.value;
        return n;
    }

    /// Our address in the network of a neighbour: the source of an ARP request.
    /// The first address of the family if none is in that network; the family must have an address.
    Ipv4 towards(Ipv4 neighbour) const noexcept {
        const uint32_t own = networks_.own_towards(neighbour);
        return v4_[own == kNone ? 0 : own];
    }
    const Ipv6& towards(const Ipv6& neighbour) const noexcept {
        const uint32_t own = networks6_.own_towards(neighbour);
        return v6_[own == kNone ? 0 : own];
    }
    /// The source of a neighbour solicitation: as towards(), but the link-local address if no network has the
    /// neighbour; it suits all of them.
    const Ipv6& soliciting(const Ipv6& neighbour) const noexcept {
        const uint32_t own = networks6_.own_towards(neighbour);
        return own == kNone ? link_local6() : v6_[own];
    }
    /// Our first link-local IPv6 address; if there is none, the first address.
    const Ipv6& link_local6() const noexcept { return v6_[link_local_]; }

    /// Limited, directed (RFC 1122 3.2.1.3) or all-zeros broadcast of one of our networks. IPv6 has none.
    /// @note cost: three instructions for nearly every address, else a search among the broadcasts.
    bool is_broadcast(Ipv4 addr) const noexcept {
        if (((addr.value + 1) & least_host_) > 1) [[likely]]
            return false;
        return std::binary_search(broadcasts_.begin(), broadcasts_.end(), addr);
    }

    /// Whether a TCP peer can have this address (RFC 9293 MUST-46, MUST-57, MUST-63; RFC 1122 3.2.1.3 (a) and
    /// (b) for network 0, (g) for loopback).
    bool is_unicast(Ipv4 addr) const noexcept {
        constexpr uint32_t kMulticast = 0xe000'0000;  // and the reserved range above it
        return addr.value >> 24 != 0 && !addr.is_loopback() && addr.value < kMulticast && !is_broadcast(addr);
    }
    /// The same of IPv6 (RFC 4291 2.5.2, 2.5.3, 2.5.5.2, 2.7): IPv4-mapped addresses never appear on the
    /// wire.
    static bool is_unicast(const Ipv6& addr) noexcept {
        return !addr.is_multicast() && !addr.is_unspecified() && !addr.is_loopback() && !addr.is_v4_mapped();
    }

    /// Whether we belong to a multicast group: all nodes of the link, or the solicited-node group of one of
    /// our addresses (RFC 4291 2.7.1, 2.8).
    /// @note cost: a search in logarithmic time.
    bool is_our_group(const Ipv6& group) const noexcept;

    /// Bytes of all tables.
    size_t memory_bytes() const noexcept;

  private:
    struct Masked {
        uint32_t addr, mask;
    };
    struct Masked6 {
        std::array<uint64_t, 2> addr, mask;  ///< as Ipv6::words()
        bool contains(const Ipv6& other) const noexcept {
            const auto [low, high] = other.words();
            return (((low ^ addr[0]) & mask[0]) | ((high ^ addr[1]) & mask[1])) == 0;
        }
    };
    void add_networks4(const std::vector<Cidr>& addresses);
    void add_networks6(const std::vector<Cidr>& addresses);
    Ipv4 next_hop_beyond(Ipv4 destination) const noexcept {
        return networks_.contain(destination) ? destination : gateway_;
    }
    Ipv6 next_hop_beyond(const Ipv6& destination) const noexcept;

    std::vector<Ipv4> v4_;
    uint32_t count4_ = 0;               ///< of v4_: read for each segment
    uint32_t run_begin_ = 0, run_ = 0;  ///< the consecutive addresses at the front
    Masked first_{0, ~uint32_t{0}};     ///< network of the first address; without one it matches only 0.0.0.0
    Ipv4 gateway_{};
    OwnIndex<Ipv4> beyond_run_;
    Networks<Ipv4> networks_;
    std::vector<Ipv4> broadcasts_;        ///< sorted
    uint32_t least_host_ = ~uint32_t{0};  ///< these bits of a broadcast are all zeros or all ones

    std::vector<Ipv6> v6_;
    Ipv6 run6_begin_{};  ///< as run_begin_, and below as run_ and first_, which matches only ::
    uint32_t run6_ = 0;
    Masked6 first6_{{0, 0}, {~uint64_t{0}, ~uint64_t{0}}};
    OwnIndex<Ipv6> beyond_run6_;
    Networks<Ipv6> networks6_;
    std::vector<uint32_t> groups_;  ///< the last 24 bits of our IPv6 addresses, sorted
    Ipv6 gateway6_{};
    uint32_t link_local_ = 0;  ///< position in v6_
    uint32_t internal_ = kNone;
    std::array<Cidr, kMostLearned> learned_{};
    uint32_t learned_count_ = 0;
};

}  // namespace synfin::net
