/// Rows 65 to 69: delayed ACKs, the window and its probes, Nagle, PSH.
#include "fakes/world.hh"

namespace synfin::fakes {
namespace {

void plain(WorldConfig& c) {
    c.timestamps = false;
}

TEST(Row65, AnAckWaitsAtMostHalfASecond) {
    ROW(65, "9293-3.8.6.3 MUST-58/59", "tcp::accept_text");
    World w;
    w.open();
    w.main().end_quick_acks();
    w.advance(1s);
    const uint32_t nxt = w.main().nxt;
    w.in({.len = 100});
    SILENT(w);
    const auto delay = std::chrono::duration_cast<Duration>(w.stack().stack().config().tcp.delayed_ack);
    EXPECT_LE(delay, Duration(500ms));
    RECV_IN(w, delay - 2ms, delay + 5ms, {.ack = nxt + 100, .flags = kAck, .len = 0});
    EXPECT_GE(w[Counter::delayed_acks], 1u);
}

TEST(Row65, EachSecondFullSegmentIsAckedAtOnce) {
    ROW(65, "9293-3.8.6.3 MUST-59, 5681-4.2", "tcp::accept_text");
    World w;
    w.open();
    w.main().end_quick_acks();
    w.advance(1s);
    const uint32_t full = w.main().full();
    for (int i = 0; i < 5; ++i) {
        w.in({.len = full});
        SILENT(w);
        const uint32_t nxt = w.main().nxt;
        w.in({.len = full});
        RECV(w, {.ack = nxt + full, .len = 0});
        SILENT(w);
        w.read_all();
        w.discard();
    }
}

TEST(Row65, AtTheStartOfAConnectionEachSegmentIsAckedAtOnce) {
    ROW(65, "project choice: quick ACKs, as Linux", "tcp::accept_text");
    World w;
    w.open();
    w.in({.len = 100});
    RECV(w, {.ack = 101, .len = 0});
    SILENT(w);
}

TEST(Row65, ABulkTransferTakesOneAckForTwoSegments) {
    ROW(65, "5681-4.2, 9293 MUST-58/59", "tcp::owe_ack");
    World w([](WorldConfig& c) { c.wscale = 7; });
    w.open();
    const uint32_t full = w.main().full();
    constexpr uint32_t kSegments = 400, kQuick = 15;
    uint32_t acks = 0;
    for (uint32_t i = 0; i < kSegments; ++i) {
        w.in({.len = full});
        for (; w.out(); ++acks) {
        }
        w.read_all();
        w.advance(1ms);
    }
    EXPECT_EQ(acks, kQuick + (kSegments - kQuick) / 2);
    EXPECT_EQ(w[Counter::delayed_acks], 0u);
}

TEST(Row65, OutOfOrderDataIsAckedAtOnce) {
    ROW(65, "5681-4.2, 9293 SHLD-19", "tcp::accept_text");
    World w;
    w.open();
    w.main().end_quick_acks();
    w.advance(1s);
    const uint32_t nxt = w.main().nxt;
    w.in({.seq = nxt + 100, .len = 100});
    RECV(w, {.ack = nxt});
    w.in({.seq = nxt + 200, .len = 100});
    RECV(w, {.ack = nxt});
    w.in({.seq = nxt, .len = 50});  // fills a part of the hole
    RECV(w, {.ack = nxt + 50});
    w.in({.seq = nxt + 50, .len = 50});  // fills it
    RECV(w, {.ack = nxt + 300});
    SILENT(w);
    w.in({.seq = nxt, .len = 300});  // again
    RECV(w, {.ack = nxt + 300});
    SILENT(w);
}

TEST(Row65, AnAckRidesOnData) {
    ROW(65, "9293-3.8.6.3", "tcp::next_segment");
    World w;
    w.open();
    w.main().end_quick_acks();
    w.advance(1s);
    const uint32_t nxt = w.main().nxt;
    w.in({.len = 100});
    SILENT(w);
    w.send(10);
    RECV(w, {.seq = 1, .ack = nxt + 100, .len = 10});
    w.in({.ack = 11});
    w.advance(1s);
    SILENT(w);
}

/// The peer acknowledges everything up to `end`, within `limit`.
void drain(World& w, uint32_t end, Duration limit) {
    const Duration until = w.elapsed() + limit;
    while (w.main().rel_una() < end && w.advance_to_packet(until - w.elapsed())) {
        w.discard();
        w.in({});
    }
    EXPECT_EQ(w.main().rel_una(), end);
}

TEST(Row66, AZeroWindowIsProbed) {
    ROW(66, "9293-3.8.6.1 MUST-34..36, SHLD-29/30", "tcp::on_no_answer");
    World w(plain);
    w.main().wnd = 0;
    w.open();
    w.send(100);
    SILENT(w);
    const Duration rto = w.info().rto_ms * 1ms;
    Duration last = 0s, before = w.elapsed();
    for (int i = 0; i < 8; ++i) {
        REQUIRE(w.advance_to_packet(200s));
        const Duration gap = w.elapsed() - before;
        before = w.elapsed();
        EXPECT_TRUE(i > 0 || gap >= std::min<Duration>(rto, 200ms) - 5ms) << "not before one timeout";
        EXPECT_GE(gap + 5ms, last) << "the interval does not shrink";
        EXPECT_TRUE(i == 0 || gap >= 60s || gap >= last * 3 / 2) << "it grows exponentially";
        last = gap;
        RECV(w, {.has = kAck});
        EXPECT_LE(w.main().last().payload.size(), 1u);
        SILENT(w);
        w.in({.ack = 1, .wnd = 0});  // still closed
    }
    EXPECT_GE(w[Counter::zero_window_probes], 8u);
    // The peer has discarded the probe's octet; when the window reopens, everything is sent promptly.
    w.main().wnd = 60000;
    w.main().rcv_nxt = 1;
    w.in({.ack = 1});
    drain(w, 101, 2s);
}

TEST(Row66, AConnectionWhosePeerAcksProbesLives) {
    ROW(66, "9293-3.8.6.1 MUST-37", "tcp::on_no_answer");
    World w(plain);
    w.main().wnd = 0;
    w.open();
    w.send(100);
    const Duration end = w.elapsed() + 3h;
    while (w.elapsed() < end) {
        REQUIRE(w.advance_to_packet(300s));
        w.discard();
        w.in({.ack = 1, .wnd = 0});
    }
    STATE(w, established);
    EXPECT_TRUE(w.closes().empty());
    w.main().wnd = 60000;
    w.main().rcv_nxt = 1;
    w.in({.ack = 1});
    drain(w, 101, 2s);
}

TEST(Row66, AProbeThatThePeerTakesIsDataLikeAnyOther) {
    ROW(66, "9293-3.8.6.1", "tcp::on_no_answer");
    World w(plain);
    w.main().wnd = 0;
    w.open();
    w.send(100);
    REQUIRE(w.advance_to_packet(10s));
    w.discard();
    w.main().wnd = 60000;
    w.in({});
    drain(w, 101, 2s);
}

TEST(Row66, ALostWindowUpdateDoesNotDeadlock) {
    ROW(66, "9293-3.8.6.1", "tcp::on_no_answer");
    World w(plain);
    w.main().wnd = 2000;
    w.open();
    w.send(5000);
    w.discard();
    w.in({.wnd = 0});
    SILENT(w);
    // The peer's window update is lost; the answer to a probe reports the window.
    REQUIRE(w.advance_to_packet(10s));
    w.discard();
    w.main().wnd = 60000;
    w.in({});
    drain(w, 5001, 2s);
}

TEST(Row66, AShrunkWindowIsTolerated) {
    ROW(66, "9293-3.8.6 SHLD-14..18, MUST-34", "tcp::check_ack");
    World w(plain);
    w.main().wnd = 5000;
    w.open();
    w.send(10000);
    w.discard();
    ASSERT_EQ(w.main().rcv_nxt, 4381u);
    w.in({.ack = 1461, .wnd = 500});  // the right edge went from 5001 to 1961
    SILENT(w);
    // Retransmission continues up to SND.NXT; no new text is sent beyond the edge.
    REQUIRE(w.advance_to_packet(5s));
    while (const auto packet = w.out())
        EXPECT_LE(packet->seq - w.main().stack_isn + packet->payload.size(), 5001u);
    for (int i = 0; i < 200 && w.main().rel_una() < 10001; ++i) {
        w.in({.ack = w.main().rcv_nxt, .wnd = 3000});
        w.advance(50ms);
        w.discard();
    }
    EXPECT_EQ(w.main().rel_una(), 10001u);
}

TEST(Row67, TheReceiverDoesNotOfferSlivers) {
    ROW(67, "9293-3.8.6.2.2 MUST-39, 1122-4.2.3.3", "tcp::offer_window");
    World w([](WorldConfig& c) { c.stack.tcp.receive_buffer_bytes = 8192; });
    w.open();
    while (w.info().rcv_wnd > 0) {
        w.in({.len = std::min<uint32_t>(w.info().rcv_wnd, 1024)});
        w.advance(100ms);
        w.discard();
    }
    std::vector<uint8_t> few(100);
    uint32_t read = 0;
    const uint32_t threshold = std::min<uint32_t>(8192 / 2, 1460);
    while (read < 8192) {
        const auto got = w.stack().receive(w.main().c, few);
        REQUIRE(got);
        read += *got;
        if (const auto update = w.out()) {
            EXPECT_GE(read, threshold);
            EXPECT_GE(update->wnd, threshold);
            break;
        }
    }
    EXPECT_LT(read, threshold + 100) << "and it does open";
}

TEST(Row67, NagleHoldsSmallSegments) {
    ROW(67, "9293-3.7.4 MUST-17, 1122-4.2.3.4", "tcp::next_segment");
    World w;
    w.open();
    w.send(10);
    RECV(w, {.seq = 1, .len = 10, .psh = true});
    for (int i = 0; i < 5; ++i) w.send(10);
    SILENT(w);
    w.in({.ack = 11});
    RECV(w, {.seq = 11, .len = 50, .psh = true});
    SILENT(w);
    // A full segment does not wait.
    w.send(w.main().full() + 10);
    RECV(w, {.seq = 61, .len = w.main().full()});
    SILENT(w);
    w.in({.ack = w.main().rcv_nxt});
    RECV(w, {.len = 10});
}

TEST(Row67, NagleCanBeSwitchedOff) {
    ROW(67, "9293-3.7.4 MUST-17", "stack::set_no_delay");
    World w;
    w.open();
    REQUIRE(w.main().c.set_no_delay(true));
    for (uint32_t i = 0; i < 5; ++i) {
        w.send(10);
        RECV(w, {.seq = 1 + 10 * i, .len = 10});
    }
    World off([](WorldConfig& c) { c.stack.tcp.nagle = false; });
    off.open();
    off.send(10);
    off.send(10);
    RECV(off, {.seq = 1, .len = 10});
    RECV(off, {.seq = 11, .len = 10});
}

TEST(Row67, SwitchingNagleOffSendsWhatIsHeld) {
    ROW(67, "9293-3.7.4 MUST-17", "stack::set_no_delay");
    World w;
    w.open();
    w.send(10);
    RECV(w, {.seq = 1, .len = 10});
    w.send(10);
    SILENT(w);
    REQUIRE(w.main().c.set_no_delay(true));
    w.send(10);
    RECV(w, {.seq = 11, .len = 20});
}

TEST(Row67, AFinDoesNotWaitForNagle) {
    ROW(67, "9293-3.7.4", "tcp::next_segment");
    World w;
    w.open();
    w.send(10);
    RECV(w, {.seq = 1, .len = 10});
    w.send(10);
    SILENT(w);
    w.close();
    RECV(w, {.seq = 11, .len = 10, .has = kFin});
}

TEST(Row67, TheSenderDoesNotFillSlivers) {
    ROW(67, "9293-3.8.6.2.1 MUST-38", "tcp::next_segment");
    World w(plain);
    w.main().wnd = 20000;
    w.open();
    w.send(20000);
    w.discard();
    w.in({.ack = w.main().rcv_nxt, .wnd = 0});
    w.discard();
    const uint32_t una = w.main().rel_una();
    w.send(5000);
    w.in({.ack = una, .wnd = 50});  // far less than a segment, and than half of the largest window
    SILENT(w);
    REQUIRE(w.advance_to_packet(2s));  // the override timeout: RFC 1122's 0.1 to 1 s
    RECV(w, {.seq = una, .len = 50});
}

TEST(Row68, AnOldSegmentDoesNotUpdateTheWindow) {
    ROW(68, "9293-3.10.7.4 fifth (SND.WL1, SND.WL2)", "tcp::check_ack");
    World w;
    w.open();
    w.send(100);
    w.discard();
    w.in({.seq = 1, .ack = 101, .wnd = 5000});
    EXPECT_EQ(w.info().snd_wnd, 5000u);
    w.in({.seq = 1, .ack = 51, .wnd = 100});  // SEG.ACK < SND.UNA
    EXPECT_EQ(w.info().snd_wnd, 5000u);
    // Newer by its sequence number, though beyond a hole; then the older one that fills the hole.
    w.in({.seq = 11, .ack = 101, .wnd = 7000, .len = 10});
    const uint32_t after_newer = w.info().snd_wnd;
    w.in({.seq = 1, .ack = 101, .wnd = 100, .len = 10});
    w.advance(500ms);
    w.discard();
    EXPECT_TRUE(after_newer != 7000u || w.info().snd_wnd == 7000u) << "SEG.SEQ < SND.WL1";
    w.in({.seq = 21, .ack = 101, .wnd = 9000});
    EXPECT_EQ(w.info().snd_wnd, 9000u);
    w.in({.seq = 21, .ack = 101, .wnd = 300});  // equal numbers: the latest wins
    EXPECT_EQ(w.info().snd_wnd, 300u);
}

TEST(Row68, OurRightEdgeNeverMovesLeft) {
    ROW(68, "9293-3.8.6 SHLD-14", "tcp::offer_window");
    // The harness checks each window that the stack offers; here with windows that are hard to round.
    for (const uint32_t buffer : {4096u, 65535u, 65536u, 100'001u, 1'000'003u}) {
        World w([&](WorldConfig& c) { c.wscale = 7, c.stack.tcp.receive_buffer_bytes = buffer; });
        w.open();
        std::vector<uint8_t> some(777);
        for (int i = 0; i < 400; ++i) {
            const uint32_t wnd = w.info().rcv_wnd;
            if (wnd > 0) w.in({.len = std::min<uint32_t>(wnd, static_cast<uint32_t>(1 + i * 37 % 1400))});
            if (i % 3 == 0) (void)w.stack().receive(w.main().c, some);
            w.advance(i % 5 * 10ms);
            w.discard();
        }
        STATE(w, established);
    }
}

TEST(Row68, AWindowThatGrowsIsNeverTakenBack) {
    ROW(68, "9293-3.8.6 SHLD-14", "tcp::on_text_received");
    // The application reads everything at first, and the window grows; then it reads nothing. The harness
    // checks each window that the stack offers.
    World w([](WorldConfig& c) { c.wscale = 7; });
    w.main().check_payload = false;
    w.open();
    const uint32_t full = w.main().full();
    const uint32_t start = w.info().rcv_limit_bytes;
    uint32_t burst = 40'000;
    for (int round = 0; round < 30; ++round) {
        for (uint32_t sent = 0; sent < burst && sent < w.info().rcv_wnd; sent += full) w.in({.len = full});
        if (round < 20) w.read_all();
        w.advance(5ms);
        w.discard();
        burst = std::min<uint32_t>(burst + burst / 4, 3'000'000);
    }
    EXPECT_GT(w.info().rcv_limit_bytes, 2 * start);
    EXPECT_LE(w.info().rcv_limit_bytes, w.stack().stack().config().tcp.receive_buffer_bytes);
    STATE(w, established);
}

TEST(Row78, TheTailOfAResponseDoesNotWaitForFullSegments) {
    ROW(78, "9293-A.3", "tcp::next_segment");
    World w;
    w.open();
    const uint32_t full = w.main().full();
    w.main().end_quick_acks();
    const uint32_t first = w.main().rcv_nxt;
    for (uint32_t i = 0; i < 40; ++i) {  // 40 responses on a kept connection, whose peer delays its ACKs
        w.in({.len = 100});
        EXPECT_EQ(w.read_all(), 100u);
        w.send(2000);
        RECV(w, {.seq = first + 2000 * i, .len = full});
        RECV(w, {.seq = first + 2000 * i + full, .len = 2000 - full, .psh = true});
        SILENT(w);
    }
}

TEST(Row78, ASmallSegmentWaitsForASmallOne) {
    ROW(78, "9293-A.3", "tcp::next_segment");
    World w;
    w.open();
    const uint32_t full = w.main().full();
    w.send(full + 10);
    RECV(w, {.seq = 1, .len = full});
    RECV(w, {.seq = 1 + full, .len = 10});
    w.send(10);
    SILENT(w);
    w.in({.ack = 1 + full});
    SILENT(w);
    w.send(full);  // the ten and most of these fill a segment, which does not wait; the rest waits
    RECV(w, {.seq = 11 + full, .len = full});
    SILENT(w);
    w.in({.ack = 11 + full});
    RECV(w, {.seq = 11 + 2 * full, .len = 10});
}

TEST(Row69, PshMarksTheLastBufferedSegment) {
    ROW(69, "9293-3.9.1 MUST-60/61", "tcp::next_segment");
    World w;
    w.open();
    w.send(2 * w.main().full() + 100);
    const uint32_t full = w.main().full();
    RECV(w, {.seq = 1, .flags = kAck, .len = full});
    EXPECT_FALSE(w.main().last().has(kPsh));
    RECV(w, {.seq = 1 + full, .len = full});
    RECV(w, {.seq = 1 + 2 * full, .len = 100, .psh = true});
}

TEST(Row69, PshIsNotRequiredFromThePeer) {
    ROW(69, "9293-3.9.1", "tcp::accept_text");
    World w;
    w.open();
    w.in({.flags = kAck, .len = 100});
    EXPECT_EQ(w.read_all(), 100u);
}

}  // namespace
}  // namespace synfin::fakes
