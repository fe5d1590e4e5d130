#pragma once
/// @file
/// Initial sequence numbers (RFC 6528, RFC 9293 3.4.1) and timestamp offsets (RFC 7323 5.4).

#include <array>
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

/// What the timestamp offsets between two hosts are made of.
constexpr uint64_t timestamp_secret(HashKey key, const Tuple& t) noexcept {
    return tuple_prf(key, {t.remote_addr, 0, 0, t.local_addr}, 2);
}

/// Added to the millisecond clock for TSval (RFC 7323 5.4): per tuple, and constant for a tuple, so that RFC
/// 6191 works across its incarnations. A PRF of the two hosts, then the ports by multiplication: who sees
/// many connections of its own may find out that secret, and learns nothing of any other host's.
constexpr uint32_t timestamp_offset(uint64_t secret, const Tuple& t) noexcept {
    uint64_t x = secret + (uint64_t{t.remote_port} << 16 | t.local_port) * 0x9e3779b97f4a7c15u;
    x ^= x >> 32;
    return static_cast<uint32_t>((x * (secret | 1)) >> 32);
}
constexpr uint32_t timestamp_offset(HashKey key, const Tuple& t) noexcept {
    return timestamp_offset(timestamp_secret(key, t), t);
}

/// timestamp_offset() with a memory: every segment needs it, and few peers make most segments.
class TimestampOffsets {
  public:
    explicit TimestampOffsets(HashKey key) noexcept : key_(key) {}
    [[gnu::always_inline]] uint32_t of(const Tuple& t) noexcept {
        Entry& entry = entries_[(t.remote_addr ^ t.local_addr) % kEntries];
        if (entry.remote_addr != t.remote_addr || entry.local_addr != t.local_addr) [[unlikely]]
            learn(entry, t);
        return timestamp_offset(entry.secret, t);
    }

  private:
    static constexpr uint32_t kEntries = 256;
    struct Entry {
        uint32_t remote_addr = 0;  ///< 0 is nobody's (RFC 1122 3.2.1.3)
        uint32_t local_addr = 0;
        uint64_t secret = 0;
    };
    [[gnu::noinline]] void learn(Entry& entry, const Tuple& t) noexcept {
        entry = {t.remote_addr, t.local_addr, timestamp_secret(key_, t)};
    }

    HashKey key_;
    std::array<Entry, kEntries> entries_{};
};

}  // namespace synfin::tcp
