#pragma once
/// @file
/// Time, addresses and byte spans.

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace synfin {

using Bytes = std::span<const uint8_t>;   ///< read-only bytes
using MutableBytes = std::span<uint8_t>;  ///< writable bytes

using Duration = std::chrono::nanoseconds;  ///< signed, 292 years
using Micros = std::chrono::microseconds;
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): 40ms, 30s in configuration and
                                       // tests

/// A point on an engine's monotonic clock, in nanoseconds. All engines of a process share the origin: the
/// host's boot for TscClock, any in virtual time. Never wall-clock time.
class Instant {
  public:
    constexpr Instant() noexcept = default;
    static constexpr Instant from_ns(int64_t ns) noexcept { return Instant(ns); }
    constexpr int64_t ns() const noexcept { return ns_; }
    constexpr int64_t us() const noexcept { return ns_ / 1000; }
    /// Milliseconds modulo 2^32: the unit of every deadline in a control block and of the timer wheel.
    constexpr uint32_t tick() const noexcept { return static_cast<uint32_t>(ns_ / 1'000'000); }

    constexpr auto operator<=>(const Instant&) const noexcept = default;
    constexpr Instant operator+(Duration d) const noexcept { return Instant(ns_ + d.count()); }
    constexpr Instant operator-(Duration d) const noexcept { return Instant(ns_ - d.count()); }
    constexpr Duration operator-(Instant other) const noexcept { return Duration(ns_ - other.ns_); }
    constexpr Instant& operator+=(Duration d) noexcept {
        ns_ += d.count();
        return *this;
    }

  private:
    constexpr explicit Instant(int64_t ns) noexcept : ns_(ns) {}
    int64_t ns_ = 0;
};

/// An Ethernet address, in transmission order.
struct Mac {
    std::array<uint8_t, 6> octets{};
    constexpr bool operator==(const Mac&) const noexcept = default;
    static constexpr Mac broadcast() noexcept { return Mac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}; }
    constexpr bool is_multicast() const noexcept { return (octets[0] & 1) != 0; }
    std::string text() const;  ///< "02:00:00:00:00:01"
    static std::optional<Mac> parse(std::string_view text) noexcept;
};

/// An IPv4 address as a number in host byte order: 10.0.0.1 is 0x0a000001.
struct Ipv4 {
    uint32_t value = 0;
    constexpr auto operator<=>(const Ipv4&) const noexcept = default;
    constexpr bool is_multicast() const noexcept { return (value >> 28) == 0xe; }
    constexpr bool is_limited_broadcast() const noexcept { return value == 0xffffffffu; }
    constexpr bool is_loopback() const noexcept { return (value >> 24) == 127; }
    constexpr bool is_unspecified() const noexcept { return value == 0; }
    std::string text() const;  ///< "10.0.0.1"
    static std::optional<Ipv4> parse(std::string_view text) noexcept;
};

/// An IPv6 address, in transmission order.
struct Ipv6 {
    std::array<uint8_t, 16> octets{};
    // By words: compilers compare arrays of octets with a call of memcmp().
    constexpr bool operator==(const Ipv6& other) const noexcept {
        const auto a = words(), b = other.words();
        return ((a[0] ^ b[0]) | (a[1] ^ b[1])) == 0;
    }
    /// The order of the octets.
    constexpr std::strong_ordering operator<=>(const Ipv6& other) const noexcept {
        const uint64_t a = upper(), b = other.upper();
        return a != b ? a <=> b : lower() <=> other.lower();
    }
    constexpr bool is_multicast() const noexcept { return octets[0] == 0xff; }
    constexpr bool is_unspecified() const noexcept { return (words()[0] | words()[1]) == 0; }
    constexpr bool is_loopback() const noexcept { return words()[0] == 0 && lower() == 1; }
    /// fe80::/10: valid on one link only (RFC 4291 2.5.6).
    constexpr bool is_link_local() const noexcept { return octets[0] == 0xfe && (octets[1] & 0xc0) == 0x80; }
    /// ::ffff:0:0/96: stands for an IPv4 address and never appears in a packet (RFC 4291 2.5.5.2).
    constexpr bool is_v4_mapped() const noexcept { return words()[0] == 0 && lower() >> 32 == 0xffff; }
    /// The 16 octets as two words in memory order, for hashes and comparisons.
    constexpr std::array<uint64_t, 2> words() const noexcept {
        return std::bit_cast<std::array<uint64_t, 2>>(octets);
    }
    /// The first and the last 8 octets, each as a number in host byte order.
    constexpr uint64_t upper() const noexcept { return in_host_order(words()[0]); }
    constexpr uint64_t lower() const noexcept { return in_host_order(words()[1]); }
    std::string text() const;  ///< "2001:db8::1", as RFC 5952 writes it
    /// The forms of RFC 4291 2.2: eight groups, one "::" for groups of zeros, the last 32 bits dotted.
    /// Refuses brackets, a prefix length and a zone ("%eth0").
    static std::optional<Ipv6> parse(std::string_view text) noexcept;

