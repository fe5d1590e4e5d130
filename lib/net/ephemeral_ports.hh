#pragma once
/// @file
/// EphemeralPorts: the source port of an active open (RFC 6056), for one engine.

#include <cstdint>
#include <vector>

#include "base/mapped_array.hh"
#include "base/siphash.hh"
#include "base/tuple.hh"

namespace synfin::net {

/// Chooses by RFC 6056 3.3.4, "double-hash": towards one destination ports follow one another, which puts the
/// longest time between two uses of a tuple; where they start is secret, and how many opens other
/// destinations saw cannot be told from it.
///
/// Nothing here says which ports are in use: the caller's is_free does, and it also refuses ports whose
/// packets would come back to another engine. What it refuses is remembered, as a bit map, for a destination
/// where that happens often, so that finding the last free ports, or that there is none, stays cheap.
/// Therefore: **is_free may begin to accept a port that it refused only after note_release()**.
class EphemeralPorts {
  public:
    /// @param low,high the range, inclusive; 0 < low <= high.
    /// @param key from fill_secret(), or the engine's seed.
    /// @throws std::bad_alloc
    EphemeralPorts(uint16_t low, uint16_t high, HashKey key);

    /// A local port for a tuple, whose own local_port is ignored, that is_free(uint16_t port) accepts. Tries
    /// each port of the range at most once.
    /// @return 0 exactly when is_free refuses every port.
    /// @note cost: usually one is_free. Once a destination is crowded, one per port that was taken since it
    /// was
    ///       last tried, and a scan of at most range/64 words; 0 again costs no is_free at all.
    template <typename IsFree>
    uint16_t choose(const Tuple& tuple, IsFree&& is_free) {
        const uint64_t hash = hash_of(tuple);
        Destination& to = destination(hash);
        const uint32_t first = start(hash, to);
        uint32_t at = first;
        if (!to.crowded) {
            for (uint32_t tried = 0; tried < patience_; ++tried) {
                if (is_free(port(at))) return taken(hash, to, at);
                at = after(at);
            }
            begin_map(to, first);
        }
        while (to.refused < range_) {
            at = next_untried(to, at);
            if (is_free(port(at))) return taken(hash, to, at);
            refuse(to, at);
        }
        return 0;
    }

    /// The tuple's local port may be free again: it has left the connection table, and TIME-WAIT.
    void note_release(const Tuple& tuple) noexcept {
        if (has_maps_) forget_refusal(tuple);
    }
    /// Any port may be free again: forgets what was refused, at once; the next choose() towards each crowded
    /// destination learns it anew. For when it is not known which (TIME-WAIT tuples that became old enough).
    void note_release() noexcept { ++epoch_; }

    uint32_t range() const noexcept { return range_; }

  private:
    static constexpr uint32_t kDestinations = 256;  ///< counters and maps; destinations share by hash
    static constexpr uint32_t kPatience = 32;       ///< refusals in one choice that make a crowd

    struct Destination {
        uint64_t hash = 0;     ///< whose map this is
        uint64_t epoch = 0;    ///< the map is void in any other
        uint32_t counter = 0;  ///< added to the destination's secret offset; outlives the map
        uint32_t refused = 0;  ///< bits set in the map
        bool crowded = false;  ///< the map is kept
    };

    uint64_t hash_of(Tuple tuple) const noexcept {
        tuple.local_port = 0;
        return siphash<1, 3>(key_, tuple.word0(), tuple.word1());
    }
    /// The slot of a destination; what it remembers of another one, or of another time, is dropped.
    Destination& destination(uint64_t hash) noexcept {
        Destination& to = destinations_[hash % kDestinations];
        if (to.hash != hash || to.epoch != epoch_) {
            to.hash = hash;
            to.epoch = epoch_;
            to.crowded = false;
        }
        return to;
    }
    uint32_t offset(uint64_t hash) const noexcept {
        return static_cast<uint32_t>((hash >> 32) * range_ >> 32);
    }
    uint32_t start(uint64_t hash, const Destination& to) const noexcept {
        return (offset(hash) + to.counter) % range_;
    }
    uint32_t after(uint32_t at) const noexcept { return at + 1 == range_ ? 0 : at + 1; }
    uint16_t port(uint32_t at) const noexcept { return static_cast<uint16_t>(low_ + at); }
    uint16_t taken(uint64_t hash, Destination& to, uint32_t at) noexcept {
        to.counter = (at + 1 + range_ - offset(hash)) % range_;
        return port(at);
    }

    uint64_t* map(const Destination& to) noexcept {
        return maps_.data() + static_cast<size_t>(&to - destinations_.data()) * words_;
    }
    void refuse(Destination& to, uint32_t at) noexcept {
        map(to)[at / 64] |= uint64_t{1} << at % 64;
        ++to.refused;
    }
    void forget_refusal(const Tuple& tuple) noexcept;
    /// Starts a map, in which patience_ ports from `first` on are refused.
    void begin_map(Destination& to, uint32_t first) noexcept;
    uint32_t next_untried(const Destination& to, uint32_t at) noexcept;

    const uint16_t low_;
    const uint32_t range_;
    const uint32_t patience_;  ///< kPatience, or the range if that is less
    const uint32_t words_;     ///< of one map
    const HashKey key_;
    uint64_t epoch_ = 1;
    bool has_maps_ = false;  ///< a destination was crowded once
    std::vector<Destination> destinations_;
    MappedArray<uint64_t> maps_;  ///< set: refused; pages exist for crowded destinations only
};

}  // namespace synfin::net
