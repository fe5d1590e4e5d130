#pragma once
/// @file
/// Neighbours: the cache of MAC addresses of on-link hosts (IPv4: RFC 826, RFC 1122 2.3.2; IPv6: RFC 4861),
/// for one engine. It decides which requests are due and when; the engine builds and sends them.

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/address_hash.hh"
#include "base/mapped_array.hh"
#include "base/siphash.hh"
#include "synfin/units.hh"

namespace synfin::net {

struct NeighbourConfig {
    uint32_t capacity = 1024;      ///< entries, 1..2^16
    Duration retry_interval = 1s;  ///< between broadcasts for one neighbour, and between probes of its known
                                   ///< MAC address (RFC 1122 2.3.2.1: at most 1/s)
    Duration probe_wait = 500ms;   ///< a probe unanswered for this long is followed by a broadcast
    uint8_t max_attempts = 3;      ///< unanswered requests before the neighbour counts as failed
    Duration reachable = 30s;      ///< an answer is valid this long; then it is asked again while in use
    Duration failed_hold = 1s;     ///< a failed neighbour is not asked again before this has passed
    Duration learned_idle = 60s;   ///< an entry unused for this long may give way to a host that asks for us
    /// Most packets that wait for all neighbours together: packets with forged on-link sources must not make
    /// the cache hold the engine's whole pool (8,192 and the descriptors).
    uint32_t most_held = 4096;
    HashKey key{};  ///< from fill_secret(): on-link hosts can choose addresses
};

struct NeighbourCounters {
    uint64_t resolved = 0;      ///< neighbours that answered a request
    uint64_t failed = 0;        ///< neighbours that did not answer max_attempts requests
    uint64_t requests = 0;      ///< requests passed to the engine
    uint64_t evicted = 0;       ///< entries that gave way to others
    uint64_t table_full = 0;    ///< no entry could give way: not resolved, or not learned
    uint64_t hold_refused = 0;  ///< packets that hold() did not take
};

/// The result of a sender's claim in an ARP packet.
enum class Heard : uint8_t {
    ignored,  ///< the sender has no entry and gets none
    taken,    ///< the entry holds the claimed MAC address
    hint,     ///< an unsolicited, different MAC address for a known neighbour: the old one is probed first
    refused,  ///< a different MAC address for a pinned neighbour
};

/// The cache for one address family. It has entries only for addresses that we asked for, and for hosts that
/// asked for us.
///
/// Which claims are accepted (neighbour unreachability detection, as RFC 4861 7.3 specifies for IPv6):
/// - An answer to our broadcast is accepted at once.
/// - An unsolicited claim for an address without a known MAC is used, and probed on first use.
/// - An unsolicited claim that contradicts the known MAC changes nothing by itself. The known MAC is probed;
///   if it is silent for probe_wait, a request is broadcast. So a forged packet disturbs traffic for at most
///   a second, and a failover (VRRP) is followed within about a second.
///
/// Not thread-safe. Every engine has its own cache and does not see answers to other engines' requests.
/// @note cost: looking up a recently used next hop is two compares; poll() with nothing due is one.
///
/// @tparam Address Ipv4 or Ipv6. For IPv6, "request" is a neighbour solicitation, "reply" a solicited
/// advertisement, and "broadcast" the solicited-node multicast. An unsolicited advertisement, with or without
/// the override flag, is treated like an unsolicited ARP packet.
template <typename Address>
class BasicNeighbours {
  public:
    static constexpr uint32_t kMaxHeld = 4;  ///< most packets that wait for one neighbour

    /// @throws std::bad_alloc
    explicit BasicNeighbours(const NeighbourConfig& config);
    BasicNeighbours(const BasicNeighbours&) = delete;
    BasicNeighbours& operator=(const BasicNeighbours&) = delete;

    /// Fixes a neighbour's MAC address: it is never requested, changed or evicted. Call before the first
    /// lookup.
    void pin(Address addr, Mac mac) noexcept;

