#pragma once
/// @file
/// NdResolver: MAC addresses of IPv6 next hops (RFC 4861 7). Handles solicitations and advertisements for
/// addresses that are in use, which net::Discovery passes on.

#include <cstdint>
#include <optional>

#include "base/siphash.hh"
#include "net/discovery_packet.hh"
#include "net/link.hh"
#include "net/local_addresses.hh"
#include "net/next_hops.hh"
#include "synfin/counters.hh"
#include "wire/nd.hh"

namespace synfin::net {

/// One per engine. Keeps the MAC addresses, packets and opens in NextHops, with the states of RFC 4861 7.3.2:
/// INCOMPLETE is Neighbours' "resolving", REACHABLE "reachable", STALE the same after 30 s, PROBE
/// "refreshing". Only traffic to a stale neighbour leads to a probe.
///
/// DEVIATION: a stale neighbour is probed at its next use, without the 5 s of DELAY (RFC 4861 7.3.3), and no
/// hint of TCP replaces a probe: one solicitation in 30 s for each neighbour in use costs less than a hint in
/// each segment.
///
/// DEVIATION: any message that repeats the known MAC address confirms it, as in ARP, not only a solicited
/// advertisement (RFC 4861 7.3.1).
///
/// DEVIATION: RFC 4861 7.2.5 lets any advertisement with the override flag replace a known MAC address. Here
/// it is a hint, unless it answers our multicast: the known address is probed by unicast first, and only if
/// that stays unanswered for 500 ms, by multicast. So a forged advertisement disturbs traffic for at most a
/// second, and a failover is followed within about a second.
class NdResolver : public NextHops<Ipv6> {
  public:
    /// @param ours, counters must outlive this object.
    /// @param key from fill_secret(), because on-link hosts can choose addresses.
    /// @param opens how many opens can wait; they are numbered 1..opens.
    /// @throws std::bad_alloc
    NdResolver(const LocalAddresses& ours, const Link& link, HashKey key, uint32_t opens, Counters& counters);

    /// Processes a valid solicitation (RFC 4861 7.2.3) for an address of ours, from a host that has an
    /// address: learns its MAC address.
    /// @param overrides the override flag of the answer: false while another host may have the address (RFC
    ///        4429 3.3).
    /// @return the advertisement to send.
    DiscoveryPacket hear_solicitation(const Ipv6& source, const wire::NdMessage& message, bool overrides,
                                      Instant now) noexcept;
    /// The advertisement to all nodes that answers a probe of duplicate detection for an address of ours.
    DiscoveryPacket defend(const Ipv6& address) const noexcept;
    /// Processes a valid advertisement for an address that is not ours (RFC 4861 7.2.5).
    /// @return whether the neighbour has the MAC address that it claims.
    bool hear_advertisement(const wire::NdMessage& message, Instant now) noexcept;
    /// Learns the MAC address of a router that advertises itself (RFC 4861 6.3.4).
    void hear_router(const Ipv6& router, const Mac& mac, Instant now) noexcept {
        static_cast<void>(learn(router, mac, now, true, false));
    }

    /// As ArpResolver::poll(). send takes a const DiscoveryPacket&.
    template <typename Room, typename Send, typename Ready, typename Lost>
    bool poll(Instant now, Room&& room, Send&& send, Ready&& ready, Lost&& lost) noexcept {
        return poll_neighbours(
            now, room,
            [&](const Ipv6& target, std::optional<Mac> to) noexcept { send(solicitation(target, to)); },
            ready, lost);
    }
    const NeighbourCounters& neighbour_counters() const noexcept { return neighbours_.counters(); }
    uint32_t neighbours() const noexcept { return neighbours_.size(); }

  private:
    static NeighbourConfig neighbour_config(const LocalAddresses& ours, const Link& link,
                                            HashKey key) noexcept;
    DiscoveryPacket solicitation(const Ipv6& target, std::optional<Mac> to) const noexcept;
    DiscoveryPacket advertisement(const Ipv6& address) const noexcept;
    bool learn(const Ipv6& neighbour, const Mac& mac, Instant now, bool for_us, bool is_reply) noexcept;

    const Link link_;
};

}  // namespace synfin::net
