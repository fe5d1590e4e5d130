#pragma once
/// @file
/// Neighbours: which Ethernet address an on-link IPv4 address has (RFC 826, RFC 1122 2.3.2), for one engine.
/// It decides what to ask and when; the engine builds and sends the ARP packets.

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/line_vector.hh"
#include "base/siphash.hh"
#include "base/units.hh"

namespace synfin::net {

struct NeighbourConfig {
    uint32_t capacity = 1024;      ///< entries, 1..2^16
    Duration retry_interval = 1s;  ///< between requests to one neighbour (RFC 1122 2.3.2.1: at most 1/s)
    uint8_t max_attempts = 3;      ///< requests without an answer, then the neighbour has failed
    Duration reachable = 30s;      ///< an answer is believed this long, then asked again while in use
    Duration failed_hold = 1s;     ///< a failed neighbour is not asked again before this has passed
    Duration learned_idle = 60s;   ///< an entry unused for this long may give way to one that asks for us
    HashKey key{};                 ///< from fill_secret(): who is on link can choose addresses
};

struct NeighbourCounters {
    uint64_t resolved = 0;      ///< a neighbour that was being asked for answered
    uint64_t failed = 0;        ///< no answer to max_attempts requests
    uint64_t requests = 0;      ///< requests that were due and given to the engine
    uint64_t evicted = 0;       ///< entries that gave way to others
    uint64_t table_full = 0;    ///< no entry could give way: not resolved, or not learned
    uint64_t hold_refused = 0;  ///< packets that hold() did not take
};

/// The cache. An entry exists only for addresses that we asked for, and for hosts that asked for us.
///
/// Not thread-safe; every engine has its own and hears of the others' answers only by asking itself.
/// @note cost: a lookup of a next hop that was looked up lately is two compares; poll() with nothing due is
/// one.
class Neighbours {
  public:
    static constexpr uint32_t kMaxHeld = 4;  ///< packets that wait for one neighbour

    /// @throws std::bad_alloc
    explicit Neighbours(const NeighbourConfig& config);
    Neighbours(const Neighbours&) = delete;
    Neighbours& operator=(const Neighbours&) = delete;

    /// The neighbour's address, if known. An answer older than `reachable` is still given, while poll() asks
    /// anew: the first time to that address only, then to everybody.
    /// @return valid until the next call of a non-const member. Null: unknown; asking has begun unless the
    ///         neighbour has just failed, the table is full, or next_hop is 0.0.0.0: none.
    const Mac* lookup(Ipv4 next_hop, Instant now) noexcept {
        Entry* const recent = recent_[next_hop.value % kRecent];
        if (recent != nullptr && recent->addr == next_hop && now < recent->fresh_until) {
            recent->used = now;
            return &recent->mac;
        }
        return lookup_slow(next_hop, now);
    }

    /// Keeps a packet until the neighbour, for which lookup() has just given null, answers or fails. The
    /// packet belongs to the cache then.
    /// @return false: refused, the packet stays the caller's: kMaxHeld wait already (the oldest are kept: a
    ///         SYN that waits is worth more than its repetition), or nothing is being asked (is_failed
    ///         tells).
    bool hold(Ipv4 next_hop, void* packet) noexcept;

    /// Whether the neighbour did not answer and is not asked again yet.
    bool is_failed(Ipv4 next_hop) const noexcept;

    /// Takes in the sender of an ARP packet (RFC 826 "Merge_flag"): an entry that exists is brought up to
    /// date; a new one is made only when the packet is for us. Senders that cannot be a neighbour (address
    /// 0.0.0.0 of a probe, multicast, broadcast) are ignored.
    /// @param for_us the packet's target protocol address is one of ours.
    void learn(Ipv4 sender, Mac mac, Instant now, bool for_us) noexcept;

