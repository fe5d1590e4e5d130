/// @file
/// RFC 6298 with numbers computed by hand, and which segments may be timed (Karn).

#include "core_world.hh"

namespace synfin::tcp {
namespace {

TEST(Rtt, TheFirstSample) {  // 2.2: SRTT = R, RTTVAR = R/2, RTO = SRTT + max(G, 4*RTTVAR)
    const Params p(TcpConfig{}, 1500);
    Flow f;
    take_rtt_sample(f, 100'000);
    EXPECT_EQ(f.srtt_us, 100'000u);
    EXPECT_EQ(f.rttvar_us, 50'000u);
    EXPECT_EQ(rto_ticks(f.srtt_us, f.rttvar_us, p), 300u);
}

TEST(Rtt,
     LaterSamples) {  // 2.3: RTTVAR = 3/4*50 + 1/4*|100-180| = 57.5 ms; SRTT = 7/8*100 + 1/8*180 = 110 ms
    const Params p(TcpConfig{}, 1500);
    Flow f;
    take_rtt_sample(f, 100'000);
    take_rtt_sample(f, 180'000);
    EXPECT_EQ(f.srtt_us, 110'000u);
    EXPECT_EQ(f.rttvar_us, 57'500u);
    EXPECT_EQ(rto_ticks(f.srtt_us, f.rttvar_us, p), 340u);
    take_rtt_sample(f, 30'000);  // 3/4*57.5 + 1/4*80 = 63.125; 7/8*110 + 1/8*30 = 100
    EXPECT_EQ(f.rttvar_us, 63'125u);
    EXPECT_EQ(f.srtt_us, 100'000u);
    EXPECT_EQ(rto_ticks(f.srtt_us, f.rttvar_us, p), 353u);  // 352.5, rounded up
}

TEST(Rtt, GranularityAndLimits) {
    TcpConfig c;
    c.rto_min = 1ms;
    const Params p(c, 1500);
    EXPECT_EQ(rto_ticks(10'900, 10, p), 12u) << "G, not 4*RTTVAR: 11.9 ms, rounded up";
    EXPECT_EQ(rto_ticks(10'000, 251, p), 12u) << "4*RTTVAR = 1.004 ms, rounded up";
    EXPECT_EQ(rto_ticks(100'000'000, 50'000'000, p), 120'000u) << "2.5: the maximum";
    const Params standard(TcpConfig{}, 1500);
    EXPECT_EQ(rto_ticks(10'000, 100, standard), 200u) << "2.4: the minimum";
}

TEST(Rtt, ASampleOfNothingIsOneMicrosecond) {
    Flow f;
    take_rtt_sample(f, 0);
    EXPECT_EQ(f.srtt_us, 1u);
    for (int i = 0; i < 50; ++i) take_rtt_sample(f, 0);
    EXPECT_EQ(f.srtt_us, 1u);
}

TEST(Rtt, BacksOffByDoubling) {  // 5.5
    const Params p(TcpConfig{}, 1500);
    EXPECT_EQ(backed_off(300, 0, p), 300u);
    EXPECT_EQ(backed_off(300, 1, p), 600u);
    EXPECT_EQ(backed_off(300, 5, p), 9'600u);
    EXPECT_EQ(backed_off(300, 9, p), 120'000u);
    EXPECT_EQ(backed_off(120'000, 255, p), 120'000u);
}

TEST(Rtt, WithoutASample) {
    const Params p(TcpConfig{}, 1500);
    Tcb tcb;
    EXPECT_EQ(rto_ticks(tcb, nullptr, p), 1000u);  // 2.1
    tcb.set(kSynResent);
    EXPECT_EQ(rto_ticks(tcb, nullptr, p), 3000u);  // 5.7
    tcb.set(kSynUnacked);
    EXPECT_EQ(rto_ticks(tcb, nullptr, p), 1000u) << "while the SYN is out, its own timer counts";
    tcb.srtt = CompactRtt::from_us(100'000);
    EXPECT_EQ(rto_ticks(tcb, nullptr, p), 300u);
}

TEST(Rtt, TheHandshakeIsTheFirstSample) {
    CoreWorld w;
    w.listen_syn();
    w.skip_us(100'000);
    w.in({});
    EXPECT_EQ(w.tcb.srtt, CompactRtt::from_us(100'000));
}

TEST(Rtt, AResentSynIsNoSample) {  // 3, Karn
    CoreWorld w;
    w.connect();
    w.fire();
    w.skip_us(50'000);
    w.in({.ack = 1, .flags = kSyn | kAck});
    STATE(w, established);
    EXPECT_FALSE(w.tcb.srtt.is_set());
}

TEST(Rtt, OneSegmentIsTimedAtATime) {
    CoreWorld w;
    w.open();
    w.send(100);
    EXPECT_TRUE(w.flow.has(kTiming));
    w.skip_us(80'000);
    w.tcb.set(kNoDelay);
    w.send(100);  // not timed
    w.skip_us(70'000);
    w.flow.srtt_us = 0;
    w.in({.ack = 101});
    EXPECT_EQ(w.flow.srtt_us, 150'000u);
    EXPECT_FALSE(w.flow.has(kTiming));
    EXPECT_EQ(w.tcb.srtt, CompactRtt::from_us(150'000)) << "kept for when the second line goes";
}

TEST(Rtt, ARetransmissionIsNotTimed) {  // 3, Karn; 5.7: the backed-off RTO stays until there is a sample
    CoreWorld w;
    w.open();
    w.flow.srtt_us = 0;
    w.send(100);
    w.fire();
    EXPECT_FALSE(w.flow.has(kTiming));
    const uint32_t before = w.flow.srtt_us;
    w.skip_us(500'000);
    w.in({.ack = 101});
    EXPECT_EQ(w.flow.srtt_us, before);
    EXPECT_EQ(w.flow.backoff, 1);
    w.send(100);
    w.skip_us(20'000);
    w.in({.ack = 201});
    EXPECT_EQ(w.flow.backoff, 0) << "a sample ends the backoff";
}

TEST(Rtt, TimestampsTimeARetransmission) {  // RFC 7323 4.1: the echo tells which transmission arrived
    CoreWorld w;
    w.open({.ts = 1});
    w.send(100);
    w.fire();
    const uint32_t resent = w.tick();
    w.skip_us(40'000);
    w.flow.srtt_us = 0;
    w.in({.ack = 101, .ecr = resent});
    EXPECT_EQ(w.flow.srtt_us, 40'500u);
    EXPECT_EQ(w.flow.backoff, 0);
}

TEST(Rtt, AnOldEchoIsNoSample) {
    CoreWorld w;
    w.open({.ts = 1});
    w.send(100);
    const uint32_t sent = w.tick();
    w.fire();
    w.skip_us(40'000);
    w.flow.srtt_us = 0;
    w.in({.ack = 101, .ecr = sent - 1});
    EXPECT_EQ(w.flow.srtt_us, 0u);
}

}  // namespace
}  // namespace synfin::tcp