    /// The neighbour's MAC address, if known. An address older than `reachable` is still returned while
    /// poll() asks again, first by unicast to that address, then by broadcast.
    /// @return valid until the next call of a non-const member. Null: unknown; requests have started, unless
    ///         the neighbour has just failed, the table is full, or next_hop is unspecified (no route).
    const Mac* lookup(Address next_hop, Instant now) noexcept {
        Entry* const recent = recent_[recent_place(next_hop)];
        if (recent != nullptr && recent->addr == next_hop && now < recent->fresh_until) {
            recent->used = now;
            return &recent->mac;
        }
        return lookup_slow(next_hop, now);
    }

    /// Keeps a packet until the neighbour, for which lookup() has just returned null, answers or fails. The
    /// cache then owns the packet.
    /// @return false: refused, and the packet stays the caller's. Either kMaxHeld packets wait already (the
    ///         oldest stay, because a waiting SYN is worth more than its retransmission), or most_held wait
    ///         for all neighbours, or no request is open (see is_failed).
    bool hold(Address next_hop, void* packet) noexcept;

    /// Whether the neighbour did not answer and must not be asked again yet.
    bool is_failed(Address next_hop) const noexcept;

    /// The number of the neighbour's entry, 1..capacity; 0: no entry. It is stable while the entry waits for
    /// an answer or has just failed.
    uint32_t slot(Address next_hop) const noexcept {
        const Entry* entry = find(next_hop);
        return entry == nullptr ? 0 : index_of(*entry);
    }

    /// The known MAC address, without any effect.
    std::optional<Mac> mac(Address next_hop) const noexcept {
        const Entry* entry = find(next_hop);
        const bool unknown =
            entry == nullptr || entry->phase == Phase::resolving || entry->phase == Phase::failed;
        return unknown ? std::nullopt : std::optional(entry->mac);
    }

    /// Processes the sender of an ARP packet (RFC 826 "Merge_flag", with the rules above). Makes a new entry
    /// only if the packet is for us. Ignores senders that cannot be neighbours (0.0.0.0 of an ARP probe,
    /// multicast, broadcast).
    /// @param for_us   the packet's target protocol address is one of ours.
    /// @param is_reply its operation is "reply".
    Heard learn(Address sender, Mac mac, Instant now, bool for_us, bool is_reply) noexcept;

    /// Performs the steps that are due, as long as there is room, and at most kMostSteps; the rest stay due.
    /// The functions may call any member except poll().
    /// @param room (): whether kMaxHeld more packets could be sent; called before each step.
    /// @param send_request (Address target, std::optional<Mac> to): sends a request; without `to` by
    ///        broadcast.
    /// @param ready (void* packet, Mac): sends a held packet; the callee owns it.
    /// @param failed (Address, void* packet or nullptr): once per held packet, which the callee then owns,
    ///        and last with nullptr.
    template <typename Room, typename SendRequest, typename Ready, typename Failed>
    void poll(Instant now, Room&& room, SendRequest&& send_request, Ready&& ready, Failed&& failed) {
        if (now < next_due_) return;
        Action action;
        for (uint32_t n = 0; n < kMostSteps && now >= next_due_ && room(); ++n) {
            step(entries_[pending_[1]], now, action);
            switch (action.kind) {
                case Action::Kind::request: send_request(action.addr, action.mac); break;
                case Action::Kind::ready:
                    for (uint32_t i = 0; i < action.held_count; ++i) ready(action.held[i], *action.mac);
                    break;
                case Action::Kind::failed:
                    for (uint32_t i = 0; i < action.held_count; ++i) failed(action.addr, action.held[i]);
                    failed(action.addr, static_cast<void*>(nullptr));
                    break;
            }
        }
    }

    /// When poll() is due next.
    std::optional<Instant> next_deadline() const noexcept {
        return next_due_ == kNever ? std::nullopt : std::optional<Instant>(next_due_);
    }

    /// Passes every held packet to f(void* packet), which then owns it. For shutdown.
    template <typename F>
    void for_each_held(F&& f) {
        for (uint32_t at = 1; at <= size_; ++at) {
            Entry& entry = entries_[at];
            for (uint32_t i = 0; i < entry.held_count; ++i) f(entry.held[i]);
            entry.held_count = 0;
        }
        held_ = 0;
    }

