#pragma once
/// @file
/// AddressRange: consecutive addresses of this end in one network, as --address takes them:
/// `10.0.1.1-10.0.4.254/16`, `2001:db8::1-2001:db8::ff/64`, or one address `10.0.0.1/24`.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/quantity.hh"
#include "synfin/units.hh"

namespace synfin::app {

struct AddressRange {
    Cidr first{};      ///< with the prefix of the network
    IpAddress last{};  ///< at least `first`, in the same network

    /// The most addresses of all ranges together.
    static constexpr uint64_t kMost = uint64_t{1} << 20;

    AddressRange(const Cidr& one) noexcept  // NOLINT(google-explicit-constructor): one address is a range
        : first(one), last(one.addr) {}
    AddressRange(const Cidr& from, const IpAddress& to) noexcept : first(from), last(to) {}

    /// Requires a prefix length. Both ends have one family and one network, and the range has at most kMost
    /// addresses. Refuses brackets, zones and IPv4-mapped addresses with the form to write instead.
    static Parsed<AddressRange> parse(std::string_view text);

    bool is_v4() const noexcept { return first.addr.is_v4(); }
    bool is_v6() const noexcept { return first.addr.is_v6(); }
    bool contains(const IpAddress& addr) const noexcept {
        return addr.family == last.family && first.addr <= addr && addr <= last;
    }
    bool overlaps(const AddressRange& other) const noexcept {
        return other.last.family == last.family && first.addr <= other.last && other.first.addr <= last;
    }
    /// How many addresses.
    uint64_t size() const noexcept;
    std::string text() const;
    bool operator==(const AddressRange&) const noexcept = default;
};

/// The address `n` further on. The low 64 bits of an IPv6 address are counted; a carry is lost.
IpAddress address_after(const IpAddress& addr, uint64_t n) noexcept;

/// All addresses of the ranges, in order, each with its prefix.
std::vector<Cidr> each_address(const std::vector<AddressRange>& ranges);

/// How many addresses the ranges have, of one family.
uint64_t count_addresses(const std::vector<AddressRange>& ranges, IpAddress::Family family) noexcept;

/// Whether one of the ranges is of the family.
bool has_family(const std::vector<AddressRange>& ranges, IpAddress::Family family) noexcept;

}  // namespace synfin::app
