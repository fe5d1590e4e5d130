/// @file
/// SYN cookies (RFC 4987 3.6): their contents, their validity, and that they cannot be forged.

#include "tcp/syn_cookie.hh"

#include "base/random.hh"
#include "core_world.hh"

namespace synfin::tcp {
namespace {

constexpr FourTuple kName{Ipv4{kTuple.remote_addr}, kTuple.remote_port, kTuple.local_port, kLocal[0]};

struct Cookie : testing::Test {
    Params params{TcpConfig{}, 1500};
    uint32_t tick = 10'000'000;

    HalfOpen syn(const In& in) {
        CoreWorld w;
        In s = in;
        s.flags = kSyn;
        return half_open(kTuple, w.make(s), Seq{0}, 1, w.ctx());
    }
    /// The peer's ACK of a cookie.
    Segment ack(Seq cookie, const HalfOpen& h, uint32_t ts_clock) {
        Segment seg;
        seg.flags = kAck;
        seg.seq = h.irs + 1u;
        seg.ack = cookie + 1u;
        seg.wnd = 1000;
        seg.has_ts = (h.flags & kTimestamps) != 0;
        seg.ts_val = 4711;
        seg.ts_ecr = ts_clock;
        return seg;
    }
    std::optional<HalfOpen> life(const In& in, uint32_t later = 0) {
        const HalfOpen h = syn(in);
        const Seq cookie = make_cookie(kKey, kName, h.irs, h.mss, tick);
        const Segment seg = ack(cookie, h, cookie_timestamp(tick, h));
        return open_cookie(kKey, kTuple, kName, seg, seg.ts_ecr, params, tick + later);
    }
};

TEST_F(Cookie, IsBelievedWhileTheTicksWrap) {
    for (const uint32_t before : {1u, 1000u, 60'000u}) {
        tick = 0u - before;
        EXPECT_TRUE(life({}, 60'000)) << before;
        EXPECT_FALSE(life({}, 120'000)) << before;
    }
}

TEST_F(Cookie, RestoresTheOptions) {
    for (const uint8_t shift : {uint8_t{0}, uint8_t{1}, uint8_t{7}, uint8_t{14}}) {
        for (const bool sack : {false, true}) {
            const auto h = life({.ts = 1, .mss = 1440, .wscale = shift, .sack = sack});
            ASSERT_TRUE(h);
            EXPECT_EQ(h->snd_shift, shift);
            EXPECT_EQ((h->flags & kSack) != 0, sack);
            EXPECT_TRUE(h->flags & kWindowScale);
            EXPECT_TRUE(h->flags & kTimestamps);
            EXPECT_EQ(h->mss, 1440);
            EXPECT_EQ(h->irs, kIrs);
            EXPECT_EQ(h->ts_recent, 4711u);
        }
    }
    const auto unscaled = life({.ts = 1});
    ASSERT_TRUE(unscaled);
    EXPECT_FALSE(unscaled->flags & kWindowScale);
}

TEST_F(Cookie, WithoutTimestampsOnlyTheMss) {
    const auto h = life({.mss = 536, .wscale = 7, .sack = true});
    ASSERT_TRUE(h);
    EXPECT_EQ(h->flags & (kWindowScale | kSack | kTimestamps), 0);
    EXPECT_EQ(h->mss, 536);
}

TEST_F(Cookie, TheMssIsRoundedDown) {
    const std::pair<uint16_t, uint16_t> cases[] = {{100, 48},   {215, 48},    {216, 216},   {535, 216},
                                                   {1219, 536}, {1220, 1220}, {1459, 1440}, {1460, 1460}};
    for (const auto& [offered, restored] : cases) {
        const auto h = life({.mss = offered});
        ASSERT_TRUE(h);
        EXPECT_EQ(h->mss, restored) << offered;
    }
}

TEST_F(Cookie, Expires) {  // at most 2 minutes: here 65.5 to 98.3 s
    EXPECT_TRUE(life({}, 65'535));
    EXPECT_FALSE(life({}, 98'304));
    EXPECT_FALSE(life({}, 120'000));
    tick = 32'768 * 1000;  // a period's first tick
    EXPECT_TRUE(life({}, 98'303));
    EXPECT_FALSE(life({}, 98'304));
}

TEST_F(Cookie, AnotherTupleSecretOrPeerIsnIsRefused) {
    const HalfOpen h = syn({});
    const Seq cookie = make_cookie(kKey, kName, h.irs, h.mss, tick);
    Segment seg = ack(cookie, h, 0);
    EXPECT_TRUE(open_cookie(kKey, kTuple, kName, seg, 0, params, tick));
    for (const FourTuple& other :
         {FourTuple{Ipv4{0x0a00'0003}, 40'000, 80, kLocal[0]}, FourTuple{kName.remote, 40'001, 80, kLocal[0]},
          FourTuple{kName.remote, 40'000, 81, kLocal[0]}, FourTuple{kName.remote, 40'000, 80, kLocal[1]}})
        EXPECT_FALSE(open_cookie(kKey, kTuple, other, seg, 0, params, tick));
    EXPECT_FALSE(open_cookie({kKey.k0 ^ 1, kKey.k1}, kTuple, kName, seg, 0, params, tick));
    seg.seq += 1;
    EXPECT_FALSE(open_cookie(kKey, kTuple, kName, seg, 0, params, tick));
}

/// The cookie depends on all 36 bytes of an IPv6 connection's addresses and ports, not on the fold.
TEST_F(Cookie, OfIpv6IsBoundToEveryByteOfTheName) {
    FourTuple6 name{*Ipv6::parse("2001:db8::2"), *Ipv6::parse("2001:db8::1"), 40'000, 80};
    const HalfOpen h = syn({});
    const Seq cookie = make_cookie(kKey, name, h.irs, h.mss, tick);
    const Segment seg = ack(cookie, h, 0);
    const auto opened = open_cookie(kKey, kTuple, name, seg, 0, params, tick);
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->tuple, kTuple);
    EXPECT_FALSE(open_cookie(kKey, kTuple, kName, seg, 0, params, tick)) << "of the other family";
    for (Ipv6* each : {&name.remote, &name.local}) {
        for (uint8_t& octet : each->octets) {
            octet ^= 1;
            EXPECT_FALSE(open_cookie(kKey, kTuple, name, seg, 0, params, tick));
            octet ^= 1;
        }
    }
    ++name.local_port;
    EXPECT_FALSE(open_cookie(kKey, kTuple, name, seg, 0, params, tick));
}

/// An attacker knows the clock and the MSS index from cookies for himself. He must guess the rest.
TEST_F(Cookie, TheHashHas27Bits) {
    const HalfOpen h = syn({});
    uint32_t differing = 0;
    const Seq first = make_cookie(kKey, kName, h.irs, h.mss, tick);
    for (uint32_t i = 1; i < 1'000; ++i)
        differing |= make_cookie(kKey, kName, h.irs + i, h.mss, tick).value() ^ first.value();
    EXPECT_EQ(differing, (1u << 27) - 1);
}

TEST_F(Cookie, AGuessIsRefused) {
    const HalfOpen h = syn({});
    const Seq cookie = make_cookie(kKey, kName, h.irs, h.mss, tick);
    for (unsigned bit = 0; bit < 32; ++bit) {
        const Segment seg = ack(Seq{cookie.value() ^ 1u << bit}, h, 0);
        EXPECT_FALSE(open_cookie(kKey, kTuple, kName, seg, 0, params, tick)) << "bit " << bit;
    }
    Random r(1);
    int accepted = 0;  // 2^-27 each, times the share of the clock's values that are young
    for (int i = 0; i < 1'000'000; ++i) {
        const Segment seg = ack(Seq{static_cast<uint32_t>(r.next())}, h, 0);
        accepted += open_cookie(kKey, kTuple, kName, seg, 0, params, tick).has_value();
    }
    EXPECT_LE(accepted, 1);
}

TEST_F(Cookie, ItsTimestampIsNotOfTheFuture) {
    const HalfOpen h = syn({.ts = 1, .wscale = 14, .sack = true});
    for (uint32_t t = 0; t < 200; ++t) {
        const uint32_t ts = cookie_timestamp(tick + t, h);
        EXPECT_LE(static_cast<int32_t>(ts - (tick + t)), 0);
        EXPECT_GT(static_cast<int32_t>(ts - (tick + t)), -64);
        EXPECT_EQ(ts & 31, 14u | 16u);
    }
}

TEST_F(Cookie, OpensAConnection) {
    const auto h = life({.ts = 1, .wscale = 3});
    ASSERT_TRUE(h);
    CoreWorld w;
    w.tcb = expand(*h, 65'535, w.params.rcv_shift);
    Segment seg = ack(h->iss, *h, 0);
    seg.len = 10;
    w.perform([&](Effects& fx) { on_synchronized({w.tcb}, seg, w.ctx(), fx); });
    EXPECT_TRUE(w.fx.opened);
    EXPECT_EQ(w.fx.deliver_len, 10u);
    EXPECT_EQ(w.tcb.snd.wnd, 8000u) << "scaled";
    EXPECT_FALSE(w.tcb.srtt.is_set()) << "when the SYN-ACK left is not known";
}

}  // namespace
}  // namespace synfin::tcp
