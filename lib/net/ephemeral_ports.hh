#pragma once
/// @file
/// EphemeralPorts: chooses the source port of an active open (RFC 6056), for one engine.

#include <bit>
#include <cstdint>

#include "base/line_vector.hh"
#include "base/mapped_array.hh"
#include "base/siphash.hh"
#include "base/tuple.hh"
#include "synfin/units.hh"

namespace synfin::net {

/// Implements RFC 6056 3.3.4, "double-hash": ports towards one destination are consecutive, which maximises
/// the time between two uses of a tuple. The starting point is secret and does not reveal how many
/// connections were opened to other destinations.
///
/// The caller's is_free says which ports are free, and its own says for which ports packets return to this
/// engine. For a destination where is_free refuses often, refusals are remembered in a bit map, so that
/// finding the last free port, or none, stays cheap. Therefore **is_free may accept a port that it refused
/// only after note_release()**, and own must always give the same answer.
class EphemeralPorts {
  public:
    /// @param low,high the range, inclusive; 0 < low <= high.
    /// @param key from fill_secret(), or the engine's seed.
    /// @throws std::bad_alloc
    EphemeralPorts(uint16_t low, uint16_t high, HashKey key);

    /// Chooses a local port for a tuple; the tuple's local_port is ignored. Tries each port of the range at
    /// most once.
    /// @param own uint64_t(uint16_t base): a bit for each of the 64 ports from base on (a multiple of 64);
    ///        set if packets to that port return to this engine. Bits of ports outside the range are ignored.
    /// @param is_free bool(uint16_t port): whether the port can be used.
    /// @return the port; 0: none is free.
    /// @note cost: usually one call of own and one of is_free. For a crowded destination, one is_free per
    /// port that was taken since it was last tried, and a scan of at most range/64 words. Once 0 was
    /// returned, repeating it costs nothing.
    template <typename Own, typename IsFree>
    [[gnu::always_inline]] uint16_t choose(const Tuple& tuple, Own&& own, IsFree&& is_free) {
        return choose_towards(hash_of(tuple), own, is_free);
    }
    /// The same for an IPv6 connection; its tuple holds only a fold of the peer's address.
    template <typename Own, typename IsFree>
    [[gnu::always_inline]] uint16_t choose(const Tuple& tuple, const Ipv6& remote, Own&& own,
                                           IsFree&& is_free) {
        return choose_towards(hash_of(tuple, remote), own, is_free);
    }
    /// The same where packets to every port return to this engine.
    template <typename IsFree>
    uint16_t choose(const Tuple& tuple, IsFree&& is_free) {
        return choose(
            tuple, [](uint16_t) noexcept { return ~uint64_t{0}; }, is_free);
    }

    /// The tuple's local port may be free again: the tuple has left the connection table and TIME-WAIT.
    void note_release(const Tuple& tuple) noexcept {
        if (has_refusals_) forget_refusal(hash_of(tuple), tuple.local_port);
    }
    void note_release(const Tuple& tuple, const Ipv6& remote) noexcept {
        if (has_refusals_) forget_refusal(hash_of(tuple, remote), tuple.local_port);
    }
    /// Whether note_release() of a tuple has anything to do; nearly always false.
    bool has_refusals() const noexcept { return has_refusals_; }
    /// Any port may be free again: forgets all refusals, in constant time. The next choose() towards each
    /// crowded destination relearns them. For cases where the port is unknown (TIME-WAIT tuples that became
    /// old enough).
    void note_release() noexcept { ++epoch_; }

    uint32_t range() const noexcept { return range_; }

  private:
    static constexpr uint32_t kDestinations = 256;  ///< counters and maps; destinations share by hash
    static constexpr uint32_t kPatience = 32;  ///< refusals in one choice that make a destination crowded
    static constexpr uint32_t kInWord = 63;    ///< low bits of a port: its bit in a word of the map

    struct Known {           ///< cached hash of a destination
        uint64_t word0 = 0;  ///< of the tuple; 0: unused, since it holds the remote address
        uint64_t hash = 0;
        uint32_t word1 = 0;
    };
    struct Known6 {     ///< the same for IPv6
        Ipv6 remote{};  ///< ::: unused
        uint64_t ends = 0;
        uint64_t hash = 0;
    };
    struct Destination {
        uint64_t hash = 0;       ///< destination that owns the map
        uint64_t epoch = 0;      ///< the map is valid in this epoch only
        uint32_t counter = 0;    ///< added to the destination's secret offset; kept when the map is dropped
        bool crowded = false;    ///< the map is in use
        bool exhausted = false;  ///< the last choice tried every port
    };

