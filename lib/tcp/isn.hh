#pragma once
/// @file
/// Initial sequence numbers (RFC 6528, RFC 9293 3.4.1) and timestamp offsets (RFC 7323 5.4, 7.1).

#include <cstdint>
#include <span>

#include "base/aes128.hh"
#include "base/siphash.hh"
#include "base/tuple.hh"
#include "synfin/units.hh"
#include "tcp/seq.hh"

namespace synfin::tcp {

/// Of a tuple with its index of the local address: for secrets that live as long as the engine, as the index
/// does.
constexpr uint64_t tuple_prf(HashKey key, const Tuple& t, uint16_t label) noexcept {
    return siphash12(key, t.word0(), uint64_t{t.word1()} << 16 | label);
}

/// A pseudo-random function of the four numbers of a connection: both addresses and both ports. It does not
/// depend on the process: under one key every process gives a tuple the same value, whatever the order of its
/// addresses (RFC 6528 3).
/// @note cost: AES, since each end of each connection needs it: 20 instructions instead of SipHash's 140.
class TuplePrf {
  public:
    /// @param local the engine's addresses, which Tuple::local_index is an index into; they outlive this.
    TuplePrf(HashKey key, std::span<const Cidr> local) noexcept : f_(key), local_(local.data()) {}
    uint64_t operator()(const Tuple& t) const noexcept {
        return f_(t.word0(), local_[t.local_index].addr.value);
    }

  private:
    Aes128 f_;
    const Cidr* local_;
};

/// ISN = M + F(tuple, secret), M being a clock of 4 us (RFC 9293 MUST-8, MUST-9). With a clock and a key that
/// last for the host's boot, a tuple's numbers increase from one process to the next, too: a peer that holds
/// the tuple in TIME-WAIT takes the SYN.
class InitialSequenceNumbers {
  public:
    InitialSequenceNumbers(HashKey key, std::span<const Cidr> local) noexcept : f_(key, local) {}
    Seq of(const Tuple& t, Instant now) const noexcept {
        const auto m = static_cast<uint32_t>(static_cast<uint64_t>(now.ns()) / 4000);
        return Seq(m + static_cast<uint32_t>(f_(t)));
    }

  private:
    TuplePrf f_;
};

/// Added to the millisecond clock for TSval (RFC 7323 5.4): per tuple (7.1), and constant for a tuple, so
/// that RFC 6191 works across its incarnations, and across processes that share the key.
/// Other bits of the cipher's block than ISNs have: who sees one learns nothing of the other, even under one
/// key.
/// @note cost: every segment needs one: 19 instructions; to remember those of hosts takes as many.
class TimestampOffsets {
  public:
    TimestampOffsets(HashKey key, std::span<const Cidr> local) noexcept : f_(key, local) {}
    uint32_t of(const Tuple& t) const noexcept { return static_cast<uint32_t>(f_(t) >> 32); }

  private:
    TuplePrf f_;
};

}  // namespace synfin::tcp
