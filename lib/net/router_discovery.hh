#pragma once
/// @file
/// RouterDiscovery: the IPv6 gateway, on-link prefixes and MTU from router advertisements (RFC 4861 6.3).

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "net/discovery_packet.hh"
#include "net/link_local.hh"
#include "net/local_addresses.hh"
#include "synfin/counters.hh"
#include "wire/nd.hh"

namespace synfin::net {

/// Changes LocalAddresses. It makes no addresses of ours (RFC 4862 5.5), and takes neither hop limit nor
/// timers from routers.
///
/// - Of several routers, the first stays the gateway while it lives and answers; then another one follows.
///   Preferences (RFC 4191) are not read. At most kMostRouters and LocalAddresses::kMostLearned prefixes are
///   kept; what exceeds them is counted as `router_ignored`.
/// - Without a router it asks up to 3 times, 4 s apart (RFC 4861 6.3.7). DEVIATION: without the random delay
///   before the first time, as in DuplicateDetection.
class RouterDiscovery {
  public:
    static constexpr uint32_t kMostRouters = 4;

    /// @param ours, counters must outlive this object.
    /// @param on false: every advertisement is ignored.
    /// @param sends false for an engine that leaves solicitations to another engine of the device.
    RouterDiscovery(LocalAddresses& ours, const Mac& mac, bool on, bool sends, uint16_t mtu,
                    Counters& counters) noexcept;

    bool is_on() const noexcept { return is_on_; }
    /// Whether there is no gateway, and an answer to a solicitation may still come.
    bool is_waiting() const noexcept { return is_on_ && router_count_ == 0 && !has_given_up_; }
    /// Bytes of the longest IPv6 packet: the configured MTU, or less if a router said so; at least 1280.
    uint16_t mtu() const noexcept { return mtu_; }

    /// Processes a valid advertisement. @return whether the router's MAC address is worth learning.
    bool hear(const Ipv6& router, const wire::NdMessage& message, Instant now) noexcept;
    /// The neighbour is no router any more (RFC 4861 7.2.5). Unlike a MAC address, this is believed at once:
    /// a host of the link can forge it, as it can forge a router advertisement.
    void no_router(const Ipv6& neighbour, Instant now) noexcept;

    std::optional<Instant> next_deadline() const noexcept {
        return due_ == kNever ? std::nullopt : std::optional(due_);
    }
    /// @param is_failed bool(const Ipv6&): whether the neighbour does not answer.
    /// @param room bool(uint32_t n): whether n more packets could be sent.
    /// @param send (const DiscoveryPacket&): sends a solicitation.
    template <typename IsFailed, typename Room, typename Send>
    void poll(Instant now, IsFailed&& is_failed, Room&& room, Send&& send) noexcept {
        if (now < due_) return;
        expire(now);
        if (router_count_ > 1 && now >= check_at_) {
            if (is_failed(routers_[0].address)) use_next_router();
            check_at_ = now + kCheckInterval;
        }
        if (router_count_ == 0 && now >= ask_at_) {
            if (asked_ == kMostAsked) {
                has_given_up_ = true;
            } else {
                if (sends_ && !room(1)) return;
                if (sends_) send(solicitation());
                ++asked_;
                ask_at_ = now + kAskInterval;
            }
        }
        schedule();
    }

  private:
    static constexpr Instant kNever = Instant::from_ns(INT64_MAX);
    static constexpr uint32_t kMostAsked = 3;       ///< MAX_RTR_SOLICITATIONS
    static constexpr Duration kAskInterval = 4s;    ///< RTR_SOLICITATION_INTERVAL
    static constexpr Duration kCheckInterval = 1s;  ///< of the gateway, while there is another router

    struct Router {
        Ipv6 address;
        Instant until;
    };
    struct Prefix {
        Cidr cidr;
        Instant until;
    };

    DiscoveryPacket solicitation() const noexcept;
    bool hear_prefix(const wire::NdPrefix& prefix, Instant now) noexcept;
    void remove_router(uint32_t i, Instant now) noexcept;
    void use_next_router() noexcept;
    void expire(Instant now) noexcept;
    void schedule() noexcept;
    void use_gateway() noexcept;
    void use_prefixes() noexcept;

    LocalAddresses& ours_;
    Counters& counters_;
    const Mac mac_;
    const Ipv6 configured_;  ///< the gateway while no router is known
    const bool is_on_, sends_;
    const uint16_t most_mtu_;
    uint16_t mtu_;
    uint32_t asked_ = 0;         ///< solicitations since the last router was lost
    bool has_given_up_ = false;  ///< the last one had no answer
    Instant ask_at_{};
    Instant check_at_{};  ///< when the gateway is checked next; advertisements do not defer it
    Instant due_ = kNever;
    std::array<Router, kMostRouters> routers_{};  ///< the first is the gateway
    uint32_t router_count_ = 0;
    std::array<Prefix, LocalAddresses::kMostLearned> prefixes_{};
    uint32_t prefix_count_ = 0;
};

}  // namespace synfin::net
