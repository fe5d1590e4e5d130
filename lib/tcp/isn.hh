#pragma once
/// @file
/// Initial sequence numbers (RFC 6528, RFC 9293 3.4.1) and timestamp offsets (RFC 7323 5.4).

#include <cstdint>

#include "base/siphash.hh"
#include "base/tuple.hh"
#include "base/units.hh"
#include "tcp/seq.hh"

namespace synfin::tcp {

/// F of RFC 6528: keyed by a secret that lives as long as the engine, as do the indices in the tuple.
constexpr uint64_t tuple_prf(HashKey key, const Tuple& t, uint32_t label) noexcept {
    return siphash(key, t.word0(), t.word1() << 32 | label);
}

/// ISN = M + F(tuple, secret), M being a clock of 4 us (RFC 9293 MUST-8, MUST-9).
constexpr Seq initial_sequence_number(HashKey key, const Tuple& t, Instant now) noexcept {
    const auto m = static_cast<uint32_t>(now.ns() / 4000);
    return Seq(m + static_cast<uint32_t>(tuple_prf(key, t, 1)));
}

/// Added to the millisecond clock for TSval: per tuple, so that an observer of one connection learns nothing
/// of others, and constant for a tuple, so that RFC 6191 works across its incarnations.
constexpr uint32_t timestamp_offset(HashKey key, const Tuple& t) noexcept {
    return static_cast<uint32_t>(tuple_prf(key, t, 2));
}

}  // namespace synfin::tcp
