#pragma once
/// @file
/// SipHash-2-4 and -1-3 of a few words: the keyed hash for SYN cookies, hash tables, software steering and
/// derived keys. Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012.

#include <bit>
#include <concepts>
#include <cstdint>

namespace synfin {

/// A 128-bit secret. Each engine draws its own; engines share a key only where they must agree on a hash.
struct HashKey {
    uint64_t k0 = 0;
    uint64_t k1 = 0;
};

/// SipHash-C-D over the words of a message. The top byte of the last word holds the message's length (section
/// 2.2).
template <int C, int D, std::same_as<uint64_t>... Words>
constexpr uint64_t siphash_words(HashKey key, Words... words) noexcept {
    uint64_t v0 = 0x736f6d6570736575ull ^ key.k0;
    uint64_t v1 = 0x646f72616e646f6dull ^ key.k1;
    uint64_t v2 = 0x6c7967656e657261ull ^ key.k0;
    uint64_t v3 = 0x7465646279746573ull ^ key.k1;
    auto round = [&]() constexpr noexcept {
        v0 += v1;
        v1 = std::rotl(v1, 13) ^ v0;
        v0 = std::rotl(v0, 32);
        v2 += v3;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 += v3;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 += v1;
        v1 = std::rotl(v1, 17) ^ v2;
        v2 = std::rotl(v2, 32);
    };
    auto absorb = [&](uint64_t m) constexpr noexcept {
        v3 ^= m;
        for (int i = 0; i < C; ++i) round();
        v0 ^= m;
    };
    (absorb(words), ...);
    v2 ^= 0xff;
    for (int i = 0; i < D; ++i) round();
    return v0 ^ v1 ^ v2 ^ v3;
}

/// SipHash-C-D over two words: 16 bytes.
/// @note cost: about 20 cycles for 1-3, 30 for 2-4; it reads no memory but the key.
template <int C = 2, int D = 4>
constexpr uint64_t siphash(HashKey key, uint64_t w0, uint64_t w1) noexcept {
    return siphash_words<C, D>(key, w0, w1, uint64_t{16} << 56);
}

/// SipHash-C-D over the 12 bytes of a tuple: one word less than siphash().
template <int C = 2, int D = 4>
constexpr uint64_t siphash12(HashKey key, uint64_t word, uint32_t tail) noexcept {
    return siphash_words<C, D>(key, word, uint64_t{12} << 56 | tail);
}

}  // namespace synfin
