// Any bytes as a message of neighbour discovery or an MLD query: what is accepted, written, and parsed again
// is the same.

#include <algorithm>

#include "fuzz_target.hh"
#include "wire/mld.hh"
#include "wire/nd.hh"

using namespace synfin;        // NOLINT(google-build-using-namespace)
using namespace synfin::wire;  // NOLINT(google-build-using-namespace)

namespace {

void check_group_query(Bytes bytes) {
    MldQuery query;
    if (!parse_mld_query(bytes, query)) return;
    SYNFIN_CHECK(bytes.size() >= 24 && query.max_response >= Duration::zero());
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const Bytes bytes(data, size);
    check_group_query(bytes);
    NdMessage first, second;
    if (!parse_nd(bytes, first)) return 0;
    SYNFIN_CHECK(size >= 8 && size % 8 == 0 && data[1] == 0);
    SYNFIN_CHECK(first.prefix_count <= NdMessage::kMostPrefixes);
    SYNFIN_CHECK(!first.source_link || !first.source_link->is_multicast());
    SYNFIN_CHECK(!first.target_link || !first.target_link->is_multicast());
    uint8_t written[kMostNdBytes];
    const uint32_t length = write_nd(written, first);
    SYNFIN_CHECK(length >= 8 && length <= kMostNdBytes);
    SYNFIN_CHECK(parse_nd(Bytes(written, length), second));
    SYNFIN_CHECK(second.type == first.type && second.target == first.target);
    SYNFIN_CHECK(second.destination == first.destination && second.mtu == first.mtu);
    SYNFIN_CHECK(second.router == first.router && second.solicited == first.solicited);
    SYNFIN_CHECK(second.overrides == first.overrides);
    SYNFIN_CHECK(second.router_lifetime_s == first.router_lifetime_s);
    SYNFIN_CHECK(second.source_link == first.source_link && second.target_link == first.target_link);
    const auto all = first.all_prefixes(), again = second.all_prefixes();
    SYNFIN_CHECK(std::equal(all.begin(), all.end(), again.begin(), again.end()));
    return 0;
}
