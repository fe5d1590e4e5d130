// Eight bytes of addresses, then any bytes as a TCP segment: an accepted header is written back unchanged,
// the computed checksum verifies, and the options can be walked.

#include <algorithm>
#include <iterator>
#include <vector>

#include "fuzz_target.hh"
#include "wire/checksum.hh"
#include "wire/tcp.hh"
#include "wire/tcp_options.hh"

using namespace synfin;        // NOLINT(google-build-using-namespace)
using namespace synfin::wire;  // NOLINT(google-build-using-namespace)

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 8 || size - 8 > 65'515) return 0;
    const Ipv4 source{load_be32(data)};
    const Ipv4 destination{load_be32(data + 4)};
    const Bytes segment(data + 8, size - 8);
    TcpHeader tcp;
    if (!parse_tcp(segment, tcp)) return 0;
    SYNFIN_CHECK(tcp.header_length >= kTcpBytes && tcp.header_length <= kMaxTcpBytes);
    SYNFIN_CHECK(tcp.header_length <= segment.size());

    TcpOptions options;
    (void)parse_tcp_options(segment.subspan(kTcpBytes, tcp.header_length - kTcpBytes), options);

    uint8_t written[kTcpBytes];
    write_tcp(written, tcp);
    uint8_t expected[kTcpBytes];
    std::copy_n(segment.begin(), kTcpBytes, expected);
    expected[12] &= 0xf0;  // the reserved bits are sent as zero
    SYNFIN_CHECK(std::equal(std::begin(written), std::end(written), expected));

    std::vector<uint8_t> copy(segment.begin(), segment.end());
    store_be16(copy.data() + kTcpChecksumAt, 0);
    const uint16_t checksum = tcp_checksum(source, destination, copy);
    store_be16(copy.data() + kTcpChecksumAt, checksum);
    SYNFIN_CHECK(tcp_checksum_ok(source, destination, copy));
    const uint32_t seq = tcp.ack;
    store_be32(copy.data() + 4, seq);
    store_be16(copy.data() + kTcpChecksumAt, update_checksum32(checksum, tcp.seq, seq));
    SYNFIN_CHECK(tcp_checksum_ok(source, destination, copy));
    return 0;
}
