// Any bytes as a frame: what is accepted is written as it was read, but for the priority bits of a tag.

#include <algorithm>

#include "target.hh"
#include "wire/ether.hh"

using namespace synfin;        // NOLINT(google-build-using-namespace)
using namespace synfin::wire;  // NOLINT(google-build-using-namespace)

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    EtherHeader ether;
    if (!parse_ether(Bytes(data, size), ether)) {
        SYNFIN_CHECK(size < kEtherBytes + kVlanTagBytes);
        return 0;
    }
    const bool tagged = ether.length == kEtherBytes + kVlanTagBytes;
    SYNFIN_CHECK(ether.length <= size && (tagged || ether.length == kEtherBytes));
    SYNFIN_CHECK(tagged || ether.vid == 0);
    uint8_t expected[kEtherBytes + kVlanTagBytes];
    std::copy_n(data, ether.length, expected);
    if (tagged) expected[14] &= 0x0f;
    uint8_t written[kEtherBytes + kVlanTagBytes];
    const auto vid = tagged ? std::optional(ether.vid) : std::nullopt;
    SYNFIN_CHECK(write_ether(written, ether.destination, ether.source, vid, ether.ethertype) == ether.length);
    SYNFIN_CHECK(std::equal(written, written + ether.length, expected));
    return 0;
}
