#pragma once
/// @file
/// NextHops: the neighbours of one address family, and the packets and opens that wait for them. What
/// ArpResolver and NdResolver have in common.

#include <cstdint>
#include <optional>
#include <type_traits>

#include "net/local_addresses.hh"
#include "net/neighbour_waits.hh"
#include "net/neighbours.hh"
#include "synfin/counters.hh"

namespace synfin::net {

/// The protocol above sends the requests and hears the answers. Waiting packets are opaque pointers that
/// NextHops gives back.
/// @tparam Address Ipv4 or Ipv6.
/// @note cost: mac_of() for a recently used next hop is two compares; poll() with nothing due is one.
template <typename Address>
class NextHops {
  public:
    /// Fixes the MAC address of a next hop. Call before the first mac_of().
    void pin(const Address& next_hop, const Mac& mac) noexcept { neighbours_.pin(next_hop, mac); }

    /// @return valid until the next call. Null: unknown; requests have started, see Neighbours::lookup().
    const Mac* mac_of(const Address& next_hop, Instant now) noexcept {
        return neighbours_.lookup(next_hop, now);
    }
    /// Whether the next hop did not answer, and must not be asked again yet.
    bool is_failed(const Address& next_hop) const noexcept { return neighbours_.is_failed(next_hop); }

    /// Keeps a packet that cannot be sent because mac_of() returned null, until poll() gives it back.
    /// @return DropReason::none: kept. Otherwise the reason for the refusal; the packet stays the caller's.
    DropReason hold(const Address& next_hop, void* packet) noexcept {
        if (neighbours_.hold(next_hop, packet)) return DropReason::none;
        return neighbours_.is_failed(next_hop) ? DropReason::neighbour_failed
                                               : DropReason::neighbour_queue_full;
    }
    /// Registers an open that waits for the next hop; end_failed_opens() ends it if there is no answer.
    /// Unlike packets, any number may wait.
    void add_waiting(const Address& next_hop, uint32_t open) noexcept {
        // The open may be in the list of failed ones since earlier in this turn, where it must stay.
        if (waits_.has_failed() && is_failed(next_hop)) [[unlikely]]
            return;
        if (const uint32_t neighbour = neighbours_.slot(next_hop); neighbour != 0)
            waits_.add(neighbour, open);
    }

    bool has_failed_opens() const noexcept { return waits_.has_failed(); }
    /// Ends opens whose next hop has failed, at most `at_most` visits in a call.
    /// @param opens an object with std::optional<IpAddress> peer_of_open(open), none when the number has been
    ///        reused, and end_unreachable(open).
    template <typename Opens>
    void end_failed_opens(Opens& opens, uint32_t at_most) noexcept {
        for (uint32_t n = 0; n < at_most; ++n) {
            const uint32_t open = waits_.take_failed();
            if (open == 0) return;
            const std::optional<IpAddress> peer = opens.peer_of_open(open);
            if (peer && peer->is_v4() == kIsV4 && is_failed(ours_.next_hop(address_of(*peer))))
                opens.end_unreachable(open);
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

  protected:
    /// @param ours, counters must outlive this object.
    /// @param opens how many opens can wait; they are numbered 1..opens.
    /// @throws std::bad_alloc
    NextHops(const LocalAddresses& ours, const NeighbourConfig& config, uint32_t opens, Counters& counters)
        : ours_(ours), counters_(counters), neighbours_(config), waits_(config.capacity, opens) {}
    ~NextHops() = default;
    NextHops(const NextHops&) = delete;
    NextHops& operator=(const NextHops&) = delete;

    /// Sends the requests and packets that are due, as long as there is room.
    /// @param request (const Address& target, std::optional<Mac> to): see Neighbours::poll(); for the others
    ///        see ArpResolver::poll().
    template <typename Room, typename Request, typename Ready, typename Lost>
    [[gnu::always_inline]] bool poll_neighbours(Instant now, Room&& room, Request&& request, Ready&& ready,
                                                Lost&& lost) noexcept {
        bool failed = false;
        neighbours_.poll(
            now, [&]() noexcept { return room(BasicNeighbours<Address>::kMaxHeld); },
            [&](const Address& target, std::optional<Mac> to) noexcept { request(target, to); },
            [&](void* packet, const Mac& mac) noexcept { ready(packet, mac); },
            [&](const Address& next_hop, void* packet) noexcept {
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

    static constexpr bool kIsV4 = std::is_same_v<Address, Ipv4>;
    static const Address& address_of(const IpAddress& addr) noexcept {
        if constexpr (kIsV4)
            return addr.v4;
        else
            return addr.v6;
    }

    const LocalAddresses& ours_;
    Counters& counters_;
    BasicNeighbours<Address> neighbours_;
    NeighbourWaits waits_;
};

}  // namespace synfin::net
