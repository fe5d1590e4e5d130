// Any bytes as an IPv6 packet to FrameIn. The first octet says which fields are corrected: the destination,
// and the checksum of TCP or ICMPv6. The fast path must accept what the general one accepts, and FrameOut's
// answer must be a correct packet to the sender.

#include <algorithm>
#include <vector>

#include "fuzz_target.hh"
#include "net/frame_in.hh"
#include "net/frame_out.hh"
#include "net/icmp_errors.hh"
#include "wire/icmpv6.hh"

using namespace synfin;       // NOLINT(google-build-using-namespace)
using namespace synfin::net;  // NOLINT(google-build-using-namespace)

namespace {

constexpr Ipv6 kUs{{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
constexpr Ipv6 kAllNodes{{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

buf::QueueCaps bare() {
    buf::QueueCaps caps;
    caps.ethernet = false;
    return caps;
}

struct Ends {
    LocalAddresses ours{{{kUs, 64}}};
    Link link{bare(), {}, {}};
    AddressFold fold{HashKey{1, 2}};
    FrameIn in{ours, link, fold};
    FrameOut out{ours, link, bare(), 64, 0, HashKey{3, 4}};
};

/// Makes the packet one to us, with a correct checksum, as `how` says.
void set_right(std::vector<uint8_t>& packet, uint8_t how) {
    if (packet.size() < wire::kIpv6Bytes) return;
    packet[0] = 0x60;
    wire::store_be16(&packet[4], static_cast<uint16_t>(packet.size() - wire::kIpv6Bytes));
    const Ipv6& to = how & 2 ? kAllNodes : kUs;
    std::copy(to.octets.begin(), to.octets.end(), packet.begin() + 24);
    const auto upper = wire::find_upper_layer(packet);
    if ((how & 4) == 0 || !upper) return;
    const Ipv6 from = wire::load_ipv6(&packet[8]);
    const size_t at = upper->at + (upper->protocol == wire::kProtocolTcp ? size_t{16} : size_t{2});
    if (at + 2 > packet.size()) return;
    const Bytes payload = Bytes(packet).subspan(upper->at);
    wire::store_be16(&packet[at], 0);
    if (upper->protocol == wire::kProtocolTcp)
        wire::store_be16(&packet[at], wire::tcp_checksum(from, to, payload));
    else if (upper->protocol == wire::kProtocolIcmp6)
        wire::store_be16(&packet[at], wire::icmp6_checksum(from, to, payload));
}

/// Whether the packet is an ICMPv6 message from us to `to`.
void check_answer(Bytes packet, const Ipv6& to) {
    wire::Ipv6Header ip;
    SYNFIN_CHECK(wire::parse_ipv6(packet, ip) == wire::Ipv6Check::ok);
    SYNFIN_CHECK(ip.source == kUs && ip.destination == to && ip.next_header == wire::kProtocolIcmp6);
    SYNFIN_CHECK(size_t{wire::kIpv6Bytes} + ip.payload_length == packet.size());
    SYNFIN_CHECK(wire::icmp6_checksum_ok(ip.source, ip.destination, packet.subspan(wire::kIpv6Bytes)));
}

void check_content(const Ends& ends, const FrameContent& content) {
    std::vector<uint8_t> answer(70'000);
    if (content.kind == FrameKind::echo_request6) {
        const uint32_t n = ends.out.build_echo_reply6(answer.data(), content.payload, content.ip6);
        SYNFIN_CHECK(n == ends.out.echo_reply6_bytes(content.payload));
        check_answer(Bytes(answer).first(n), content.ip6.source);
        SYNFIN_CHECK(std::equal(content.payload.begin() + 4, content.payload.end(), answer.begin() + 44));
    }
    if (content.kind == FrameKind::icmp6) (void)read_icmp6_error(content.payload, ends.ours, ends.fold);
    SYNFIN_CHECK((content.kind == FrameKind::dropped) == (content.drop != DropReason::none));
    if (!content.problem) return;
    SYNFIN_CHECK(content.kind == FrameKind::dropped && LocalAddresses::is_unicast(content.ip6.source));
    SYNFIN_CHECK(content.problem->pointer < content.payload.size());
    const uint32_t n =
        ends.out.build_parameter_problem(answer.data(), *content.problem, content.payload, content.ip6);
    SYNFIN_CHECK(n <= wire::kLeastIpv6Mtu);
    check_answer(Bytes(answer).first(n), content.ip6.source);
    SYNFIN_CHECK(std::equal(answer.begin() + 48, answer.begin() + n, content.payload.begin()));
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0 || size > 60'000) return 0;
    static const Ends ends;
    std::vector<uint8_t> packet(data + 1, data + size);
    if (data[0] & 1) set_right(packet, data[0]);
    const ReceivedFrame frame{packet.data(), static_cast<uint32_t>(packet.size()), {}, {}};
    SegmentIn usual{}, general{};
    const bool is_usual = ends.in.read_usual6(frame, usual);
    const FrameContent content = ends.in.read(frame, general);
    if (is_usual) {
        SYNFIN_CHECK(content.kind == FrameKind::segment);
        SYNFIN_CHECK(usual.tuple == general.tuple && usual.remote6 == general.remote6);
        SYNFIN_CHECK(usual.text.data() == general.text.data() && usual.text.size() == general.text.size());
    } else if (content.kind == FrameKind::segment && packet[0] >> 4 == 6) {
        // Behind extension headers, or marked ECT(1) or CE.
        SYNFIN_CHECK(packet[6] != wire::kProtocolTcp || (packet[1] & 0x10) != 0);
    }
    if (packet.empty() || packet[0] >> 4 != 6) return 0;
    check_content(ends, content);
    return 0;
}