    template <typename Own, typename IsFree>
    uint16_t choose_towards(uint64_t hash, Own& own, IsFree& is_free) {
        Destination& to = destination(hash);
        if (to.exhausted) return 0;
        const uint32_t first = start(hash, to);
        uint32_t base = first & ~kInWord;
        uint64_t wanted = ~uint64_t{0} << (first & kInWord);
        uint32_t refusals = 0;
        // The word of the first port is visited again at the end, for the ports before it.
        for (uint32_t n = 0; n <= words_; ++n) {
            uint64_t ports = wanted & in_range(base) & ~refused(to, base);
            if (ports != 0) {
                const uint64_t ours = own(static_cast<uint16_t>(base));
                refuse(to, base, ~ours);
                for (ports &= ours; ports != 0; ports &= ports - 1) {
                    const uint32_t port = base + static_cast<uint32_t>(std::countr_zero(ports));
                    if (is_free(static_cast<uint16_t>(port))) return taken(hash, to, port);
                    refuse(to, base, ports & -ports);
                    if (!to.crowded && ++refusals == kPatience) begin_map(to, first, port);
                }
            }
            base = base + kInWord >= high_ ? low_ & ~kInWord : base + kInWord + 1;
            wanted = n + 1 == words_ ? ~(~uint64_t{0} << (first & kInWord)) : ~uint64_t{0};
        }
        to.exhausted = has_refusals_ = true;
        return 0;
    }

    /// SipHash-1-3 of a destination, cached: most opens go to few destinations.
    uint64_t hash_of(Tuple tuple) noexcept {
        tuple.local_port = 0;
        Known& known = known_[(tuple.remote_addr ^ tuple.remote_port ^ tuple.local_index) % kDestinations];
        if (known.word0 != tuple.word0() || known.word1 != tuple.word1()) [[unlikely]] {
            known = {tuple.word0(), siphash12<1, 3>(key_, tuple.word0(), tuple.word1()), tuple.word1()};
        }
        return known.hash;
    }
    /// The same for an IPv6 destination, over the whole address, so that two peers with equal folds do not
    /// share a slot. The index stands for the local address, one to one while the engine lives.
    uint64_t hash_of(const Tuple& tuple, const Ipv6& remote) noexcept {
        const uint64_t ends = uint64_t{tuple.remote_port} << 32 | tuple.local_index;
        Known6& known = known6_[(tuple.remote_addr ^ tuple.remote_port ^ tuple.local_index) % kDestinations];
        if (known.remote != remote || known.ends != ends) [[unlikely]] {
            const auto [low, high] = remote.words();
            known = {remote, ends, siphash_words<1, 3>(key_, low, high, ends, uint64_t{24} << 56)};
        }
        return known.hash;
    }
    /// The slot of a destination. Drops its contents if they belong to another destination or epoch.
    Destination& destination(uint64_t hash) noexcept {
        Destination& to = destinations_[hash % kDestinations];
        if (to.hash != hash || to.epoch != epoch_) {
            to.hash = hash;
            to.epoch = epoch_;
            to.crowded = to.exhausted = false;
        }
        return to;
    }
    uint32_t offset(uint64_t hash) const noexcept {
        return static_cast<uint32_t>((hash >> 32) * range_ >> 32);
    }
    /// The port to try first.
    uint32_t start(uint64_t hash, const Destination& to) const noexcept {
        const uint32_t at = offset(hash) + to.counter;
        return low_ + (at >= range_ ? at - range_ : at);
    }
    uint16_t taken(uint64_t hash, Destination& to, uint32_t port) noexcept {
        const uint32_t next = port - low_ + 1, origin = offset(hash);
        to.counter = next >= origin ? next - origin : next + range_ - origin;
        return static_cast<uint16_t>(port);
    }

    /// The ports of a word that lie in the range.
    uint64_t in_range(uint32_t base) const noexcept {
        uint64_t ports = ~uint64_t{0};
        if (base < low_) ports <<= low_ - base;
        if (base + kInWord > high_) ports &= ~uint64_t{0} >> (base + kInWord - high_);
        return ports;
    }
    uint64_t& word(const Destination& to, uint32_t base) noexcept {
        return maps_[static_cast<size_t>(&to - destinations_.data()) * words_ + base / 64 - low_ / 64];
    }
    uint64_t refused(const Destination& to, uint32_t base) noexcept {
        return to.crowded ? word(to, base) : 0;
    }
    void refuse(const Destination& to, uint32_t base, uint64_t ports) noexcept {
        if (to.crowded) word(to, base) |= ports;
    }
    /// Starts a map in which the ports from `first` to `last`, wrapping in the range, are refused.
    void begin_map(Destination& to, uint32_t first, uint32_t last) noexcept;
    void forget_refusal(uint64_t hash, uint32_t port) noexcept;

    const uint32_t low_, high_;
    const uint32_t range_;
    const uint32_t words_;  ///< of one map
    const HashKey key_;
    uint64_t epoch_ = 1;
    bool has_refusals_ = false;  ///< true once any destination was crowded or exhausted
    LineVector<Known> known_;
    MappedArray<Known6> known6_;  ///< its pages are mapped for IPv6 only
    LineVector<Destination> destinations_;
    MappedArray<uint64_t> maps_;  ///< bit set: refused; pages are mapped for crowded destinations only
};

}  // namespace synfin::net
