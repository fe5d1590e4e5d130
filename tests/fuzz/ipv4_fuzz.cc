// Any bytes as an IPv4 packet: an accepted header is consistent with the bytes, and is written back
// unchanged.

#include <algorithm>
#include <iterator>

#include "fuzz_target.hh"
#include "wire/ipv4.hh"

using namespace synfin;        // NOLINT(google-build-using-namespace)
using namespace synfin::wire;  // NOLINT(google-build-using-namespace)

namespace {

void check_round_trip(const Ipv4Header& ip, const uint8_t* data) {
    uint8_t expected[kIpv4Bytes];
    uint8_t written[kIpv4Bytes];
    std::copy_n(data, kIpv4Bytes, expected);
    expected[6] &= 0x7f;  // the reserved flag is sent as zero
    store_be16(expected + 10, 0);
    store_be16(expected + 10, internet_checksum(expected));
    write_ipv4(written,
               {.source = ip.source,
                .destination = ip.destination,
                .total_length = ip.total_length,
                .id = ip.id,
                .ttl = ip.ttl,
                .protocol = ip.protocol,
                .tos = ip.tos,
                .dont_fragment = ip.dont_fragment},
               true);
    SYNFIN_CHECK(std::equal(std::begin(written), std::end(written), expected));
    SYNFIN_CHECK(is_right(sum_bytes(written)));
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Ipv4Header ip;
    Ipv4Header verified;
    const Ipv4Check check = parse_ipv4(Bytes(data, size), false, ip);
    const Ipv4Check strict = parse_ipv4(Bytes(data, size), true, verified);
    SYNFIN_CHECK((check == Ipv4Check::runt) == (size < kIpv4Bytes));
    SYNFIN_CHECK(check != Ipv4Check::bad_checksum);
    SYNFIN_CHECK(strict == check || strict == Ipv4Check::bad_checksum);
    if (check != Ipv4Check::ok) return 0;
    SYNFIN_CHECK(ip.header_length >= kIpv4Bytes && ip.header_length % 4 == 0 && ip.header_length <= 60);
    SYNFIN_CHECK(ip.header_length <= ip.total_length && ip.total_length <= size);
    SYNFIN_CHECK(!ip.source_route || ip.header_length > kIpv4Bytes);
    if (!ip.fragment && ip.header_length == kIpv4Bytes) check_round_trip(ip, data);
    return 0;
}
