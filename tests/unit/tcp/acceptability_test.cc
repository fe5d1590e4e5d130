/// @file
/// RFC 9293 3.10.7.4 first: the four cases of table 6, each at its edges; and RFC 7323 5 and 4.3.

#include "core_world.hh"

namespace synfin::tcp {
namespace {

constexpr uint32_t kWnd = 1000;

/// Whether a segment at RCV.NXT + offset is accepted; if not, the answer must be an ACK.
bool acceptable(int offset, uint32_t len, uint32_t wnd) {
    CoreWorld w;
    w.open();
    w.tcb.rcv.wnd = wnd;
    w.room = 0;  // so that no window is added
    w.in({.seq = w.rcv() + static_cast<uint32_t>(offset), .len = len});
    const bool came_before = offset < 0 && static_cast<uint32_t>(-offset) >= len;
    const bool refused =
        w.fx.drop == (came_before ? DropReason::duplicate_segment : DropReason::unacceptable_seq);
    EXPECT_EQ(w.fx.reply, refused ? (len != 0 ? Reply::ack : Reply::challenge_ack) : Reply::none);
    if (refused) {
        EXPECT_EQ(w.fx.deliver_len + w.fx.keep_len, 0u);
    }
    return !refused;
}

TEST(Acceptability, NoTextOpenWindow) {  // RCV.NXT =< SEG.SEQ < RCV.NXT+RCV.WND
    EXPECT_FALSE(acceptable(-1, 0, kWnd));
    EXPECT_TRUE(acceptable(0, 0, kWnd));
    EXPECT_TRUE(acceptable(1, 0, kWnd));
    EXPECT_TRUE(acceptable(kWnd - 1, 0, kWnd));
    EXPECT_FALSE(acceptable(kWnd, 0, kWnd));
    EXPECT_FALSE(acceptable(kWnd + 1, 0, kWnd));
}

TEST(Acceptability, NoTextClosedWindow) {  // SEG.SEQ = RCV.NXT
    EXPECT_FALSE(acceptable(-1, 0, 0));
    EXPECT_TRUE(acceptable(0, 0, 0));
    EXPECT_FALSE(acceptable(1, 0, 0));
}

TEST(Acceptability, TextOpenWindow) {  // first or last octet in the window
    for (const uint32_t len : {1u, 10u}) {
        const int n = static_cast<int>(len);
        EXPECT_FALSE(acceptable(-n, len, kWnd)) << "all old";
        EXPECT_TRUE(acceptable(1 - n, len, kWnd)) << "the last octet is new";
        EXPECT_TRUE(acceptable(0, len, kWnd));
        EXPECT_TRUE(acceptable(kWnd - 1, len, kWnd)) << "the first octet is the window's last";
        EXPECT_FALSE(acceptable(kWnd, len, kWnd));
    }
}

/// Text that a peer repeats because our ACK is late is no error: it has its own drop reason.
TEST(Acceptability, WhatCameBeforeIsADuplicate) {
    const auto reason_at = [](int offset, uint32_t len, uint8_t flags) {
        CoreWorld w;
        w.open();
        w.tcb.rcv.wnd = kWnd;
        w.room = 0;
        w.in({.seq = w.rcv() + static_cast<uint32_t>(offset), .len = len, .flags = flags});
        return w.fx.drop;
    };
    EXPECT_EQ(reason_at(-1, 0, kFin | kAck), DropReason::duplicate_segment) << "FIN again";
    EXPECT_EQ(reason_at(-100, 100, kAck), DropReason::duplicate_segment) << "a tail loss probe";
    EXPECT_EQ(reason_at(-1, 0, kAck), DropReason::duplicate_segment) << "a keep-alive probe";
    EXPECT_EQ(reason_at(-65'535, 1, kAck), DropReason::duplicate_segment);
    EXPECT_EQ(reason_at(-65'536, 1, kAck), DropReason::unacceptable_seq) << "older than any window";
    EXPECT_EQ(reason_at(kWnd, 1, kAck), DropReason::unacceptable_seq) << "beyond the window";
}

TEST(Acceptability, TextClosedWindow) {  // never; what it acknowledges counts all the same (MUST-66)
    EXPECT_FALSE(acceptable(-1, 1, 0));
    EXPECT_FALSE(acceptable(1, 1, 0));
    CoreWorld w;
    w.open();
    w.send(100);
    w.sent.clear();
    w.tcb.rcv.wnd = 0;
    w.room = 0;
    w.in({.ack = 101, .len = 10});
    EXPECT_EQ(w.una(), 101u);
    EXPECT_EQ(w.fx.deliver_len, 0u);
    EXPECT_EQ(w.fx.drop, DropReason::window_full);
    RECV(w, {.ack = 1, .wnd = 0});
    SILENT(w);
    w.in({.seq = 1, .flags = kRst});
    STATE(w, closed);
}

TEST(Acceptability, WhatIsOldIsCutOffTheFront) {
    CoreWorld w;
    w.open();
    w.in({.len = 100});
    w.in({.seq = 51, .len = 100});
    EXPECT_EQ(w.fx.deliver_offset, 50u);
    EXPECT_EQ(w.fx.deliver_len, 50u);
    EXPECT_EQ(w.rcv(), 151u);
}

TEST(Acceptability, WhatIsBeyondIsCutOffTheEnd) {
    CoreWorld w;
    w.open();
    w.tcb.rcv.wnd = 100;
    w.room = 0;
    w.in({.len = 150, .flags = kFin | kAck});
    EXPECT_EQ(w.fx.deliver_len, 100u);
    EXPECT_FALSE(w.fx.peer_fin) << "FIN lay beyond";
    EXPECT_EQ(w.rcv(), 101u);
    EXPECT_EQ(w.tcb.rcv.wnd, 0u);
}

TEST(Acceptability, FinJustBeyondTheWindowWaits) {
    for (const uint32_t wnd : {100u, 101u}) {
        CoreWorld w;
        w.open();
        w.tcb.rcv.wnd = wnd;
        w.room = 0;
        w.in({.len = 100, .flags = kFin | kAck});
        EXPECT_EQ(w.fx.peer_fin, wnd == 101);
    }
}

TEST(Paws, OlderTimestampsAreRefusedWithAnAck) {  // RFC 7323 5.3 R1
    CoreWorld w;
    w.open({.ts = 1000});
    w.in({.ts = 5000});
    w.in({.seq = 1, .len = 10, .ts = 4999});
    EXPECT_EQ(w.fx.drop, DropReason::paws);
    EXPECT_EQ(w.fx.reply, Reply::ack);
    w.in({.seq = 1, .len = 10, .ts = 5000});
    EXPECT_EQ(w.fx.deliver_len, 10u);
    w.in({.seq = 11, .flags = kRst, .ts = 1});  // RST exempt
    STATE(w, closed);
}

TEST(Paws, AMissingTimestampIsDropped) {  // RFC 7323 3.2
    CoreWorld w;
    w.open({.ts = 1000});
    w.sent.clear();
    w.in({.len = 10, .no_ts = true});
    EXPECT_EQ(w.fx.drop, DropReason::no_timestamp);
    SILENT(w);
    w.in({.seq = 1, .flags = kSyn, .no_ts = true});
    EXPECT_EQ(w.fx.reply, Reply::challenge_ack) << "a peer that restarted";
}

TEST(Paws, TsRecentComesFromSegmentsUpToTheLastAck) {  // RFC 7323 4.3
    CoreWorld w;
    w.open({.ts = 1000});
    w.in({.len = 10, .ts = 2000});
    EXPECT_EQ(w.tcb.ts_recent, 2000u);
    w.in({.seq = 21, .len = 10, .ts = 3000});  // beyond a hole
    EXPECT_EQ(w.tcb.ts_recent, 2000u);
    w.in({.seq = 11, .len = 10, .ts = 2500});
    EXPECT_EQ(w.tcb.ts_recent, 2500u);
}

TEST(Paws, TsRecentIsForgottenAfter24Days) {  // RFC 7323 5.5
    CoreWorld w;
    w.open({.ts = 1000});
    w.send(10);
    w.in({.ts = 5000});
    w.advance(24u * 24 * 3600 * 1000 - 1000);
    EXPECT_EQ(w.tcb.is_ts_stale, 0);
    w.advance(2000);
    EXPECT_EQ(w.tcb.is_ts_stale, 1);
    w.in({.len = 10, .ts = 4000});
    EXPECT_EQ(w.fx.deliver_len, 10u);
    EXPECT_EQ(w.tcb.ts_recent, 4000u);
    EXPECT_EQ(w.tcb.is_ts_stale, 0);
    w.advance(25u * 24 * 3600 * 1000);
    EXPECT_EQ(w.tcb.is_ts_stale, 1) << "and again, though nothing was sent meanwhile";
}

}  // namespace
}  // namespace synfin::tcp