    /// Does what is due, as long as there is room for it: the rest stays due. Each of the functions may call
    /// any member but poll().
    /// @param room         (): whether kMaxHeld packets more could leave; asked before each step.
    /// @param send_request (Ipv4 target, std::optional<Mac> to): ask; without `to` by broadcast.
    /// @param ready        (void* packet, Mac): send it now; the packet belongs to the callee.
    /// @param failed       (Ipv4, void* packet or nullptr): once per held packet, which belongs to the callee
    ///                     then, and last with nullptr.
    template <typename Room, typename SendRequest, typename Ready, typename Failed>
    void poll(Instant now, Room&& room, SendRequest&& send_request, Ready&& ready, Failed&& failed) {
        if (now < next_due_) return;
        uint32_t at = 0;
        Action action;
        while (room() && next_action(now, at, action)) {
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

    /// When poll() has something to do.
    std::optional<Instant> next_deadline() const noexcept {
        return next_due_ == kNever ? std::nullopt : std::optional<Instant>(next_due_);
    }

    /// Gives up every held packet, for shutdown: f(void* packet).
    template <typename F>
    void for_each_held(F&& f) {
        for (Entry& entry : entries_) {
            for (uint32_t i = 0; i < entry.held_count; ++i) f(entry.held[i]);
            entry.held_count = 0;
        }
    }

    uint32_t held() const noexcept;  ///< packets; for leak checks
    uint32_t size() const noexcept { return size_; }
    const NeighbourCounters& counters() const noexcept { return counters_; }

  private:
    static constexpr Instant kLongAgo = Instant::from_ns(INT64_MIN);
    static constexpr Instant kNever = Instant::from_ns(INT64_MAX);
    static constexpr uint32_t kNone = UINT32_MAX;
    static constexpr uint32_t kRecent = 64;

    enum class Phase : uint8_t {
        resolving,   ///< address unknown, being asked for
        reachable,   ///< address known
        refreshing,  ///< address known and in use, being asked for again
        failed,      ///< no answer; unknown
    };
    struct Entry {
        Ipv4 addr{};
        Phase phase = Phase::failed;
        Mac mac{};
        uint8_t attempts = 0;
        uint8_t held_count = 0;
        Instant fresh_until = kLongAgo;  ///< until when `mac` is given unasked; past in every other phase
                                         ///< than reachable, so that a lookup need not look at the phase
        Instant not_before = kLongAgo;   ///< earliest next request
        Instant used{};                  ///< last lookup, or birth
        Instant due{};                   ///< next step, when pending
        uint32_t next = kNone;           ///< of the same hash
        uint32_t pending_at = kNone;     ///< place in pending_
        std::array<void*, kMaxHeld> held{};
    };
    struct Action {
        enum class Kind : uint8_t { request, ready, failed };
        Kind kind = Kind::request;
        Ipv4 addr{};
        std::optional<Mac> mac;
        uint32_t held_count = 0;
        std::array<void*, kMaxHeld> held{};
    };

    const Mac* lookup_slow(Ipv4 next_hop, Instant now) noexcept;
    const Entry* find(Ipv4 addr) const noexcept;
    Entry* find(Ipv4 addr) noexcept {
        return const_cast<Entry*>(std::as_const(*this).find(addr));  // NOLINT(*-const-cast)
    }
    Entry* create(Ipv4 addr, Instant now, Duration idle_for) noexcept;
    Entry* evict(Instant now, Duration idle_for) noexcept;
    void ask(Entry& entry, Phase phase, Instant now) noexcept;
    void make_pending(Entry& entry, Instant due) noexcept;
    void settle(Entry& entry) noexcept;
    bool next_action(Instant now, uint32_t& at, Action& action) noexcept;
    void step(Entry& entry, Instant now, Action& action) noexcept;
    size_t chain_of(Ipv4 addr) const noexcept;

    NeighbourConfig config_;
    LineVector<Entry> entries_;
    LineVector<uint32_t> chains_;   ///< hash -> first entry
    LineVector<uint32_t> pending_;  ///< entries with something due, unordered
    Instant next_due_ = kNever;     ///< no later than the earliest of them
    std::array<Entry*, kRecent>
        recent_{};  ///< of the latest successful lookups; may stand for other addresses now
    uint32_t size_ = 0;
    uint32_t hand_ = 0;  ///< where the search for an entry to evict goes on
    NeighbourCounters counters_;
};

}  // namespace synfin::net
