#pragma once
/// @file
/// ArpResolver: MAC addresses of next hops (RFC 826): requests and replies, packets and opens that wait for
/// an answer, and what becomes of them when a next hop does not answer.

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

/// Of one engine. Knows no packets: those that wait are pointers that it gives back.
/// @note cost: mac_of() a next hop that was asked for lately is two compares; poll() with nothing due is one.
class ArpResolver {
  public:
    /// An ARP packet to be sent, and the MAC address that its frame goes to.
    struct Message {
        wire::ArpPacket arp;
        Mac to;
    };

    /// @param ours, counters outlive this.
    /// @param key from fill_secret(): hosts on link choose addresses.
    /// @param opens how many opens can wait: numbers 1..opens.
    /// @throws std::bad_alloc
    ArpResolver(const LocalAddresses& ours, const Link& link, HashKey key, uint32_t opens,
                Counters& counters);

    /// The next hop's MAC address is fixed. Before the first mac_of().
    void pin(Ipv4 next_hop, const Mac& mac) noexcept { neighbours_.pin(next_hop, mac); }

    /// @return valid until the next call. Null: unknown; asking has begun, see Neighbours::lookup().
    const Mac* mac_of(Ipv4 next_hop, Instant now) noexcept { return neighbours_.lookup(next_hop, now); }
    /// Whether the next hop did not answer, and is not asked again yet.
    bool is_failed(Ipv4 next_hop) const noexcept { return neighbours_.is_failed(next_hop); }

    /// Takes in an ARP packet. What is wrong with it is counted.
    /// @return the reply that it asks for.
    std::optional<Message> hear(Bytes packet, Instant now) noexcept;

    /// A packet cannot leave: mac_of() gave null. It is kept until poll() gives it back.
    /// @return none: kept. Else the packet stays the caller's, and this is why.
    DropReason hold(Ipv4 next_hop, void* packet) noexcept;
    /// The open waits for the next hop: fail_waiting() ends it if there is no answer. Unlike packets, any
    /// number may wait.
    void add_waiting(Ipv4 next_hop, uint32_t open) noexcept;

    /// Sends what is due, as long as there is room.
    /// @param room   bool(uint32_t n): whether n packets more could leave; asked before each step.
    /// @param send   (const Message&): a request.
    /// @param ready  (void* packet, const Mac&): it can leave now; the packet is the callee's.
    /// @param lost   (void* packet): the next hop did not answer; the packet is the callee's. Counted here.
    /// @return whether a next hop has failed: fail_waiting() has something to do.
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
    /// @param opens std::optional<Ipv4> peer_of_open(open): none when the number has another use by now;
    ///              end_unreachable(open).
    template <typename Opens>
    void end_failed_opens(Opens& opens, uint32_t at_most) noexcept {
        for (uint32_t n = 0; n < at_most; ++n) {
            const uint32_t open = waits_.take_failed();
            if (open == 0) return;
            const std::optional<Ipv4> peer = opens.peer_of_open(open);
            if (peer && is_failed(ours_.next_hop(*peer))) opens.end_unreachable(open);
        }
    }

    /// When poll() has something to do.
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
