// Any bytes as an ARP packet: an accepted packet is written back unchanged.

#include <algorithm>
#include <iterator>

#include "fuzz_target.hh"
#include "wire/arp.hh"

using namespace synfin;        // NOLINT(google-build-using-namespace)
using namespace synfin::wire;  // NOLINT(google-build-using-namespace)

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    ArpPacket arp;
    if (!parse_arp(Bytes(data, size), arp)) return 0;
    SYNFIN_CHECK(size >= kArpBytes);
    uint8_t written[kArpBytes];
    write_arp(written, arp);
    SYNFIN_CHECK(std::equal(std::begin(written), std::end(written), data));
    return 0;
}
