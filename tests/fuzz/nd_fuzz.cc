// Any bytes as a message of neighbour discovery or an MLD query: what is accepted, written, and parsed again
// is the same. Then a host hears them from several senders, at its start and later: whatever it sends has a
// right checksum, and it goes on resolving addresses.

#include <algorithm>

#include "fuzz_target.hh"
#include "net/discovery.hh"
#include "net/link_local.hh"
#include "wire/icmpv6.hh"
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

const Mac kOurMac{{2, 0, 0, 0, 0, 1}};
const Mac kPeerMac{{2, 0, 0, 0, 0, 2}};

net::Link ethernet() {
    buf::QueueCaps caps;
    caps.mac = kOurMac;
    return {caps, std::nullopt, std::nullopt};
}

/// 2001:db8::1 with its link-local address, 2001:db8::2 asked for.
struct Host {
    explicit Host(Dad dad)
        : ours({*Cidr::parse("2001:db8::1/64"), Cidr{net::link_local_of(kOurMac), 64}}),
          link(ethernet()),
          discovery(ours, link, {dad, true, std::nullopt, 1500, true}, HashKey{1, 2}, 4, counters) {
        ask();
    }
    void ask() {
        static_cast<void>(discovery.mac_of(peer, now));
        now += 20s;
        for (int i = 0; i < 4; ++i) {
            static_cast<void>(discovery.poll(
                now, [](uint32_t) { return true; },
                [this](const net::DiscoveryPacket& packet) { check(packet); }, [](void*, const Mac&) {},
                [](void*) {}));
            now += 2s;
        }
    }
    void hear(const char* source, const Ipv6& destination, uint8_t hop_limit, Bytes message) {
        wire::Ipv6Header ip;
        ip.source = *Ipv6::parse(source);
        ip.destination = destination;
        ip.hop_limit = hop_limit;
        if (const auto reply = discovery.hear(ip, message, kPeerMac, now)) check(*reply);
    }
    void check(const net::DiscoveryPacket& packet) const {
        uint8_t frame[1294];
        const uint32_t length = net::build_discovery(frame, link, packet);
        SYNFIN_CHECK(length <= sizeof frame);
        wire::Ipv6Header ip;
        SYNFIN_CHECK(wire::parse_ipv6(Bytes(frame + 14, length - 14), ip) == wire::Ipv6Check::ok);
        const uint32_t at = ip.next_header == 0 ? 62 : 54;
        SYNFIN_CHECK(wire::icmp6_checksum_ok(ip.source, ip.destination, Bytes(frame + at, length - at)));
    }

    const Ipv6 peer = *Ipv6::parse("2001:db8::2");
    Instant now = Instant::from_ns(1'000'000'000);
    Counters counters;
    net::LocalAddresses ours;
    net::Link link;
    net::Discovery discovery;
};

void hear_it(Bytes message) {
    for (const Dad dad : {Dad::off, Dad::optimistic}) {
        Host host(dad);
        const Ipv6 us = *Ipv6::parse("2001:db8::1");
        host.hear("2001:db8::2", us, 255, message);
        host.hear("fe80::fe", net::kAllNodes, 255, message);
        host.hear("fe80::fe", net::kAllNodes, 1, message);
        host.hear("::", net::solicited_node(us), 255, message);
        host.hear("2001:db8::1", net::kAllNodes, 255, message);
        host.ask();
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const Bytes bytes(data, size);
    check_group_query(bytes);
    hear_it(bytes);
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
