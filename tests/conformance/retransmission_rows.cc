/// Rows 50 to 53: the retransmission timer (RFC 6298), and giving up.
#include "loss_setup.hh"

namespace synfin::fakes {
namespace {

void without_timestamps(WorldConfig& c) {
    c.timestamps = false;
}

/// Sends one byte and has it acknowledged after `rtt`.
void sample(World& w, Duration rtt) {
    w.send(1);
    w.discard();
    w.advance(rtt);
    w.in({.ack = w.main().rcv_nxt});
}

TEST(Row50, TheFirstSampleSetsSrttAndRttvar) {
    ROW(50, "6298-2.2", "tcp::take_rtt_sample");
    World w(without_timestamps);
    open_after(w, 100ms);
    EXPECT_NEAR(w.info().srtt_us, 100'000, 1000);
    EXPECT_NEAR(w.info().rttvar_us, 50'000, 1000);
    EXPECT_NEAR(w.info().rto_ms, 300, 3);
}

TEST(Row50, LaterSamplesAreSmoothed) {
    ROW(50, "6298-2.3", "tcp::take_rtt_sample");
    World w(without_timestamps);
    open_after(w, 100ms);
    double srtt = 100, rttvar = 50;
    for (const int rtt : {200, 200, 50, 300, 100}) {
        sample(w, rtt * 1ms);
        rttvar = 0.75 * rttvar + 0.25 * std::abs(srtt - rtt);
        srtt = 0.875 * srtt + 0.125 * rtt;
        EXPECT_NEAR(w.info().srtt_us, srtt * 1000, 1500) << rtt;
        EXPECT_NEAR(w.info().rttvar_us, rttvar * 1000, 1500) << rtt;
        EXPECT_NEAR(w.info().rto_ms, srtt + 4 * rttvar, 5) << rtt;
    }
}

TEST(Row50, TheTimeoutHasItsStatedBounds) {
    ROW(50, "6298-2.4/2.5 (DEVIATION: 200 ms, as Linux)", "tcp::take_rtt_sample");
    World w(without_timestamps);
    open_after(w, 1ms);
    for (int i = 0; i < 20; ++i) sample(w, 1ms);
    EXPECT_GE(w.info().rto_ms, 200u);
    EXPECT_LE(w.info().rto_ms, 210u);
    World v(without_timestamps);
    v.open(Side::active);
    v.send(10);
    v.discard();
    Duration last = 0s, before = v.elapsed();
    REQUIRE(v.stack().stack().config().tcp.rto_max == Duration(120s));
    for (int i = 0; i < 10 && v.advance_to_packet(200s); ++i) {
        v.discard();
        last = v.elapsed() - before;
        before = v.elapsed();
        EXPECT_LE(last, 120s + 10ms);
    }
    EXPECT_GE(last, 60s) << "RFC 6298 2.5: a maximum of at least 60 s";
}

TEST(Row50, TheBoundsCanBeSet) {
    ROW(50, "6298-2.4", "tcp::Params");
    World w([](WorldConfig& c) { c.timestamps = false, c.stack.tcp.rto_min = 1s; });
    open_after(w, 1ms);
    EXPECT_EQ(w.info().rto_ms, 1000u);
}

TEST(Row51, NoSampleFromARetransmittedSegment) {
    ROW(51, "6298-3 (Karn), 9293 MUST-18", "tcp::sample_rtt");
    World w(without_timestamps);
    open_after(w, 100ms);
    const auto before = w.info();
    w.send(10);
    RECV(w, {.seq = 1, .len = 10});
    RECV_IN(w, 290ms, 310ms, {.seq = 1, .len = 10});
    w.advance(5ms);
    w.in({.ack = 11});  // ambiguous: either transmission
    EXPECT_EQ(w.info().srtt_us, before.srtt_us);
    EXPECT_EQ(w.info().rttvar_us, before.rttvar_us);
}

TEST(Row51, TheBackedOffTimeoutStaysUntilASampleComes) {
    ROW(51, "6298-5.5, Karn part 2", "tcp::on_no_answer");
    World w(without_timestamps);
    open_after(w, 100ms);
    w.send(10);
    RECV(w, {.seq = 1, .len = 10});
    RECV_IN(w, 290ms, 310ms, {.seq = 1, .len = 10});
    RECV_IN(w, 590ms, 620ms, {.seq = 1, .len = 10});
    w.in({.ack = 11});
    w.send(10);
    RECV(w, {.seq = 11, .len = 10});
    w.advance(100ms);
    w.in({.ack = 21});
    EXPECT_LE(w.info().rto_ms, 310u) << "a new sample ends the backing off";
}

TEST(Row52, TheTimerStartsWithTheFirstSegmentOnly) {
    ROW(52, "6298-5.1", "tcp::next_segment");
    World w(without_timestamps);
    open_after(w, 100ms);
    REQUIRE(w.stack().stack().config().tcp.nagle);
    REQUIRE(w.main().c.set_no_delay(true));
    w.send(10);
    RECV(w, {.seq = 1, .len = 10});
    w.advance(200ms);
    w.send(10);
    RECV(w, {.seq = 11, .len = 10});
    // 300 ms after the first, not after the second.
    RECV_IN(w, 95ms, 110ms, {.seq = 1});
}

TEST(Row52, ANewAckRestartsTheTimer) {
    ROW(52, "6298-5.3", "tcp::check_ack");
    World w(without_timestamps);
    open_after(w, 100ms);
    w.send(3000);
    w.discard();
    w.advance(100ms);
    w.in({.ack = 1461});
    const uint32_t rto = w.info().rto_ms;
    RECV_IN(w, rto * 1ms - 2ms, rto * 1ms + 10ms, {.seq = 1461, .len = 1460});
}

TEST(Row52, TheTimerStopsWhenAllIsAcknowledged) {
    ROW(52, "6298-5.2", "tcp::check_ack");
    World w(without_timestamps);
    open_after(w, 100ms);
    w.send(10);
    RECV(w, {.seq = 1, .len = 10});
    w.in({.ack = 11});
    w.advance(1000s);
    SILENT(w);
    EXPECT_EQ(w[Counter::rto_expirations], 0u);
    EXPECT_EQ(w.occupancy().send_blocks, 0u);
}

TEST(Row52, EachExpiryDoublesTheTimeoutAndSendsTheOldest) {
    ROW(52, "6298-5.4..5.6", "tcp::on_no_answer");
    // Segments too small for the suspicion of a black hole (row 49).
    World w([](WorldConfig& c) { c.timestamps = false, c.mss = 500; });
    open_after(w, 100ms);
    w.send(1000);
    w.discard();
    Duration wait = 300ms;
    for (int i = 0; i < 6; ++i) {
        RECV_IN(w, wait - 5ms, wait + 10ms, {.seq = 1, .len = 500});
        SILENT(w);
        wait *= 2;
    }
    EXPECT_EQ(w[Counter::rto_expirations], 6u);
    EXPECT_EQ(w[Counter::retransmitted], 6u);
}

TEST(Row52, ADuplicateAckDoesNotRestartTheTimer) {
    ROW(52, "6298-5.3", "tcp::check_ack");
    World w(without_timestamps);
    open_after(w, 100ms);
    w.send(10);
    RECV(w, {.seq = 1, .len = 10});
    w.advance(200ms);
    w.in({.ack = 1});
    RECV_IN(w, 90ms, 110ms, {.seq = 1, .len = 10});
}

TEST(Row50, AnUnchangingRoundTripKeepsAGranuleOfPatience) {
    ROW(50, "6298-2.3 (G)", "tcp::rto_ticks");
    World w([](WorldConfig& c) { c.timestamps = false, c.stack.tcp.rto_min = 1ms; });
    open_after(w, 50ms);
    for (int i = 0; i < 100; ++i) sample(w, 50ms);
    EXPECT_LT(w.info().rttvar_us, 250u) << "it has all but vanished";
    EXPECT_GE(w.info().rto_ms, 51u) << "SRTT and the clock's granularity of 1 ms";
    EXPECT_LE(w.info().rto_ms, 52u);
}

TEST(Row53, R1IsReported) {
    ROW(53, "9293-3.8.3 MUST-20, SHLD-9/10", "tcp::on_no_answer");
    World w(without_timestamps);
    open_after(w, 100ms);
    w.send(10);
    RECV(w, {.seq = 1, .len = 10});
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(w[Counter::r1_exceeded], 0u) << "after " << i << " retransmissions";
        REQUIRE(w.advance_to_packet(10s));
        RECV(w, {.seq = 1, .len = 10});
    }
    EXPECT_EQ(w[Counter::r1_exceeded], 1u) << "R1 is at least three retransmissions";
    EXPECT_EQ(w.info().backoff, 3u);
    w.advance(30s);
    w.discard();
    EXPECT_EQ(w[Counter::r1_exceeded], 1u) << "once for a segment";
}

TEST(Row53, R2EndsTheConnection) {
    ROW(53, "9293-3.8.3 MUST-20/21", "tcp::on_no_answer");
    World w(without_timestamps);
    open_after(w, 100ms);
    w.send(10);
    w.discard();
    w.advance(100s);
    w.discard();
    STATE(w, established);
    EXPECT_TRUE(w.closes().empty()) << "at least 100 s";
    w.advance(400s);
    w.discard();
    STATE(w, closed);
    CLOSED(w, timed_out);
    IDLE(w);
}

TEST(Row53, TheUserTimeoutIsSettable) {
    ROW(53, "9293-3.9.1 MUST-21, 5482", "stack::set_user_timeout");
    for (const Duration timeout : {Duration(5s), Duration(1000s)}) {
        World w(without_timestamps);
        open_after(w, 100ms);
        REQUIRE(w.main().c.set_user_timeout(timeout));
        w.send(10);
        w.advance(timeout * 9 / 10);
        STATE(w, established);
        w.advance(timeout / 5 + 125s);
        STATE(w, closed);
        CLOSED(w, timed_out);
        w.discard();
        IDLE(w);
    }
}

TEST(Row53, AUserTimeoutIsOfOneConnectionAndCanBeTakenBack) {
    ROW(53, "9293-3.9.1 MUST-21, 5482-3", "stack::set_user_timeout");
    World w(without_timestamps);
    w.open();
    Flow& other = w.flow(41000);
    other.open(Side::passive);
    REQUIRE(w.main().c.set_user_timeout(5s));
    EXPECT_EQ(w.info().user_timeout_ms, 5'000u);
    EXPECT_EQ(other.info().user_timeout_ms, 300'000u) << "the configured one";
    EXPECT_EQ(w.main().c.set_user_timeout(-1s).error(), Error::invalid);
    w.send(10);
    other.send(10);
    w.advance(20s);
    w.discard();
    STATE(w, closed);
    EXPECT_EQ(other.state(), State::established);
    REQUIRE(other.c.set_user_timeout(1s));
    REQUIRE(other.c.set_user_timeout(0s));
    EXPECT_EQ(other.info().user_timeout_ms, 300'000u) << "0: the configured one again";
    w.advance(60s);
    EXPECT_EQ(other.state(), State::established);
}

TEST(Row53, ProgressHoldsTheUserTimeoutOff) {
    ROW(53, "9293-3.9.1", "tcp::on_no_answer");
    World w(without_timestamps);
    open_after(w, 100ms);
    for (int i = 0; i < 20; ++i) {
        w.send(10);
        w.advance(60s);  // the text is lost and sent again meanwhile
        w.discard();
        w.in({.ack = static_cast<uint32_t>(11 + 10 * i)});
        STATE(w, established);
    }
}

}  // namespace
}  // namespace synfin::fakes
