// Any bytes as an ICMPv6 message: errors are read within their bounds, and a checksum that is set is right.

#include <algorithm>
#include <vector>

#include "fuzz_target.hh"
#include "wire/icmpv6.hh"

using namespace synfin;        // NOLINT(google-build-using-namespace)
using namespace synfin::wire;  // NOLINT(google-build-using-namespace)

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const Bytes icmp(data, size);
    Icmp6Error error;
    if (parse_icmp6_error(icmp, error)) {
        SYNFIN_CHECK(size >= size_t{kIcmp6Bytes} + kIpv6Bytes);
        SYNFIN_CHECK(error.type == icmp[0] && is_icmp6_error(error.type) && !is_discovery(error.type));
        SYNFIN_CHECK(!is_echo_request6(icmp) && !is_echo_reply6(icmp));
        SYNFIN_CHECK(!error.quoted_tcp || size >= size_t{kIcmp6Bytes} + kIpv6Bytes + 8);
        SYNFIN_CHECK(error.quoted_tcp ||
                     (error.quoted_source_port | error.quoted_destination_port | error.quoted_seq) == 0);
        SYNFIN_CHECK(std::equal(data + 16, data + 32, error.quoted_source.octets.begin()));
        // A quote that is cut off names the same connection, or none.
        for (size_t cut = size_t{kIcmp6Bytes} + kIpv6Bytes; cut < size && cut < 400; ++cut) {
            Icmp6Error shorter;
            SYNFIN_CHECK(parse_icmp6_error(icmp.first(cut), shorter));
            SYNFIN_CHECK(!shorter.quoted_tcp || (error.quoted_tcp && shorter.quoted_seq == error.quoted_seq));
        }
    }
    SYNFIN_CHECK(!is_echo_request6(icmp) || !is_echo_reply6(icmp));
    if (size < kIcmp6Bytes) {
        SYNFIN_CHECK(!icmp6_checksum_ok({}, {}, icmp));
        return 0;
    }
    std::vector<uint8_t> message(icmp.begin(), icmp.end());
    Ipv6 from, to;
    std::copy_n(message.begin(), 8, from.octets.begin());
    std::copy_n(message.end() - 8, 8, to.octets.begin());
    store_be16(&message[2], 0);
    store_be16(&message[2], icmp6_checksum(from, to, message));
    SYNFIN_CHECK(icmp6_checksum_ok(from, to, message));
    SYNFIN_CHECK(icmp6_checksum_ok(to, from, message));
    message.back() ^= 1;
    SYNFIN_CHECK(!icmp6_checksum_ok(from, to, message));
    return 0;
}
