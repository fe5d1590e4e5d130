#pragma once
/// @file
/// Neighbours: which Ethernet address an on-link address has (IPv4: RFC 826, RFC 1122 2.3.2; IPv6: RFC 4861),
/// for one engine. It decides what to ask and when; the engine builds and sends the ARP packets or neighbour
/// solicitations.

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
    Duration probe_wait = 500ms;   ///< a probe that is not answered for so long is followed by a broadcast
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

/// What became of the sender's claim in an ARP packet.
enum class Heard : uint8_t {
    ignored,  ///< it is no neighbour that we keep
    taken,    ///< the entry says what the packet said
    hint,     ///< another MAC address for a known neighbour, unasked for: the old one is asked first
    refused,  ///< another MAC address for a pinned neighbour
};

/// The cache, of one family. An entry exists only for addresses that we asked for, and for hosts that asked
/// for us.
///
/// Who is believed (neighbour unreachability detection, as RFC 4861 7.3 does it for IPv6): an answer to a
/// broadcast of ours, at once. A first word that nobody asked for is used, and probed on first use. One that
/// contradicts what is known changes nothing by itself: the known MAC address is probed, and only when it is
/// silent for probe_wait, everybody is asked. So a forged packet costs nobody more than a second, and a
/// failover (VRRP) is followed within about one.
///
/// Not thread-safe; every engine has its own and hears of the others' answers only by asking itself.
/// @note cost: a lookup of a next hop that was looked up lately is two compares; poll() with nothing due is
/// one.
///
/// @tparam Address Ipv4 or Ipv6. The message behind "request" and "reply" is ARP's request and reply, or a
/// solicitation and a solicited advertisement; "broadcast" is the solicited-node multicast of IPv6. An
/// unsolicited advertisement, with the override flag or without, is a hint as ARP's is.
template <typename Address>
class BasicNeighbours {
  public:
    static constexpr uint32_t kMaxHeld = 4;  ///< packets that wait for one neighbour

    /// @throws std::bad_alloc
    explicit BasicNeighbours(const NeighbourConfig& config);
    BasicNeighbours(const BasicNeighbours&) = delete;
    BasicNeighbours& operator=(const BasicNeighbours&) = delete;

    /// Fixes a neighbour's MAC address: it is never asked for, changed or evicted. Before the first lookup.
    void pin(Address addr, Mac mac) noexcept;

    /// The neighbour's address, if known. An answer older than `reachable` is still given, while poll() asks
    /// anew: the first time to that address only, then to everybody.
    /// @return valid until the next call of a non-const member. Null: unknown; asking has begun unless the
    ///         neighbour has just failed, the table is full, or next_hop is unspecified: none.
    const Mac* lookup(Address next_hop, Instant now) noexcept {
        Entry* const recent = recent_[recent_place(next_hop)];
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
    bool hold(Address next_hop, void* packet) noexcept;

    /// Whether the neighbour did not answer and is not asked again yet.
    bool is_failed(Address next_hop) const noexcept;

    /// A number of the neighbour's entry, 1..capacity, for as long as it waits for an answer or has just
    /// failed; 0: no entry.
    uint32_t slot(Address next_hop) const noexcept {
        const Entry* entry = find(next_hop);
        return entry == nullptr ? 0 : index_of(*entry);
    }

    /// Takes in the sender of an ARP packet (RFC 826 "Merge_flag", with the order of belief above); a new
    /// entry is made only when the packet is for us. Senders that cannot be a neighbour (address 0.0.0.0 of
    /// a probe, multicast, broadcast) are ignored.
    /// @param for_us   the packet's target protocol address is one of ours.
    /// @param is_reply its operation is "reply".
    Heard learn(Address sender, Mac mac, Instant now, bool for_us, bool is_reply) noexcept;

    /// Does what is due, as long as there is room for it and kMostSteps at most: the rest stays due. Each of
    /// the functions may call any member but poll().
    /// @param room         (): whether kMaxHeld packets more could leave; asked before each step.
    /// @param send_request (Address target, std::optional<Mac> to): ask; without `to` by broadcast.
    /// @param ready        (void* packet, Mac): send it now; the packet belongs to the callee.
    /// @param failed       (Address, void* packet or nullptr): once per held packet, which belongs to the
    ///                     callee then, and last with nullptr.
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

    /// When poll() has something to do.
    std::optional<Instant> next_deadline() const noexcept {
        return next_due_ == kNever ? std::nullopt : std::optional<Instant>(next_due_);
    }

    /// Gives up every held packet, for shutdown: f(void* packet).
    template <typename F>
    void for_each_held(F&& f) {
        for (uint32_t at = 1; at <= size_; ++at) {
            Entry& entry = entries_[at];
            for (uint32_t i = 0; i < entry.held_count; ++i) f(entry.held[i]);
            entry.held_count = 0;
        }
    }

    uint32_t held() const noexcept;  ///< packets; for leak checks
    uint32_t size() const noexcept { return size_; }
    uint32_t capacity() const noexcept { return config_.capacity; }
    const NeighbourCounters& counters() const noexcept { return counters_; }

  private:
    static constexpr Instant kLongAgo = Instant::from_ns(INT64_MIN);
    static constexpr Instant kNever = Instant::from_ns(INT64_MAX);
    static constexpr uint32_t kRecent = 64;
    static constexpr uint32_t kMostSteps = 64;  ///< of one poll(); an engine polls twice in a turn

    enum class Phase : uint8_t {
        resolving,   ///< address unknown, being asked for
        reachable,   ///< address known
        refreshing,  ///< address known, being asked for again
        failed,      ///< no answer; unknown
        pinned,      ///< address known by configuration
    };
    struct Entry {
        Address addr{};
        Phase phase = Phase::failed;
        Mac mac{};
        uint8_t attempts = 0;
        bool asked_all = false;  ///< a broadcast is among them
        uint8_t held_count = 0;
        Instant fresh_until = kLongAgo;  ///< until when `mac` is given unasked; past in every other phase
                                         ///< than reachable and pinned, so that a lookup need not look at
                                         ///< the phase
        Instant not_before = kLongAgo;   ///< earliest next broadcast
        Instant probe_after = kLongAgo;  ///< earliest next probe of `mac`
        Instant used{};                  ///< last lookup, or birth
        Instant due{};                   ///< next step, when pending
        uint32_t next = 0;               ///< of the same hash, 0: the last
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
    MappedArray<Entry> entries_;     ///< [0] unused, here and below; touched as neighbours come
    MappedArray<uint32_t> chains_;   ///< hash -> first entry, 0: none
    MappedArray<uint32_t> pending_;  ///< entries with something due: a heap, the earliest first
    uint32_t pending_count_ = 0;
    Instant next_due_ = kNever;  ///< of the first of them
    std::array<Entry*, kRecent>
        recent_{};  ///< of the latest successful lookups; may stand for other addresses now
    uint32_t size_ = 0;
    uint32_t hand_ = 1;  ///< where the search for an entry to evict goes on
    NeighbourCounters counters_;
};

using Neighbours = BasicNeighbours<Ipv4>;
using Neighbours6 = BasicNeighbours<Ipv6>;

}  // namespace synfin::net
