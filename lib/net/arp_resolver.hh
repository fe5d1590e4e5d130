#pragma once
/// @file
/// ArpResolver: MAC addresses of IPv4 next hops (RFC 826). Handles requests and replies.

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/siphash.hh"
#include "net/link.hh"
#include "net/local_addresses.hh"
#include "net/next_hops.hh"
#include "synfin/counters.hh"
#include "wire/arp.hh"

namespace synfin::net {

/// One per engine. Keeps the MAC addresses, packets and opens in NextHops.
class ArpResolver : public NextHops<Ipv4> {
  public:
    /// An ARP packet to send, and the destination MAC address of its frame.
    struct Message {
        wire::ArpPacket arp;
        Mac to;
    };

    /// @param ours, counters must outlive this object.
    /// @param key from fill_secret(), because on-link hosts can choose addresses.
    /// @param opens how many opens can wait; they are numbered 1..opens.
    /// @throws std::bad_alloc
    ArpResolver(const LocalAddresses& ours, const Link& link, HashKey key, uint32_t opens,
                Counters& counters);

    /// Processes a received ARP packet; counts it if it is bad. @return the reply to send, if it is a request
    /// to us.
    std::optional<Message> hear(Bytes packet, Instant now) noexcept;

    /// Sends the requests and packets that are due, as long as there is room.
    /// @param room bool(uint32_t n): whether n more packets could be sent; called before each step.
    /// @param send (const Message&): sends a request.
    /// @param ready (void* packet, const Mac&): the packet can be sent now; the callee owns it.
    /// @param lost (void* packet): the next hop did not answer; the callee owns the packet. Counted here.
    /// @return whether a next hop has failed, so that end_failed_opens() has work.
    template <typename Room, typename Send, typename Ready, typename Lost>
    [[gnu::always_inline]] bool poll(Instant now, Room&& room, Send&& send, Ready&& ready,
                                     Lost&& lost) noexcept {
        return poll_neighbours(
            now, room, [&](Ipv4 target, std::optional<Mac> to) noexcept { send(request(target, to)); }, ready,
            lost);
    }

  private:
    static NeighbourConfig neighbour_config(const LocalAddresses& ours, const Link& link,
                                            HashKey key) noexcept;
    Message request(Ipv4 target, std::optional<Mac> to) const noexcept;

    const Link link_;
};

}  // namespace synfin::net
