#include "address_range.hh"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "config/ip_text.hh"

namespace synfin::app {

namespace {

using Family = IpAddress::Family;

/// The low 64 bits of an address, as a number.
uint64_t low_bits(const IpAddress& addr) noexcept {
    if (addr.is_v4()) return addr.v4.value;
    uint64_t low = 0;
    for (size_t i = 8; i < 16; ++i) low = low << 8 | addr.v6.octets[i];
    return low;
}

bool has_same_high_bits(const IpAddress& a, const IpAddress& b) noexcept {
    return a.is_v4() || std::equal(a.v6.octets.begin(), a.v6.octets.begin() + 8, b.v6.octets.begin());
}

}  // namespace

Parsed<AddressRange> AddressRange::parse(std::string_view text) {
    const auto refuse = [&](std::string_view expected) {
        return Parsed<AddressRange>::refuse(expected_but_found(expected, text));
    };
    const size_t slash = text.find('/');
    const std::string_view ends = text.substr(0, slash);
    const size_t dash = ends.find('-');
    const auto from = parse_ip(ends.substr(0, dash));
    if (!from) return refuse(from.error);
    const auto to = dash == ends.npos ? from : parse_ip(ends.substr(dash + 1));
    if (!to) return refuse(to.error);
    if (to.value->family != from.value->family) return refuse("a range between two addresses of one family");
    const std::string_view example = from.value->is_v4() ? "10.0.0.1/24" : "2001:db8::1/64";
    if (slash == text.npos) return refuse(fmt::format("an address with its prefix such as {}", example));
    const auto cidr = Cidr::parse(fmt::format("{}{}", from.value->text(), text.substr(slash)));
    if (!cidr)
        return refuse(
            fmt::format("a prefix of 0 to {} bits such as {}", from.value->is_v4() ? 32 : 128, example));
    const AddressRange range(*cidr, *to.value);
    if (!cidr->contains(*to.value)) return refuse("a range inside the network of its prefix");
    if (*to.value < *from.value) return refuse("a range from the lower address to the higher one");
    if (!has_same_high_bits(*from.value, *to.value) || low_bits(*to.value) - low_bits(*from.value) >= kMost)
        return refuse(fmt::format("a range of at most {} addresses", kMost));
    return range;
}

uint64_t AddressRange::size() const noexcept {
    return low_bits(last) - low_bits(first.addr) + 1;
}

std::string AddressRange::text() const {
    if (first.addr == last) return first.text();
    return fmt::format("{}-{}/{}", first.addr.text(), last.text(), first.prefix);
}

IpAddress address_after(const IpAddress& addr, uint64_t n) noexcept {
    if (addr.is_v4()) return Ipv4{static_cast<uint32_t>(addr.v4.value + n)};
    Ipv6 out = addr.v6;
    uint64_t low = low_bits(addr) + n;
    for (size_t i = 16; i-- > 8; low >>= 8) out.octets[i] = static_cast<uint8_t>(low);
    return out;
}

std::vector<Cidr> each_address(const std::vector<AddressRange>& ranges) {
    std::vector<Cidr> all;
    for (const AddressRange& range : ranges)
        for (uint64_t i = 0, n = range.size(); i < n; ++i)
            all.push_back({address_after(range.first.addr, i), range.first.prefix});
    return all;
}

uint64_t count_addresses(const std::vector<AddressRange>& ranges, Family family) noexcept {
    uint64_t sum = 0;
    for (const AddressRange& range : ranges)
        if (range.last.family == family) sum += range.size();
    return sum;
}

bool has_family(const std::vector<AddressRange>& ranges, Family family) noexcept {
    return std::any_of(ranges.begin(), ranges.end(),
                       [&](const AddressRange& range) { return range.last.family == family; });
}

}  // namespace synfin::app