  private:
    static constexpr uint64_t in_host_order(uint64_t word) noexcept {
        return std::endian::native == std::endian::big ? word : __builtin_bswap64(word);
    }
};

/// An address of either family. 24 bytes. Calls that take one take both families; a stack reaches a family
/// only from an address of its own of that family.
struct IpAddress {
    enum class Family : uint8_t { v4 = 4, v6 = 6 };
    Family family = Family::v4;
    Ipv4 v4{};  ///< 0.0.0.0 when the family is v6
    Ipv6 v6{};  ///< :: when the family is v4
    constexpr IpAddress() noexcept = default;
    constexpr IpAddress(Ipv4 addr) noexcept : v4(addr) {}  // NOLINT(google-explicit-constructor)
    constexpr IpAddress(const Ipv6& addr) noexcept         // NOLINT(google-explicit-constructor)
        : family(Family::v6), v6(addr) {}
    constexpr auto operator<=>(const IpAddress&) const noexcept = default;
    constexpr bool is_v4() const noexcept { return family == Family::v4; }
    constexpr bool is_v6() const noexcept { return family == Family::v6; }
    constexpr bool is_multicast() const noexcept { return is_v4() ? v4.is_multicast() : v6.is_multicast(); }
    constexpr bool is_loopback() const noexcept { return is_v4() ? v4.is_loopback() : v6.is_loopback(); }
    constexpr bool is_unspecified() const noexcept {
        return is_v4() ? v4.is_unspecified() : v6.is_unspecified();
    }
    /// 255.255.255.255. IPv6 has no broadcast.
    constexpr bool is_limited_broadcast() const noexcept { return is_v4() && v4.is_limited_broadcast(); }
    std::string text() const;  ///< "10.0.0.1", "2001:db8::1"
    /// Accepts the forms of Ipv4::parse and Ipv6::parse.
    static std::optional<IpAddress> parse(std::string_view text) noexcept;
};

/// An address and a port, both as numbers in host byte order.
struct Endpoint {
    IpAddress addr{};
    uint16_t port = 0;
    constexpr bool operator==(const Endpoint&) const noexcept = default;
    std::string text() const;  ///< "10.0.0.1:80", "[2001:db8::1]:80"
    /// Accepts the forms of text(); the port is a decimal number, 0..65535.
    static std::optional<Endpoint> parse(std::string_view text) noexcept;
};

/// An address of either family with the length of its network's prefix: "10.0.0.1/24", "2001:db8::1/64".
struct Cidr {
    IpAddress addr{};
    uint8_t prefix = 32;  ///< 0..32, or 0..128 for IPv6
    constexpr bool operator==(const Cidr&) const noexcept = default;
    /// IPv4: the prefix as a mask.
    constexpr uint32_t mask() const noexcept { return prefix == 0 ? 0 : ~uint32_t{0} << (32 - prefix); }
    /// Whether the other address has the same family and lies in the network.
    constexpr bool contains(const IpAddress& other) const noexcept {
        if (addr.family != other.family) return false;
        if (addr.is_v4()) return ((addr.v4.value ^ other.v4.value) & mask()) == 0;
        for (size_t i = 0; 8 * i < prefix; ++i) {
            const size_t host_bits = std::max(8 * i + 8, size_t{prefix}) - prefix;  // of this octet
            if ((addr.v6.octets[i] ^ other.v6.octets[i]) >> host_bits != 0) return false;
        }
        return true;
    }
    /// IPv4: the directed broadcast address, for prefixes up to /30.
    constexpr Ipv4 broadcast() const noexcept { return Ipv4{addr.v4.value | ~mask()}; }
    std::string text() const;
    /// Accepts an address with or without "/n"; without it the prefix is 32, or 128 for IPv6. Host bits may
    /// be set.
    static std::optional<Cidr> parse(std::string_view text) noexcept;
};

}  // namespace synfin
