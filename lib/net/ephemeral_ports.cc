#include "net/ephemeral_ports.hh"

#include <algorithm>

#include "base/random.hh"
#include "synfin/check.hh"

namespace synfin::net {

EphemeralPorts::EphemeralPorts(uint16_t low, uint16_t high, HashKey key)
    : low_(low),
      high_(high),
      range_(high - low + 1u),
      words_(high / 64u - low / 64u + 1),
      key_(key),
      known_(kDestinations),
      known6_(kDestinations),
      destinations_(kDestinations),
      maps_(size_t{kDestinations} * words_) {
    SYNFIN_CHECK(low > 0 && low <= high);
    // RFC 6056 3.3.4: the table of counters starts with random values.
    Random random(siphash(key, low, high));
    for (Destination& to : destinations_) to.counter = random.below(range_);
}

void EphemeralPorts::forget_refusal(uint64_t hash, uint32_t port) noexcept {
    Destination& to = destinations_[hash % kDestinations];
    if (to.hash != hash || port < low_ || port > high_) return;
    to.exhausted = false;
    if (to.crowded) word(to, port & ~kInWord) &= ~(uint64_t{1} << (port & kInWord));
}

void EphemeralPorts::begin_map(Destination& to, uint32_t first, uint32_t last) noexcept {
    std::fill_n(&word(to, low_ & ~kInWord), words_, 0);
    to.crowded = has_refusals_ = true;
    for (uint32_t port = first;; port = port == high_ ? low_ : port + 1) {
        refuse(to, port & ~kInWord, uint64_t{1} << (port & kInWord));
        if (port == last) return;
    }
}

}  // namespace synfin::net
