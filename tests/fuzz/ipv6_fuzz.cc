// Any bytes as an IPv6 packet: an accepted header is written back unchanged, and the chain of extension
// headers that is accepted lies in the packet, within the limits.

#include <algorithm>

#include "fuzz_target.hh"
#include "wire/ipv6_extensions.hh"

using namespace synfin;        // NOLINT(google-build-using-namespace)
using namespace synfin::wire;  // NOLINT(google-build-using-namespace)

namespace {

void check_extensions(Bytes packet) {
    Ipv6Extensions found;
    const ExtensionCheck check = read_extensions(packet, found);
    const auto upper = find_upper_layer(packet);
    if (found.problem) {
        SYNFIN_CHECK(check == ExtensionCheck::option || check == ExtensionCheck::routing);
        SYNFIN_CHECK(found.problem->pointer >= kIpv6Bytes && found.problem->pointer < packet.size());
        SYNFIN_CHECK(found.problem->code != kUnknownOption || packet[found.problem->pointer] >> 7 == 1);
    }
    if (upper) SYNFIN_CHECK(upper->at <= packet.size() && upper->at <= kIpv6Bytes + kMaxExtensionBytes);
    if (check != ExtensionCheck::ok) return;
    SYNFIN_CHECK(found.payload_at >= kIpv6Bytes && found.payload_at % 8 == 0);
    SYNFIN_CHECK(found.payload_at <= packet.size() && found.payload_at <= kIpv6Bytes + kMaxExtensionBytes);
    SYNFIN_CHECK(found.protocol_at < found.payload_at && packet[found.protocol_at] == found.protocol);
    SYNFIN_CHECK(found.protocol != kRouting && found.protocol != kFragment &&
                 found.protocol != kDestinationOptions);
    // Hop-by-hop options that are not the first are an unknown protocol to the one, and skipped by the other.
    if (found.protocol != kHopByHop)
        SYNFIN_CHECK(upper && upper->at == found.payload_at && upper->protocol == found.protocol);
    // RFC 7112: with any octet of the chain missing, it is refused.
    for (size_t size = kIpv6Bytes; size < found.payload_at; ++size) {
        Ipv6Extensions cut;
        SYNFIN_CHECK(read_extensions(packet.first(size), cut) == ExtensionCheck::malformed);
        SYNFIN_CHECK(!find_upper_layer(packet.first(size)));
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Ipv6Header ip;
    const Ipv6Check check = parse_ipv6(Bytes(data, size), ip);
    SYNFIN_CHECK((check == Ipv6Check::runt) == (size < kIpv6Bytes));
    if (check != Ipv6Check::ok) return 0;
    SYNFIN_CHECK(size_t{kIpv6Bytes} + ip.payload_length <= size);
    uint8_t written[kIpv6Bytes];
    write_ipv6(written, ip);
    SYNFIN_CHECK(std::equal(written, written + kIpv6Bytes, data));
    check_extensions(Bytes(data, size_t{kIpv6Bytes} + ip.payload_length));
    return 0;
}
