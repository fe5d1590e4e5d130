/// @file
/// The control block in its sizes: what remains when it shrinks, and for how long.

#include <cstring>
#include <new>

#include "core_world.hh"

namespace synfin::tcp {
namespace {

// is_rare() reads eight bytes at once, so no bit of them may keep what the memory held before.
TEST(Effects, NewOnesAreEmptyWhateverTheMemoryHeld) {
    alignas(Effects) unsigned char memory[sizeof(Effects)];
    for (const int held : {0x00, 0xff}) {
        std::memset(memory, held, sizeof memory);
        asm volatile("" : : "r"(memory) : "memory");
        const Effects& fx = *new (memory) Effects;
        EXPECT_FALSE(fx.is_rare()) << held;
        EXPECT_TRUE(fx.is_output_at_most()) << held;
    }
}

TEST(CompactRtt, IsExactUpTo2047AndCloseBeyond) {
    for (const uint32_t us : {0u, 1u, 1000u, 2047u}) EXPECT_EQ(CompactRtt::from_us(us).us(), us);
    for (uint64_t us = 2048; us < UINT32_MAX; us = us * 17 / 16 + 1) {
        const uint32_t got = CompactRtt::from_us(static_cast<uint32_t>(us)).us();
        EXPECT_LE(got, us);
        EXPECT_LT((us - got) * 1024, us) << us;
    }
    EXPECT_FALSE(CompactRtt{}.is_set());
    EXPECT_TRUE(CompactRtt::from_us(1).is_set());
    EXPECT_EQ(CompactRtt::from_us(UINT32_MAX).us(), 0x7ffu << 21);
}

TEST(TimeWait, ExpiresOnTimeAcrossTheWrap) {
    for (const uint32_t now : {0u, 5u, 1000u, 0x7fff'fff3u, 0xffff'0000u, 0xffff'fff0u, 0xffff'ffffu}) {
        for (const uint32_t wait : {1u, 16u, 60'000u, 239'999u, 240'000u, 262'000u, 524'000u}) {
            TimeWaitExpiry tw;
            tw.set(now + wait);
            EXPECT_GE(tw.remaining(now), static_cast<int32_t>(wait)) << now << " + " << wait;
            EXPECT_LT(tw.remaining(now), static_cast<int32_t>(wait) + 16) << now << " + " << wait;
            EXPECT_GT(tw.remaining(now + wait - 1), 0) << "never early";
            EXPECT_LE(tw.remaining(now + wait + 15), 0) << "at most 16 ticks late";
            EXPECT_LE(tw.remaining(now + wait + 200'000), 0) << "and seen late";
        }
    }
}

TEST(TimeWait, KeepsWhatAnswersAndJudges) {
    CoreWorld w;
    w.open({.ts = 1});
    w.shutdown(), w.in({}), w.in({.flags = kFin | kAck});
    STATE(w, time_wait);
    const TimeWait record = shrink(w.tcb);
    const Tcb back = expand(record, 1000);
    EXPECT_EQ(back.state(), State::time_wait);
    EXPECT_EQ(back.snd.nxt, w.tcb.snd.nxt);
    EXPECT_EQ(back.rcv.nxt, w.tcb.rcv.nxt);
    EXPECT_EQ(back.ts_recent, w.tcb.ts_recent);
    EXPECT_TRUE(back.has(kTimestamps));
    EXPECT_EQ(back.tuple, kTuple);
}

TEST(HalfOpen, ExpandsToWhatTheSynSaid) {
    CoreWorld w;
    w.listen_syn({.wnd = 8192, .ts = 99, .mss = 1400, .wscale = 15, .sack = true});
    EXPECT_EQ(w.tcb.snd.una, kIss);
    EXPECT_EQ(w.tcb.snd.nxt, kIss + 1u);
    EXPECT_EQ(w.tcb.rcv.nxt, kIrs + 1u);
    EXPECT_EQ(w.tcb.snd.wnd, 8192u) << "never scaled on SYN (RFC 7323 2.2)";
    EXPECT_EQ(w.tcb.snd_shift(), 14) << "more is taken for 14 (RFC 7323 2.3)";
    EXPECT_EQ(w.tcb.mss, 1400);
    EXPECT_EQ(w.tcb.text_mss(), 1388u) << "RFC 6691";
    EXPECT_EQ(w.tcb.ts_recent, 99u);
    EXPECT_TRUE(w.tcb.has(kSack));
    EXPECT_TRUE(w.tcb.has(kPassive));
}

TEST(HalfOpen, MssWithoutTheOptionIs536) {  // MUST-15
    CoreWorld w;
    w.listen_syn({.mss = 0});
    EXPECT_EQ(w.tcb.mss, 536);
    w.listen_syn({.mss = 9000});
    EXPECT_EQ(w.tcb.mss, 1460) << "what the path carries";
    w.listen_syn({.mss = 1});
    EXPECT_EQ(w.tcb.mss, 48) << "the least that is believed";
}

TEST(HalfOpen, SynAckIsSentAgainAndGivenUp) {  // RFC 6298 5: 1, 3, 7, 15, 31 s; given up at 63 s
    CoreWorld w;
    HalfOpen h = half_open(kTuple, w.make({.flags = kSyn}), kIss, 1, w.ctx());
    const uint32_t start = w.tick();
    std::vector<uint32_t> sent;
    bool expired = false;
    for (uint32_t ms = 0; !expired && ms < 200'000; ms += 500) {
        w.move_to(start + ms);
        if (on_half_open_deadline(h, w.ctx(), expired)) sent.push_back(ms);
        if (expired) {
            EXPECT_EQ(ms, 63'000u);
        }
    }
    EXPECT_EQ(sent, (std::vector<uint32_t>{1000, 3000, 7000, 15'000, 31'000}));
    EXPECT_TRUE(expired);
    EXPECT_TRUE(h.flags & kSynResent);
}

}  // namespace
}  // namespace synfin::tcp
