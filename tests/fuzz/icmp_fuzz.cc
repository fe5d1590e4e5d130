// Any bytes as an ICMP message: a reply made from a request has a correct checksum exactly if the request had
// one, and errors are read within their bounds.

#include <algorithm>
#include <vector>

#include "fuzz_target.hh"
#include "wire/icmp.hh"

using namespace synfin;        // NOLINT(google-build-using-namespace)
using namespace synfin::wire;  // NOLINT(google-build-using-namespace)

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const Bytes icmp(data, size);
    IcmpError error;
    if (parse_icmp_error(icmp, error)) {
        SYNFIN_CHECK(size >= kIcmpBytes + 28u);
        SYNFIN_CHECK(!is_echo_request(icmp) && !is_echo_reply(icmp));
        SYNFIN_CHECK(error.quoted_tcp ||
                     (error.quoted_source_port | error.quoted_destination_port | error.quoted_seq) == 0);
        SYNFIN_CHECK(error.next_hop_mtu == 0 ||
                     (error.type == kIcmpUnreachable && error.code == kIcmpFragmentationNeeded));
    }
    std::vector<uint8_t> reply(icmp.begin(), icmp.end());
    const bool turned = turn_echo_request_into_reply(reply);
    SYNFIN_CHECK(turned == is_echo_request(icmp));
    if (turned) {
        SYNFIN_CHECK(is_echo_reply(reply));
        SYNFIN_CHECK(icmp_checksum_ok(reply) == icmp_checksum_ok(icmp));
        SYNFIN_CHECK(std::equal(reply.begin() + 4, reply.end(), icmp.begin() + 4));
    } else {
        SYNFIN_CHECK(std::equal(reply.begin(), reply.end(), icmp.begin()));
    }
    return 0;
}
