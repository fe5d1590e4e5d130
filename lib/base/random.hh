#pragma once
/// @file
/// A small seeded generator (xoshiro256**, Blackman and Vigna 2018) for port choice, test schedules and
/// jitter. Not for secrets: use fill_secret() for those.

#include <bit>
#include <cstdint>

#include "base/siphash.hh"

namespace synfin {

class Random {
  public:
    explicit Random(uint64_t seed) noexcept {
        for (auto& word : state_) {  // splitmix64
            seed += 0x9e3779b97f4a7c15ull;
            uint64_t z = seed;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
            z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
            word = z ^ (z >> 31);
        }
    }
    uint64_t next() noexcept {
        const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
        const uint64_t t = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= t;
        state_[3] = std::rotl(state_[3], 45);
        return result;
    }
    /// Uniform in [0, bound); bound > 0. Bias below 2^-32 for 32-bit bounds.
    uint32_t below(uint32_t bound) noexcept {
        return static_cast<uint32_t>((static_cast<uint64_t>(static_cast<uint32_t>(next() >> 32)) * bound) >>
                                     32);
    }
    /// True with the given probability in parts per million.
    bool chance_ppm(uint32_t ppm) noexcept { return below(1'000'000) < ppm; }

  private:
    uint64_t state_[4]{};
};

/// A key from the kernel's generator (getrandom). CHECKs that the call succeeded.
HashKey fill_secret() noexcept;

}  // namespace synfin
