#pragma once
/// @file
/// The Internet checksum (RFC 1071), and its update when a field changes (RFC 1624).
///
/// Two kinds of number, distinguished by their type:
/// - a *sum*, uint64_t, adds 64-bit words in memory order with end-around carry. The ones-complement sum does
///   not depend on byte order or word size (RFC 1071 2), so no word is swapped. join_sums() joins the sums of
///   two parts, or the second sum starts from the first; every part but the last must have an even length.
///   One exception, on the path of every packet: WordWriter adds the words that it stores as numbers in host
///   order, for fold_numbers().
/// - a *checksum*, uint16_t, is a number in host order like every other header field: load_be16 and
///   store_be16 read and write it.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "synfin/units.hh"
#include "wire/bytes.hh"

namespace synfin::wire {

/// sum_bytes() calls sum_long(), which uses vector registers, for more bytes than this.
inline constexpr size_t kInlineSumBytes = 128;

/// sum_bytes() for long data.
uint64_t sum_long(Bytes bytes, uint64_t initial) noexcept;

/// Adds two sums with end-around carry.
inline uint64_t join_sums(uint64_t a, uint64_t b) noexcept {
    a += b;
    return a + (a < b);
}

/// The sum of N words of 8 bytes, added to `initial`.
/// @note cost: five instructions for four words, two for each remaining word. With _addcarry_u64, g++ 12 also
///       stores every sum to memory in the large functions that inline this one.
template <unsigned N>
[[gnu::always_inline]] inline uint64_t sum_words(const uint8_t* p, uint64_t initial = 0) noexcept {
    uint64_t sum = initial;
    unsigned i = 0;
    for (; i + 4 <= N; i += 4) {
        asm("addq %[w0], %[sum]\n\t"
            "adcq %[w1], %[sum]\n\t"
            "adcq %[w2], %[sum]\n\t"
            "adcq %[w3], %[sum]\n\t"
            "adcq $0, %[sum]"
            : [sum] "+&r"(sum)
            : [w0] "m"(p[8 * i]), [w1] "m"(p[8 * i + 8]), [w2] "m"(p[8 * i + 16]), [w3] "m"(p[8 * i + 24]),
              "m"(*reinterpret_cast<const uint8_t(*)[32]>(p + 8 * i))
            : "cc");
    }
    for (; i < N; ++i) sum = join_sums(sum, load_raw64(p + 8 * size_t{i}));
    return sum;
}

/// The sum of the bytes, added to `initial`. An odd last byte is padded with zero.
[[gnu::always_inline]] inline uint64_t sum_bytes(Bytes bytes, uint64_t initial = 0) noexcept {
    const uint8_t* p = bytes.data();
    size_t left = bytes.size();
    if (left > kInlineSumBytes) return sum_long(bytes, initial);
    uint64_t sum = initial;
    for (; left >= 32; left -= 32, p += 32) sum = sum_words<4>(p, sum);
    if (left == 0) return sum;
    for (; left >= 8; left -= 8, p += 8) sum = sum_words<1>(p, sum);
    uint64_t tail = 0;  // in memory order, padded with zeros
    if (left & 4) {
        tail = load_raw32(p);
        p += 4;
    }
    if (left & 2) tail += load_raw16(p);
    if (left & 1) tail += p[left & 2];
    return join_sums(sum, tail);
}

/// fold() for a sum of numbers in host order, as WordWriter makes.
inline uint16_t fold_numbers(uint64_t sum) noexcept {
    // x + (x rotated by half) has the end-around carry of its halves' sum in its upper half.
    const auto half = static_cast<uint32_t>((sum + std::rotl(sum, 32)) >> 32);
    return static_cast<uint16_t>((half + std::rotl(half, 16)) >> 16);
}

/// The 16-bit ones-complement sum in host order, not complemented. A device that completes TCP checksums
/// expects this value of the pseudo-header's sum in the checksum field.
inline uint16_t fold(uint64_t sum) noexcept {
    return __builtin_bswap16(fold_numbers(sum));
}

/// Whether the summed data contains a correct checksum. The folded sum is then all ones, in either byte
/// order.
inline bool is_right(uint64_t sum) noexcept {
    const auto half = static_cast<uint32_t>((sum + std::rotl(sum, 32)) >> 32);
    return half + std::rotl(half, 16) >= 0xffff'0000;
}

/// The checksum to store in `bytes`, whose checksum field is zero.
inline uint16_t internet_checksum(Bytes bytes) noexcept {
    return static_cast<uint16_t>(~fold(sum_bytes(bytes)));
}

/// The sum of the pseudo-header (RFC 9293 3.1). `length` is that of the TCP segment, header included.
inline uint64_t pseudo_header_sum(Ipv4 source, Ipv4 destination, uint8_t protocol, uint16_t length) noexcept {
    return static_cast<uint64_t>(__builtin_bswap32(source.value)) + __builtin_bswap32(destination.value) +
           (static_cast<uint32_t>(protocol) << 8) + __builtin_bswap16(length);
}

/// The same for IPv6 (RFC 8200 8.1). `length` is that of the upper layer's header and data, without extension
/// headers.
inline uint64_t pseudo_header_sum(const Ipv6& source, const Ipv6& destination, uint8_t protocol,
                                  uint32_t length) noexcept {
    const auto [source0, source1] = source.words();
    const auto [destination0, destination1] = destination.words();
    const uint64_t rest = (uint64_t{protocol} << 8) + __builtin_bswap32(length);
    return join_sums(join_sums(join_sums(source0, source1), join_sums(destination0, destination1)), rest);
}

inline constexpr uint8_t kProtocolIcmp = 1;
inline constexpr uint8_t kProtocolTcp = 6;
inline constexpr uint8_t kProtocolIcmp6 = 58;

/// The checksum to store in `segment`, whose checksum field is zero. At most 65,535 bytes.
inline uint16_t tcp_checksum(Ipv4 source, Ipv4 destination, Bytes segment) noexcept {
    const auto length = static_cast<uint16_t>(segment.size());
    return static_cast<uint16_t>(
        ~fold(sum_bytes(segment, pseudo_header_sum(source, destination, kProtocolTcp, length))));
}

/// Whether the segment's checksum is correct. At most 65,535 bytes.
inline bool tcp_checksum_ok(Ipv4 source, Ipv4 destination, Bytes segment) noexcept {
    const auto length = static_cast<uint16_t>(segment.size());
    return is_right(sum_bytes(segment, pseudo_header_sum(source, destination, kProtocolTcp, length)));
}

inline uint16_t tcp_checksum(const Ipv6& source, const Ipv6& destination, Bytes segment) noexcept {
    const auto length = static_cast<uint32_t>(segment.size());
    return static_cast<uint16_t>(
        ~fold(sum_bytes(segment, pseudo_header_sum(source, destination, kProtocolTcp, length))));
}
inline bool tcp_checksum_ok(const Ipv6& source, const Ipv6& destination, Bytes segment) noexcept {
    const auto length = static_cast<uint32_t>(segment.size());
    return is_right(sum_bytes(segment, pseudo_header_sum(source, destination, kProtocolTcp, length)));
}

/// Whether the checksum of a 20-byte IPv4 header is correct.
inline bool ipv4_checksum_ok(const uint8_t* header) noexcept {
    return is_right(sum_words<2>(header, load_raw32(header + 16)));
}

/// Whether the checksum is correct for a segment behind an IPv4 header without options. The addresses and the
/// segment are adjacent, so one pass sums both; the TCP header and its timestamps need no loop.
/// @param addresses the source address in the IPv4 header; 8 + tcp_length bytes must be readable
inline bool tcp_checksum_ok(const uint8_t* addresses, uint32_t tcp_length) noexcept {
    constexpr uint32_t kStraight = 40, kSegment = kStraight - 8;
    const uint64_t pseudo =
        (uint32_t{kProtocolTcp} << 8) + __builtin_bswap16(static_cast<uint16_t>(tcp_length));
    if (tcp_length < kSegment) [[unlikely]]
        return is_right(sum_bytes(Bytes(addresses, tcp_length + 8), pseudo));
    uint64_t sum = sum_words<kStraight / 8>(addresses, pseudo);
    if (tcp_length == kSegment + 8)  // a SYN's options
        sum = sum_words<1>(addresses + kStraight, sum);
    else if (tcp_length != kSegment)
        sum = sum_bytes(Bytes(addresses + kStraight, tcp_length - kSegment), sum);
    return is_right(sum);
}

/// The same for a segment directly behind an IPv6 header.
/// @param addresses the source address in the IPv6 header; 32 + tcp_length bytes must be readable
inline bool tcp_checksum6_ok(const uint8_t* addresses, uint32_t tcp_length) noexcept {
    constexpr uint32_t kStraight = 64, kSegment = kStraight - 32;
    const uint64_t pseudo = (uint64_t{kProtocolTcp} << 8) + __builtin_bswap32(tcp_length);
    if (tcp_length < kSegment) [[unlikely]]
        return is_right(sum_bytes(Bytes(addresses, size_t{tcp_length} + 32), pseudo));
    uint64_t sum = sum_words<kStraight / 8>(addresses, pseudo);
    if (tcp_length == kSegment + 8)  // a SYN's options
        sum = sum_words<1>(addresses + kStraight, sum);
    else if (tcp_length != kSegment)
        sum = sum_bytes(Bytes(addresses + kStraight, tcp_length - kSegment), sum);
    return is_right(sum);
}

/// The checksum after an aligned 16-bit field changed from `before` to `after` (RFC 1624 eqn. 3). The new
/// data must not be all zeros (no IPv4 or TCP header is): the result would be 0 instead of 0xffff.
inline uint16_t update_checksum16(uint16_t checksum, uint16_t before, uint16_t after) noexcept {
    uint32_t sum =
        static_cast<uint16_t>(~checksum) + static_cast<uint32_t>(static_cast<uint16_t>(~before)) + after;
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(~sum);
}

/// The same for a 32-bit field at an even offset.
inline uint16_t update_checksum32(uint16_t checksum, uint32_t before, uint32_t after) noexcept {
    uint64_t sum = static_cast<uint64_t>(static_cast<uint16_t>(~checksum)) + (~before >> 16) +
                   (~before & 0xffff) + (after >> 16) + (after & 0xffff);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(~sum);
}

}  // namespace synfin::wire
