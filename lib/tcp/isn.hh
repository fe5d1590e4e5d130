#pragma once
/// @file
/// Initial sequence numbers (RFC 6528, RFC 9293 3.4.1) and timestamp offsets (RFC 7323 5.4, 7.1).

#include <cstdint>

#include "base/aes128.hh"
#include "base/siphash.hh"
#include "base/tuple.hh"
#include "base/units.hh"
#include "tcp/seq.hh"

namespace synfin::tcp {

/// Of a tuple, keyed by a secret that lives as long as the engine, as do the indices in the tuple.
constexpr uint64_t tuple_prf(HashKey key, const Tuple& t, uint16_t label) noexcept {
    return siphash12(key, t.word0(), t.word1() << 16 | label);
}

/// ISN = M + F(tuple, secret), M being a clock of 4 us (RFC 9293 MUST-8, MUST-9).
/// @note cost: F is AES, since each end of each connection needs one: 20 instructions instead of 140.
class InitialSequenceNumbers {
  public:
    explicit InitialSequenceNumbers(HashKey key) noexcept : f_(key) {}
    Seq of(const Tuple& t, Instant now) const noexcept {
        const auto m = static_cast<uint32_t>(static_cast<uint64_t>(now.ns()) / 4000);
        return Seq(m + static_cast<uint32_t>(f_(t.word0(), t.word1())));
    }

  private:
    Aes128 f_;
};

/// Added to the millisecond clock for TSval (RFC 7323 5.4): per tuple (7.1), and constant for a tuple, so
/// that RFC 6191 works across its incarnations.
/// Other bits of the cipher's block than ISNs have: who sees one learns nothing of the other, even under one
/// key.
/// @note cost: every segment needs one: 19 instructions; to remember those of hosts takes as many.
class TimestampOffsets {
  public:
    explicit TimestampOffsets(HashKey key) noexcept : f_(key) {}
    uint32_t of(const Tuple& t) const noexcept {
        return static_cast<uint32_t>(f_(t.word0(), t.word1()) >> 32);
    }

  private:
    Aes128 f_;
};

}  // namespace synfin::tcp
