#include "net/ephemeral_ports.hh"

#include <algorithm>
#include <bit>

#include "base/check.hh"
#include "base/random.hh"

namespace synfin::net {

EphemeralPorts::EphemeralPorts(uint16_t low, uint16_t high, HashKey key)
    : low_(low),
      range_(high - low + 1u),
      patience_(std::min(kPatience, range_)),
      words_((range_ + 63) / 64),
      key_(key),
      destinations_(kDestinations),
      maps_(size_t{kDestinations} * words_) {
    SYNFIN_CHECK(low > 0 && low <= high);
    // RFC 6056 3.3.4: the table of counters starts with random values.
    Random random(siphash(key, low, high));
    for (Destination& to : destinations_) to.counter = random.below(range_);
}

void EphemeralPorts::forget_refusal(const Tuple& tuple) noexcept {
    const uint64_t hash = hash_of(tuple);
    Destination& to = destinations_[hash % kDestinations];
    const uint32_t at = static_cast<uint32_t>(tuple.local_port) - low_;
    if (to.hash != hash || !to.crowded || at >= range_) return;
    uint64_t& word = map(to)[at / 64];
    const uint64_t bit = uint64_t{1} << at % 64;
    if ((word & bit) == 0) return;
    word &= ~bit;
    --to.refused;
}

void EphemeralPorts::begin_map(Destination& to, uint32_t first) noexcept {
    std::fill_n(map(to), words_, 0);
    to.crowded = has_maps_ = true;
    to.refused = 0;
    for (uint32_t n = 0, at = first; n < patience_; ++n, at = after(at)) refuse(to, at);
}

/// The first port from `at` on, round the range, that is not known to be refused; there is one.
uint32_t EphemeralPorts::next_untried(const Destination& to, uint32_t at) noexcept {
    const uint64_t* words = map(to);
    uint32_t word = at / 64;
    uint64_t untried = ~words[word] & ~uint64_t{0} << at % 64;
    for (;;) {
        // The bits past the range in the last word are never set: a find there means to begin anew.
        const uint32_t found = word * 64 + static_cast<uint32_t>(std::countr_zero(untried));
        if (untried != 0 && found < range_) return found;
        word = word + 1 == words_ ? 0 : word + 1;
        untried = ~words[word];
    }
}

}  // namespace synfin::net
