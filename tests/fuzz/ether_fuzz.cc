// Any bytes as a frame: an accepted header is written back unchanged, except for the priority bits of tags.

#include <algorithm>

#include "fuzz_target.hh"
#include "wire/ether.hh"

using namespace synfin;        // NOLINT(google-build-using-namespace)
using namespace synfin::wire;  // NOLINT(google-build-using-namespace)

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    constexpr size_t kLongest = kEtherBytes + 2 * kVlanTagBytes;
    EtherHeader ether;
    if (!parse_ether(Bytes(data, size), ether)) {
        SYNFIN_CHECK(size < kLongest);
        return 0;
    }
    SYNFIN_CHECK(ether.length <= size);
    const bool outer = load_be16(data + 12) == kEtherTypeQinQ;
    const size_t inner_at = outer ? 16 : 12;
    const bool inner = load_be16(data + inner_at) == kEtherTypeVlan;
    SYNFIN_CHECK((outer || ether.outer_vid == 0) && (inner || ether.vid == 0));
    uint8_t expected[kLongest];
    std::copy_n(data, ether.length, expected);
    if (outer) expected[14] &= 0x0f;
    if (inner) expected[inner_at + 2] &= 0x0f;
    uint8_t written[kLongest];
    const auto vid = [](bool there, uint16_t value) { return there ? std::optional(value) : std::nullopt; };
    SYNFIN_CHECK(write_ether(written, ether.destination, ether.source, vid(inner, ether.vid), ether.ethertype,
                             vid(outer, ether.outer_vid)) == ether.length);
    SYNFIN_CHECK(std::equal(written, written + ether.length, expected));
    return 0;
}
