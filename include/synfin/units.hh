#pragma once
/// @file
/// Time, addresses and byte spans: the units that every room shares.

#include <array>
#include <chrono>
#include <compare>
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

/// A point on an engine's monotonic clock: nanoseconds since an origin that all engines of a process share,
/// which is the host's boot for TscClock and arbitrary in virtual time. Never wall-clock time.
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
    constexpr bool operator==(const Ipv6&) const noexcept = default;
};

/// An address of either family, as the API takes it. 20 bytes. Only IPv4 is built; a call that is given IPv6
/// refuses with Error::not_supported.
struct IpAddr {
    enum class Family : uint8_t { v4 = 4, v6 = 6 };
    Family family = Family::v4;
    Ipv4 v4{};
    Ipv6 v6{};
    constexpr IpAddr() noexcept = default;
    constexpr IpAddr(Ipv4 addr) noexcept : v4(addr) {}  // NOLINT(google-explicit-constructor)
    constexpr bool operator==(const IpAddr&) const noexcept = default;
    constexpr bool is_v4() const noexcept { return family == Family::v4; }
    std::string text() const;
};

/// An address and a port, both as numbers in host byte order.
struct Endpoint {
    IpAddr addr{};
    uint16_t port = 0;
    constexpr bool operator==(const Endpoint&) const noexcept = default;
    std::string text() const;  ///< "10.0.0.1:80"
};

/// An address with the length of its network's prefix, "10.0.0.1/24".
struct Cidr {
    Ipv4 addr{};
    uint8_t prefix = 32;  ///< 0..32
    constexpr bool operator==(const Cidr&) const noexcept = default;
    constexpr uint32_t mask() const noexcept { return prefix == 0 ? 0 : ~uint32_t{0} << (32 - prefix); }
    constexpr bool contains(Ipv4 other) const noexcept { return ((addr.value ^ other.value) & mask()) == 0; }
    /// The directed broadcast address; meaningful for prefixes up to /30.
    constexpr Ipv4 broadcast() const noexcept { return Ipv4{addr.value | ~mask()}; }
    std::string text() const;
    /// Address and prefix; without "/n" the prefix is 32. Refuses anything else, host bits may be set.
    static std::optional<Cidr> parse(std::string_view text) noexcept;
};

}  // namespace synfin
