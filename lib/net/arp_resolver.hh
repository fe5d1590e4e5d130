#pragma once
/// @file
/// ArpResolver: MAC addresses of next hops (RFC 826). Handles requests and replies, the packets and opens
/// that wait for an answer, and the failure of a next hop that does not answer.

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/siphash.hh"
#include "net/link.hh"
#include "net/local_addresses.hh"
#include "net/neighbour_waits.hh"
#include "net/neighbours.hh"
#include "synfin/counters.hh"
#include "wire/arp.hh"

namespace synfin::net {

/// One per engine. Waiting packets are opaque pointers that it gives back.
/// @note cost: mac_of() for a recently used next hop is two compares; poll() with nothing due is one.
class ArpResolver {
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

    /// Fixes the MAC address of a next hop. Call before the first mac_of().
    void pin(Ipv4 next_hop, const Mac& mac) noexcept { neighbours_.pin(next_hop, mac); }

    /// @return valid until the next call. Null: unknown; requests have started, see Neighbours::lookup().
    const Mac* mac_of(Ipv4 next_hop, Instant now) noexcept { return neighbours_.lookup(next_hop, now); }
    /// Whether the next hop did not answer, and must not be asked again yet.
    bool is_failed(Ipv4 next_hop) const noexcept { return neighbours_.is_failed(next_hop); }

    /// Processes a received ARP packet; counts it if it is bad. @return the reply to send, if it is a request
    /// to us.
    std::optional<Message> hear(Bytes packet, Instant now) noexcept;

    /// Keeps a packet that cannot be sent because mac_of() returned null, until poll() gives it back.
    /// @return DropReason::none: kept. Otherwise the reason for the refusal; the packet stays the caller's.
    DropReason hold(Ipv4 next_hop, void* packet) noexcept;
    /// Registers an open that waits for the next hop; end_failed_opens() ends it if there is no answer.
    /// Unlike packets, any number may wait.
    void add_waiting(Ipv4 next_hop, uint32_t open) noexcept;

    /// Sends the requests and packets that are due, as long as there is room.
    /// @param room bool(uint32_t n): whether n more packets could be sent; called before each step.
    /// @param send (const Message&): sends a request.
    /// @param ready (void* packet, const Mac&): the packet can be sent now; the callee owns it.
    /// @param lost (void* packet): the next hop did not answer; the callee owns the packet. Counted here.
    /// @return whether a next hop has failed, so that end_failed_opens() has work.
    template <typename Room, typename Send, typename Ready, typename Lost>
    [[gnu::always_inline]] bool poll(Instant now, Room&& room, Send&& send, Ready&& ready,
                                     Lost&& lost) noexcept {
        bool failed = false;
        neighbours_.poll(
            now, [&]() noexcept { return room(Neighbours::kMaxHeld); },
            [&](Ipv4 target, std::optional<Mac> to) noexcept { send(request(target, to)); },
            [&](void* packet, const Mac& mac) noexcept { ready(packet, mac); },
            [&](Ipv4 next_hop, void* packet) noexcept {
                if (packet == nullptr) {
                    waits_.fail(neighbours_.slot(next_hop));
                    failed = true;
                } else {
                    counters_.drop(DropReason::neighbour_failed);
                    lost(packet);
                }
            });
        return failed;
    }

    bool has_failed_opens() const noexcept { return waits_.has_failed(); }
    /// Ends opens whose next hop has failed, at most `at_most` visits in a call.
    /// @param opens an object with std::optional<Ipv4> peer_of_open(open), none when the number has been
    ///        reused, and end_unreachable(open).
    template <typename Opens>
    void end_failed_opens(Opens& opens, uint32_t at_most) noexcept {
        for (uint32_t n = 0; n < at_most; ++n) {
            const uint32_t open = waits_.take_failed();
            if (open == 0) return;
            const std::optional<Ipv4> peer = opens.peer_of_open(open);
            if (peer && is_failed(ours_.next_hop(*peer))) opens.end_unreachable(open);
        }
    }

    /// When poll() is due next.
    std::optional<Instant> next_deadline() const noexcept { return neighbours_.next_deadline(); }
    uint32_t packets_held() const noexcept { return neighbours_.held(); }
    /// Opens that end_failed_opens() has visited.
    uint64_t failed_opens_visited() const noexcept { return waits_.visited(); }
    /// Gives every packet back, at the end.
    template <typename Take>
    void for_each_held(Take&& take) noexcept {
        neighbours_.for_each_held(take);
    }

  private:
    static NeighbourConfig neighbour_config(const LocalAddresses& ours, const Link& link,
                                            HashKey key) noexcept;
    Message request(Ipv4 target, std::optional<Mac> to) const noexcept;

    const LocalAddresses& ours_;
    const Link link_;
    Counters& counters_;
    Neighbours neighbours_;
    NeighbourWaits waits_;
};

}  // namespace synfin::net
