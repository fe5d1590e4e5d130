#pragma once
/// @file
/// Loads and stores numbers that are big-endian on the wire and in host order in the program. Addresses need
/// no alignment; each function is one instruction (movbe).

#include <bit>
#include <cstdint>
#include <cstring>

namespace synfin::wire {

// The checksum code adds words in memory order, and the functions below always swap bytes: both need this.
static_assert(std::endian::native == std::endian::little, "synfin is built for little-endian hosts");

inline uint16_t load_be16(const uint8_t* p) noexcept {
    uint16_t v;
    std::memcpy(&v, p, sizeof v);
    return __builtin_bswap16(v);
}

/// Loads without a byte swap.
inline uint16_t load_raw16(const uint8_t* p) noexcept {
    uint16_t v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
inline uint32_t load_raw32(const uint8_t* p) noexcept {
    uint32_t v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
inline uint64_t load_raw64(const uint8_t* p) noexcept {
    uint64_t v;
    std::memcpy(&v, p, sizeof v);
    return v;
}

inline uint32_t load_be32(const uint8_t* p) noexcept {
    uint32_t v;
    std::memcpy(&v, p, sizeof v);
    return __builtin_bswap32(v);
}

inline void store_be16(uint8_t* p, uint16_t v) noexcept {
    v = __builtin_bswap16(v);
    std::memcpy(p, &v, sizeof v);
}

inline void store_be32(uint8_t* p, uint32_t v) noexcept {
    v = __builtin_bswap32(v);
    std::memcpy(p, &v, sizeof v);
}

}  // namespace synfin::wire