    uint32_t held() const noexcept { return held_; }  ///< packets
    uint32_t size() const noexcept { return size_; }
    uint32_t capacity() const noexcept { return config_.capacity; }
    const NeighbourCounters& counters() const noexcept { return counters_; }

  private:
    static constexpr Instant kLongAgo = Instant::from_ns(INT64_MIN);
    static constexpr Instant kNever = Instant::from_ns(INT64_MAX);
    static constexpr uint32_t kRecent = 64;
    static constexpr uint32_t kMostSteps = 64;  ///< limit for one poll(); an engine polls twice in a turn

    enum class Phase : uint8_t {
        resolving,   ///< MAC unknown, being asked for
        reachable,   ///< address known
        refreshing,  ///< MAC known, being asked for again
        failed,      ///< no answer; MAC unknown
        pinned,      ///< MAC given by the configuration
    };
    struct Entry {
        Address addr{};
        Phase phase = Phase::failed;
        Mac mac{};
        uint8_t attempts = 0;
        bool asked_all = false;  ///< a broadcast was among the attempts
        uint8_t held_count = 0;
        /// `mac` needs no request before this. In the past in all phases except reachable and pinned, so that
        /// a lookup need not read the phase.
        Instant fresh_until = kLongAgo;
        Instant not_before = kLongAgo;   ///< earliest next broadcast
        Instant probe_after = kLongAgo;  ///< earliest next probe of `mac`
        Instant used{};                  ///< last lookup, or creation
        Instant due{};                   ///< next step, when pending
        uint32_t next = 0;               ///< next entry of the same hash, 0: the last
        uint32_t pending_at = 0;         ///< place in pending_, 0: nothing is due
        std::array<void*, kMaxHeld> held{};
    };
    struct Action {
        enum class Kind : uint8_t { request, ready, failed };
        Kind kind = Kind::request;
        Address addr{};
        std::optional<Mac> mac;
        uint32_t held_count = 0;
        std::array<void*, kMaxHeld> held{};
    };

    static constexpr uint32_t recent_place(Ipv4 addr) noexcept { return addr.value % kRecent; }
    static constexpr uint32_t recent_place(const Ipv6& addr) noexcept { return addr.octets[15] % kRecent; }
    const Mac* lookup_slow(Address next_hop, Instant now) noexcept;
    const Entry* find(Address addr) const noexcept;
    Entry* find(Address addr) noexcept {
        return const_cast<Entry*>(std::as_const(*this).find(addr));  // NOLINT(*-const-cast)
    }
    uint32_t index_of(const Entry& entry) const noexcept {
        return static_cast<uint32_t>(&entry - entries_.data());
    }
    Entry* create(Address addr, Instant now, Duration idle_for) noexcept;
    Entry* evict(Instant now, Duration idle_for) noexcept;
    bool is_crowded() const noexcept {
        return size_ == config_.capacity && pending_count_ > config_.capacity / 2;
    }
    void ask(Entry& entry, Phase phase, Instant now) noexcept;
    void make_pending(Entry& entry, Instant due) noexcept;
    void settle(Entry& entry) noexcept;
    void place(uint32_t at, uint32_t index) noexcept;
    void reorder(uint32_t at) noexcept;
    void step(Entry& entry, Instant now, Action& action) noexcept;
    size_t chain_of(Address addr) const noexcept;

    NeighbourConfig config_;
    MappedArray<Entry> entries_;     ///< [0] is unused, here and below; pages are mapped when used
    MappedArray<uint32_t> chains_;   ///< hash -> first entry, 0: none
    MappedArray<uint32_t> pending_;  ///< pending entries: a heap, the earliest first
    uint32_t pending_count_ = 0;
    Instant next_due_ = kNever;  ///< due time of the first of them
    std::array<Entry*, kRecent>
        recent_{};  ///< latest successful lookups; an entry may have another address by now
    uint32_t size_ = 0;
    uint32_t held_ = 0;  ///< sum of the entries' held_count
    uint32_t hand_ = 1;  ///< where the next search for an entry to evict starts
    NeighbourCounters counters_;
};

using Neighbours = BasicNeighbours<Ipv4>;
using Neighbours6 = BasicNeighbours<Ipv6>;

}  // namespace synfin::net
