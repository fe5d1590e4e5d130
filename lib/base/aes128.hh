#pragma once
/// @file
/// AES-128 of one block: the pseudo-random function for ISNs and AddressFold. Source: FIPS 197.

#include <immintrin.h>

#include <cstdint>

#include "base/siphash.hh"

namespace synfin {

/// The cipher under one key; the constructor expands the round keys. For messages of one block it is a
/// pseudo-random function: without the key it cannot be told from a random permutation of the 2^128 blocks.
/// @note cost: 12 instructions; about 40 cycles of latency, which other work can fill. SipHash-2-4 takes ten
///       times the instructions.
class Aes128 {
  public:
    /// The key's bytes are those of k0, then those of k1, each in memory order.
    explicit Aes128(HashKey key) noexcept {
        __m128i k = _mm_set_epi64x(static_cast<int64_t>(key.k1), static_cast<int64_t>(key.k0));
        keys_[0] = k;
        // RCON (FIPS 197 5.2) has to be a constant of each instruction.
        keys_[1] = k = following(k, _mm_aeskeygenassist_si128(k, 0x01));
        keys_[2] = k = following(k, _mm_aeskeygenassist_si128(k, 0x02));
        keys_[3] = k = following(k, _mm_aeskeygenassist_si128(k, 0x04));
        keys_[4] = k = following(k, _mm_aeskeygenassist_si128(k, 0x08));
        keys_[5] = k = following(k, _mm_aeskeygenassist_si128(k, 0x10));
        keys_[6] = k = following(k, _mm_aeskeygenassist_si128(k, 0x20));
        keys_[7] = k = following(k, _mm_aeskeygenassist_si128(k, 0x40));
        keys_[8] = k = following(k, _mm_aeskeygenassist_si128(k, 0x80));
        keys_[9] = k = following(k, _mm_aeskeygenassist_si128(k, 0x1b));
        keys_[10] = following(k, _mm_aeskeygenassist_si128(k, 0x36));
    }

    /// The first 8 bytes of the ciphertext of one 16-byte block: the bytes of `low`, then those of `high`,
    /// each in memory order.
    uint64_t operator()(uint64_t low, uint64_t high) const noexcept {
        return first_bytes(encrypt(block(low, high)));
    }

    /// The first 8 bytes of the CBC-MAC (ISO 9797-1, algorithm 1) of three blocks, each as above. It is a
    /// pseudo-random function if all messages under the key have this length. Do not use a key that also
    /// enciphers single blocks: their ciphertexts are intermediate values of the MAC.
    uint64_t mac(uint64_t low0, uint64_t high0, uint64_t low1, uint64_t high1, uint64_t low2,
                 uint64_t high2) const noexcept {
        return mac(begin_mac(low0, high0), low1, high1, low2, high2);
    }
    /// mac() after its first block. It depends on the block and the key only, so that a caller whose messages
    /// begin with one of few blocks can keep it.
    class MacState {
        friend class Aes128;
        explicit MacState(__m128i chained) noexcept : chained_(chained) {}
        __m128i chained_;
    };
    MacState begin_mac(uint64_t low, uint64_t high) const noexcept {
        return MacState(encrypt(block(low, high)));
    }
    /// The same as mac() of three blocks. @note cost: 26 instructions.
    uint64_t mac(const MacState& begun, uint64_t low1, uint64_t high1, uint64_t low2,
                 uint64_t high2) const noexcept {
        const __m128i chained = encrypt(_mm_xor_si128(begun.chained_, block(low1, high1)));
        return first_bytes(encrypt(_mm_xor_si128(chained, block(low2, high2))));
    }

  private:
    static __m128i block(uint64_t low, uint64_t high) noexcept {
        return _mm_set_epi64x(static_cast<int64_t>(high), static_cast<int64_t>(low));
    }
    static uint64_t first_bytes(__m128i block) noexcept {
        return static_cast<uint64_t>(_mm_cvtsi128_si64(block));
    }
    __m128i encrypt(__m128i block) const noexcept {
        block = _mm_xor_si128(block, keys_[0]);
        for (unsigned i = 1; i < kRounds; ++i) block = _mm_aesenc_si128(block, keys_[i]);
        return _mm_aesenclast_si128(block, keys_[kRounds]);
    }

    static constexpr unsigned kRounds = 10;

    /// KeyExpansion (FIPS 197 5.2): each word is the one before it xor the one four before it.
    static __m128i following(__m128i key, __m128i assist) noexcept {
        for (int i = 0; i < 3; ++i) key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
        return _mm_xor_si128(key, _mm_shuffle_epi32(assist, 0xff));
    }

    __m128i keys_[kRounds + 1];
};

}  // namespace synfin
