// Any bytes as TCP options: the short path agrees with the general one, and what was understood can be
// written and parsed again.

#include "fuzz_target.hh"
#include "wire/tcp_options.hh"

using namespace synfin;        // NOLINT(google-build-using-namespace)
using namespace synfin::wire;  // NOLINT(google-build-using-namespace)

namespace {

bool same_but_sack(const TcpOptions& a, const TcpOptions& b) {
    return a.has_mss == b.has_mss && a.has_window_scale == b.has_window_scale &&
           a.sack_permitted == b.sack_permitted && a.has_timestamps == b.has_timestamps && a.mss == b.mss &&
           a.window_scale == b.window_scale && a.ts_val == b.ts_val && a.ts_ecr == b.ts_ecr;
}

bool same_sack(const TcpOptions& a, const TcpOptions& b) {
    if (a.sack_count != b.sack_count) return false;
    for (int i = 0; i < a.sack_count; ++i)
        if (!(a.sack[i] == b.sack[i])) return false;
    return true;
}

void check_syn_round_trip(const TcpOptions& options) {
    uint8_t bytes[kMaxSynOptionBytes];
    WordWriter writer(bytes);
    put_syn_options(writer, {.mss = options.mss,
                             .timestamps = options.has_timestamps,
                             .ts_val = options.ts_val,
                             .ts_ecr = options.ts_ecr,
                             .sack_permitted = options.sack_permitted,
                             .window_scale = options.has_window_scale,
                             .shift = options.window_scale});
    const uint8_t length = writer.bytes();
    SYNFIN_CHECK(length <= sizeof bytes);
    TcpOptions again;
    SYNFIN_CHECK(parse_tcp_options(Bytes(bytes, length), again));
    again.has_mss = options.has_mss;  // always written
    SYNFIN_CHECK(same_but_sack(again, options));
}

void check_sack_round_trip(const TcpOptions& options) {
    uint8_t bytes[kMaxTcpOptionBytes];
    WordWriter writer(bytes);
    put_sack(writer, std::span(options.sack, options.sack_count));
    const uint8_t length = writer.bytes();
    TcpOptions again;
    SYNFIN_CHECK(length <= sizeof bytes && parse_tcp_options(Bytes(bytes, length), again));
    SYNFIN_CHECK(same_sack(again, options));
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    TcpOptions options;
    TcpOptions general;
    const bool well_formed = parse_tcp_options(Bytes(data, size), options);
    SYNFIN_CHECK(parse_tcp_options_general(Bytes(data, size), general) == well_formed);
    SYNFIN_CHECK(same_but_sack(options, general) && same_sack(options, general));
    SYNFIN_CHECK(options.window_scale <= kMaxWindowScale && options.sack_count <= kMaxSackBlocks);
    check_syn_round_trip(options);
    check_sack_round_trip(options);
    return 0;
}
