/// Rows 48, 49 and 91: path MTU discovery (RFC 1191, RFC 8201), black holes (RFC 4821), and forged messages
/// (RFC 5927 7).
#include "fakes/world.hh"

namespace synfin::fakes {
namespace {

const IpAddress kRouter = host(254), kUs = host(1);

/// The MTU of this run's family that leaves as much for TCP as `mtu4` with IPv4.
uint32_t same(uint32_t mtu4) {
    return mtu4 + ip_header_bytes() - 20u;
}
/// The least MTU that is believed: 552, or IPv6's 1280, as same() counts.
uint16_t floor4() {
    return is_ipv6() ? 1260 : 552;
}

/// "Fragmentation needed", or "packet too big", about our packet, with the MTU same(mtu4).
std::vector<uint8_t> too_big(uint32_t mtu4, Bytes packet, size_t quote = kUsualQuote) {
    if (is_ipv6()) return icmp_error(kRouter, kUs, 2, 0, packet, same(mtu4), quote);
    return icmp_error(kRouter, kUs, 3, 4, packet, mtu4, quote);
}
std::vector<uint8_t> too_big(uint32_t mtu4, const Packet& packet, size_t quote = kUsualQuote) {
    return too_big(mtu4, packet.bytes.empty() ? build(packet) : packet.bytes, quote);
}

uint32_t options(World& w) {
    return w.main().ts_on ? 12 : 0;
}

/// Sends ten segments of new text, all in flight, and returns the first.
Packet fill(World& w, uint32_t from = 1) {
    const uint32_t full = w.main().full();
    w.send(10 * full);
    Packet first;
    for (uint32_t i = 0; i < 10; ++i) {
        RECV(w, {.seq = from + i * full, .len = full});
        if (i == 0) first = w.main().last();
    }
    SILENT(w);
    return first;
}

/// Text of segments as large as the plateau below 1500 permits.
uint32_t small_text(World& w) {
    return 1492 - static_cast<uint32_t>(ip_header_bytes()) - 20 - options(w);
}

/// Loses full-sized segments until the third timeout makes them smaller.
void lose_three(World& w) {
    w.open();
    const uint32_t full = w.main().full();
    w.send(4 * full);
    w.discard();
    for (int i = 0; i < 2; ++i) {
        REQUIRE(w.advance_to_packet(10s));
        RECV(w, {.seq = 1, .len = full});
        SILENT(w);
    }
    REQUIRE(w.advance_to_packet(10s));
    RECV(w, {.seq = 1, .len = small_text(w)});
}

/// The small one arrives, full-sized ones are lost again.
void find_black_hole(World& w) {
    lose_three(w);
    w.in({.ack = 1 + small_text(w)});
    RECV(w, {.seq = 1 + small_text(w), .len = w.main().full()});
    w.discard();
    while (w[Counter::black_holes] == 0) {
        w.discard();
        REQUIRE(w.advance_to_packet(10s));
    }
}

TEST(Row49, RepeatedLossOfFullSegmentsLowersTheMss) {
    ROW(49, "4821-7.5, 8899-4.3", "tcp::on_black_hole");
    World w;
    find_black_hole(w);
    const uint32_t next = 1 + small_text(w);
    RECV(w, {.seq = next, .len = small_text(w)});
    w.in({.ack = next + small_text(w)});
    RECV(w, {.seq = next + small_text(w), .len = small_text(w)});
}

TEST(Row49, AnOutageDoesNotLastingly) {
    ROW(49, "8899-4.3", "tcp::on_progress_after_black_hole");
    World w;
    lose_three(w);
    const uint32_t full = w.main().full();
    w.in({.ack = 1 + 4 * full});
    w.send(2 * full);
    RECV(w, {.len = full});
    w.discard();
    w.in({.ack = 1 + 6 * full});
    EXPECT_EQ(w[Counter::black_holes], 0u);
    w.send(2 * full);
    RECV(w, {.len = full});
}

TEST(Row49, LossOfSmallSegmentsDoesNot) {
    ROW(49, "4821-7.5", "tcp::on_black_hole");
    World w;
    w.open();
    const uint16_t mss = w.info().mss;
    w.send(100);
    for (int i = 0; i < 6; ++i) {
        REQUIRE(w.advance_to_packet(30s));
        w.discard();
    }
    EXPECT_EQ(w.info().mss, mss);
    EXPECT_EQ(w[Counter::black_holes], 0u);
}

TEST(Row49, TheMssIsTriedAgainLater) {
    ROW(49, "4821-7.7", "stack::Connections::restore_mss");
    World w;
    find_black_hole(w);
    w.discard();
    w.in({.ack = 1 + 4 * w.main().full()});
    const uint32_t small = small_text(w), full = w.main().full();
    w.advance(60s);
    const uint32_t next = w.main().rcv_nxt;
    w.send(2 * small);
    RECV(w, {.len = small});
    w.discard();
    w.in({.ack = next + 2 * small});
    w.advance(11min);
    w.send(2 * full);
    RECV(w, {.len = full});
}

TEST(Row91, WhatIsInFlightLeavesAgainAtOnceAndSmaller) {
    ROW(91, "1191-6.4, 1191-6.5, 8201-5.4", "tcp::on_too_big");
    World w;
    w.open();
    const uint32_t all = 10 * w.main().full();
    const uint32_t small = 1260 - options(w);
    const uint32_t cwnd = w.main().info().cwnd_bytes;
    const Packet first = fill(w);
    w.advance(50ms);
    w.raw(too_big(1300, first));
    uint32_t seq = 1;
    for (; seq - 1 < all; seq += std::min(small, all + 1 - seq))
        RECV(w, {.seq = seq, .len = std::min(small, all + 1 - seq)});
    SILENT(w);
    EXPECT_EQ(w.main().info().mss, 1260);
    EXPECT_EQ(w.main().info().pmtu, same(1300));
    EXPECT_EQ(w.main().info().cwnd_bytes, cwnd) << "no sign of congestion";
    EXPECT_EQ(w.main().info().ssthresh_bytes, UINT32_MAX);
    EXPECT_EQ(w[Counter::icmp_too_big_accepted], 1u);
    // The messages about the other nine change nothing.
    for (uint32_t i = 1; i < 10; ++i) {
        Packet other = first;
        other.bytes.clear();
        other.seq += i * w.main().full();
        w.raw(too_big(1300, other));
    }
    SILENT(w);
    EXPECT_EQ(w[DropReason::icmp_ignored], 9u);
    w.in({.ack = seq});
    SILENT(w);
    w.send(small + 1);
    RECV(w, {.seq = seq, .len = small});
    EXPECT_EQ(w[Counter::rto_expirations], 0u);
    EXPECT_EQ(w[Counter::fast_retransmits], 0u);
}

/// The resent text is lost once more: the timer still runs.
TEST(Row91, TheTimerRunsOn) {
    ROW(91, "1191-6.4, 6298-5", "tcp::on_too_big");
    World w;
    w.open();
    w.raw(too_big(1300, fill(w)));
    w.discard();
    RECV_IN(w, 150ms, 1100ms, {.seq = 1, .len = 1260 - options(w)});
}

TEST(Row91, ASecondNarrowerLinkIsFollowed) {
    ROW(91, "1191-3", "tcp::on_too_big");
    World w;
    w.open();
    w.send(1400);
    RECV(w, {.seq = 1, .len = 1400});
    w.raw(too_big(1350, w.main().last()));
    RECV(w, {.seq = 1, .len = 1310 - options(w)});
    const Packet again = w.main().last();
    w.discard();
    w.raw(too_big(floor4(), again));
    RECV(w, {.seq = 1, .len = floor4() - 40u - options(w)});
    w.discard();
    EXPECT_EQ(w[Counter::icmp_too_big_accepted], 2u);
}

/// FIN is sent again at its place: on the last of the smaller segments.
TEST(Row91, FinStaysAtItsPlace) {
    ROW(91, "1191-6.4", "tcp::on_too_big");
    World w;
    w.open();
    w.send(1400);
    w.main().close();
    RECV(w, {.seq = 1, .flags = kAck, .len = 1400});
    const Packet large = w.main().last();
    RECV(w, {.seq = 1401, .flags = kFin | kAck, .len = 0});
    w.raw(too_big(1300, large));
    const uint32_t small = 1260 - options(w);
    RECV(w, {.seq = 1, .flags = kAck, .len = small});
    RECV(w, {.seq = 1 + small, .flags = kFin | kAck, .len = 1400 - small});
    SILENT(w);
}

TEST(Row91, NewConnectionsBeginWithItForTenMinutes) {
    ROW(91, "1191-6.3", "net::PathMtus");
    World w;
    w.open();
    w.raw(too_big(1300, fill(w)));
    w.discard();
    const auto first_segment = [&](uint16_t port, const IpAddress& peer) {
        Flow& flow = w.flow(port, peer);
        flow.open(Side::passive);
        EXPECT_EQ(flow.info().mss + ip_header_bytes() + 20u, flow.info().pmtu);
        return flow.info().pmtu;
    };
    EXPECT_EQ(first_segment(41'000, host(2)), same(1300));
    EXPECT_EQ(first_segment(41'001, host(3)), same(1500)) << "another destination";
    w.main().abort();
    w.discard();
    w.advance(9min + 59s);
    w.discard();
    EXPECT_EQ(first_segment(41'002, host(2)), same(1300));
    w.advance(2s);
    w.discard();
    EXPECT_EQ(first_segment(41'003, host(2)), same(1500));
}

TEST(Row91, AnActiveOpenBeginsWithIt) {
    ROW(91, "1191-6.3", "net::PathMtus");
    World w;
    w.open(Side::active);
    w.raw(too_big(1300, fill(w)));
    w.discard();
    Flow& flow = w.flow(81);
    flow.connect();
    EXPECT_EQ(flow.last().mss, 1460) << "what we take is another matter (RFC 1191 6.2)";
    flow.in({.flags = kSyn | kAck});
    EXPECT_EQ(flow.info().mss, 1260);
    w.discard();
}

TEST(Row91, AMessageAboutTheHandshakeCountsForWhatFollows) {
    ROW(91, "1191-6.3, 5927-7", "tcp::on_too_big");
    for (const State state : {State::syn_received, State::syn_sent}) {
        World w;
        w.bring(state, state == State::syn_sent ? Side::active : Side::passive);
        Packet forged = w.main().last();
        w.raw(too_big(1300, forged));
        SILENT(w);
        EXPECT_EQ(w[Counter::icmp_too_big_accepted], 1u);
        if (state == State::syn_sent)
            w.in({.flags = kSyn | kAck});
        else
            w.in({.seq = 1, .ack = 1});
        w.discard();
        STATE(w, established);
        EXPECT_EQ(w.main().info().mss, 1260);
    }
}

TEST(Row48, TheQuotedSequenceNumberMustBeInFlight) {
    ROW(48, "5927-4.1, 5927-7", "tcp::on_too_big");
    World w;
    w.open();
    w.send(10);
    RECV(w, {.len = 10});
    w.in({.ack = 11});
    const Packet first = fill(w, 11);
    const uint32_t sent = 10 * w.main().full();
    for (const uint32_t off : {uint32_t(-1), sent, sent + 1, sent + 100'000, 0x8000'0000u}) {
        Packet quoted = first;
        quoted.bytes.clear();
        quoted.seq += off;
        w.raw(too_big(1300, quoted));
        SILENT(w);
        EXPECT_EQ(w.main().info().mss, 1460);
        EXPECT_EQ(w.main().info().pmtu, same(1500));
    }
    EXPECT_EQ(w[DropReason::icmp_ignored], 5u);
    EXPECT_EQ(w[Counter::icmp_too_big_accepted], 0u);
}

TEST(Row48, ClaimsBelowTheFloorOrNotBelowThePresentAreRefused) {
    ROW(48, "1191-3, 5927-7", "tcp::on_too_big");
    World w;
    w.open();
    const Packet first = fill(w);
    for (const uint32_t mtu : {1u, 68u, floor4() - 1u}) w.raw(too_big(mtu, first));
    EXPECT_EQ(w[DropReason::icmp_bad_mtu], 3u);
    for (const uint32_t mtu : {1500u, 1501u, 65'535u}) w.raw(too_big(mtu, first));
    EXPECT_EQ(w[DropReason::icmp_ignored], 3u);
    SILENT(w);
    EXPECT_EQ(w.main().info().mss, 1460);
    w.raw(too_big(floor4(), first));
    RECV(w, {.seq = 1, .len = floor4() - 40u - options(w)});
    w.discard();
}

/// A router that predates RFC 1191 reports no MTU.
TEST(Row48, WithoutAnMtuTheNextPlateauIsTried) {
    ROW(48, "1191-5, 1191-7.1", "tcp::claimed_mtu");
    IPV4_ONLY("ICMPv6 packet too big always has an MTU");
    World w;
    w.open();
    w.raw(too_big(0, fill(w)));
    EXPECT_EQ(w.main().info().pmtu, 1492);
    RECV(w, {.seq = 1, .len = 1452 - options(w)});
    const Packet again = w.main().last();
    w.discard();
    w.raw(too_big(0, again));
    EXPECT_EQ(w.main().info().pmtu, 1006);
    RECV(w, {.seq = 1, .len = 966 - options(w)});
    const Packet third = w.main().last();
    w.discard();
    w.raw(too_big(0, third));
    SILENT(w);
    EXPECT_EQ(w.main().info().pmtu, 1006) << "508 is below the floor";
    EXPECT_EQ(w[DropReason::icmp_bad_mtu], 1u);
}

/// Blind guesses: every 2^15th sequence number with each plausible MTU.
TEST(Row48, AFloodOfForgedMessagesChangesNothing) {
    ROW(48, "5927-4.1, 5927-7", "tcp::on_too_big");
    World w;
    w.open();
    const uint32_t full = w.main().full();
    w.send(full);
    RECV(w, {.seq = 1, .len = full});
    Packet quoted = w.main().last();
    quoted.bytes.clear();
    const uint32_t in_flight = quoted.seq;
    constexpr uint32_t kGuesses = 1u << 17;
    auto bytes = too_big(1300, quoted, ip_header_bytes() + 8u);
    const size_t seq_at = bytes.size() - 4;
    uint64_t sent = 0;
    for (uint32_t i = 0; i < kGuesses; ++i) {
        const uint32_t guess = i << 15;
        if (guess - in_flight < full) continue;
        for (size_t b = 0; b < 4; ++b) bytes[seq_at + b] = static_cast<uint8_t>(guess >> (24 - 8 * b));
        fix_checksums(bytes);
        w.raw(bytes);
        ++sent;
    }
    SILENT(w);
    EXPECT_EQ(w[DropReason::icmp_ignored], sent);
    EXPECT_EQ(w.main().info().mss, 1460);
}

}  // namespace
}  // namespace synfin::fakes
