/// Rows 99, 101 and 102: what ICMPv6 (RFC 4443) has and ICMP has not. Rows 47, 48 and 91 run with both
/// families.
#include "fakes/world.hh"

namespace synfin::fakes {
namespace {

constexpr const char* kReason = "rows 47, 48 and 91 have ICMP";

const IpAddress& router() {
    static const IpAddress addr = *IpAddress::parse("fe80::1");
    return addr;
}

std::vector<uint8_t> too_big(uint32_t mtu, Bytes packet) {
    return icmp_error(router(), host(1), 2, 0, packet, mtu);
}

/// Opens with an MTU of 1500, and has one full segment of 1440 bytes in flight.
Packet open_and_send(World& w) {
    w.open();
    w.send(1440);
    RECV(w, {.seq = 1, .len = 1440});
    return w.main().last();
}

void plain(WorldConfig& c) {
    c.exact_mtu = true, c.timestamps = false;
}

TEST(Row99, PacketTooBigLowersThePathMtu) {
    ROW(99, "8201-4, 8201-5.2", "tcp::on_too_big");
    IPV6_ONLY(kReason);
    World w(plain);
    const Packet large = open_and_send(w);
    w.raw(too_big(1400, large.bytes));
    RECV(w, {.seq = 1, .len = 1340});
    RECV(w, {.seq = 1341, .len = 100});
    EXPECT_EQ(w.main().info().pmtu, 1400u);
    EXPECT_EQ(w[Counter::icmp_too_big_accepted], 1u);
}

TEST(Row99, AnMtuBelow1280IsNotBelieved) {
    ROW(99, "8201-4, 8200-5, 8021-2", "tcp::on_too_big");
    IPV6_ONLY(kReason);
    World w(plain);
    const Packet large = open_and_send(w);
    for (const uint32_t mtu : {0u, 1u, 576u, 1279u}) w.raw(too_big(mtu, large.bytes));
    SILENT(w);
    EXPECT_EQ(w.main().info().pmtu, 1500u);
    EXPECT_EQ(w[DropReason::icmp_bad_mtu], 4u);
    w.raw(too_big(1280, large.bytes));
    RECV(w, {.seq = 1, .len = 1220});
    RECV(w, {.seq = 1221, .len = 220});
    EXPECT_EQ(w.main().last().bytes[6], kTcp) << "no fragment header (RFC 8021)";
}

TEST(Row99, AnMtuOf32BitsIsReadAsAWhole) {
    ROW(99, "4443-3.2", "tcp::on_too_big");
    IPV6_ONLY(kReason);
    World w(plain);
    const Packet large = open_and_send(w);
    for (const uint32_t mtu : {65'536u + 1300u, 0x8000'0514u, ~0u}) w.raw(too_big(mtu, large.bytes));
    SILENT(w);
    EXPECT_EQ(w.main().info().pmtu, 1500u);
    EXPECT_EQ(w[DropReason::icmp_ignored], 3u);
}

TEST(Row101, AnErrorMayQuoteTheSegmentBehindExtensionHeaders) {
    ROW(101, "5927-4, 4443-3", "net::read_icmp6_error");
    IPV6_ONLY(kReason);
    World w;
    w.bring(State::syn_sent);
    Packet quoted = w.main().last();
    quoted.extensions = {{kDestination, {0, 1, 4, 0, 0, 0, 0}}};
    w.raw(icmp_error(router(), host(1), 1, 4, build(quoted)));
    CLOSED(w, unreachable);
}

TEST(Row101, TheErrorsChecksumCoversThePseudoHeader) {
    ROW(101, "4443-2.3", "wire::icmp6_checksum_ok");
    IPV6_ONLY(kReason);
    World w;
    w.bring(State::syn_sent);
    auto bad = icmp_error(router(), host(1), 1, 4, w.main().last().bytes);
    bad[23] ^= 1;  // the source
    w.raw(bad);
    STATE(w, syn_sent);
    EXPECT_EQ(w[DropReason::bad_icmp], 1u);
}

TEST(Row101, UnknownErrorsAreIgnored) {
    ROW(101, "4443-2.4 (a)", "net::read_icmp6_error");
    IPV6_ONLY(kReason);
    World w;
    w.bring(State::syn_sent);
    for (const uint8_t type : {uint8_t{0}, uint8_t{5}, uint8_t{100}, uint8_t{127}, uint8_t{200}})
        w.raw(icmp_error(router(), host(1), type, 0, w.main().last().bytes));
    SILENT(w);
    STATE(w, syn_sent);
    EXPECT_EQ(w[DropReason::icmp_ignored], 5u);
}

TEST(Row102, AnEchoRequestIsAnswered) {
    ROW(102, "4443-4.1, 4443-4.2", "net::FrameOut::build_echo_reply6");
    IPV6_ONLY(kReason);
    World w;
    for (const size_t size : {size_t{0}, size_t{1}, size_t{56}, size_t{1000}}) {
        std::vector<uint8_t> body{0x12, 0x34, 0, 7};
        for (size_t i = 0; i < size; ++i) body.push_back(static_cast<uint8_t>(i));
        w.raw(icmp6(host(2).v6, host(1).v6, 128, 0, body));
        const auto answer = w.out();
        REQUIRE(answer.has_value());
        EXPECT_EQ(answer->src, host(1));
        EXPECT_EQ(answer->dst, host(2));
        const Bytes icmp = icmp6_of(*answer);
        ASSERT_EQ(icmp.size(), 4 + body.size());
        EXPECT_EQ(icmp[0], 129);
        EXPECT_EQ(icmp[1], 0);
        EXPECT_TRUE(std::equal(body.begin(), body.end(), icmp.begin() + 4));
        SILENT(w);
    }
    EXPECT_EQ(w[Counter::icmp_echo_replies], 4u);
}

TEST(Row102, AnEchoRequestToAGroupIsAnsweredFromOurAddress) {
    ROW(102, "4443-4.2", "net::FrameOut::build_echo_reply6");
    IPV6_ONLY(kReason);
    World w;
    const std::vector<uint8_t> body{1, 2, 3, 4};
    w.raw(icmp6(host(2).v6, *Ipv6::parse("ff02::1"), 128, 0, body));
    const auto answer = w.out();
    REQUIRE(answer.has_value());
    EXPECT_EQ(answer->src, host(1));
    EXPECT_EQ(answer->dst, host(2));
}

TEST(Row102, ForgedEchoRequestsAreNotAnswered) {
    ROW(102, "4443-4.2, 4443-2.3", "net::FrameIn::read_icmp6");
    IPV6_ONLY(kReason);
    World w;
    const std::vector<uint8_t> body{1, 2, 3, 4};
    for (const char* source : {"::", "ff02::1", "::1", "2001:db8::1"})
        w.raw(icmp6(*Ipv6::parse(source), host(1).v6, 128, 0, body));
    w.raw(icmp6(host(2).v6, host(77).v6, 128, 0, body));
    w.raw(icmp6(host(2).v6, host(1).v6, 129, 0, body));  // a reply that nobody asked for
    auto bad = icmp6(host(2).v6, host(1).v6, 128, 0, body);
    bad.back() ^= 1;
    w.raw(bad);
    bad.resize(43);
    w.raw(bad);
    SILENT(w);
    EXPECT_EQ(w[Counter::icmp_echo_replies], 0u);
    EXPECT_EQ(w.all_drops(), 8u);
}

}  // namespace
}  // namespace synfin::fakes
