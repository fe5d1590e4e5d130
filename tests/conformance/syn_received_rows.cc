/// Rows 7, 19, 33, 40, 74, 75: SYN-RECEIVED, and everything that may complete or break a handshake.
#include "fakes/world.hh"

namespace synfin::fakes {
namespace {

TEST(Row7, AnAckOutsideIsAnsweredByRst) {
    ROW(7, "9293-3.10.7.4 fifth", "tcp::check_ack");
    World w;
    w.bring(State::syn_received);
    for (const uint32_t ack : {0u, 2u, uint32_t(-1), 70000u}) {
        w.in({.seq = 1, .ack = ack});
        RECV(w, {.seq = ack, .flags = kRst, .len = 0});
        SILENT(w);
        STATE(w, syn_received);
    }
    w.in({.seq = 1, .ack = 1});
    SILENT(w);
    STATE(w, established);
}

TEST(Row7, RstFromListenReturnsThereSilently) {
    ROW(7, "9293-3.10.7.4 second, MUST-11", "tcp::check_rst");
    World w;
    w.bring(State::syn_received);
    w.in({.seq = 1, .flags = kRst});
    SILENT(w);
    STATE(w, closed);
    EXPECT_EQ(w.occupancy().half_open, 0u);
    EXPECT_TRUE(w.events().empty()) << "the application never heard of it";
    w.in({.seq = 0, .flags = kSyn});
    RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
}

TEST(Row7, RstOutsideTheWindowOrNotExactDoesNotEndIt) {
    ROW(7, "9293-3.10.7.4 first and second, 5961-3", "tcp::check_rst");
    World w;
    w.bring(State::syn_received);
    w.in({.seq = 0, .flags = kRst});
    SILENT(w);
    w.in({.seq = 2, .flags = kRst});
    RECV(w, {.seq = 1, .ack = 1, .flags = kAck});
    SILENT(w);
    STATE(w, syn_received);
}

TEST(Row7, RstFromAnActiveOpenRefuses) {
    ROW(7, "9293-3.10.7.4 second", "tcp::check_rst");
    World w;
    w.bring(State::syn_received, Side::active);
    w.in({.seq = 1, .flags = kRst});
    SILENT(w);
    STATE(w, closed);
    CLOSED(w, refused);
    IDLE(w);
}

TEST(Row19, CloseInSynReceivedSendsFin) {
    ROW(19, "9293-3.10.4", "tcp::close");
    World w;
    w.bring(State::syn_received, Side::active);
    w.close();
    RECV(w, {.seq = 1, .ack = 1, .flags = kFin | kAck, .len = 0});
    SILENT(w);
    STATE(w, fin_wait_1);
    w.in({.seq = 1, .ack = 2});
    STATE(w, fin_wait_2);
    w.in({.seq = 1, .ack = 2, .flags = kFin | kAck});
    RECV(w, {.seq = 2, .ack = 2});
    STATE(w, time_wait);
}

TEST(Row19, CloseInSynReceivedQueuesTheFinBehindData) {
    ROW(19, "9293-3.10.4", "tcp::close");
    World w;
    w.bring(State::syn_received, Side::active);
    w.send(10);
    w.close();
    w.discard();
    w.in({.seq = 1, .ack = 1});
    const bool waited = w.main().rel_nxt() == 12;
    EXPECT_TRUE(waited) << "data and FIN are out after the ACK at the latest";
    w.discard();
    w.in({.seq = 1, .ack = 12});
    STATE(w, fin_wait_2);
}

TEST(Row33, SynAckIsSentAgainUnchanged) {
    ROW(33, "9293-3.8.1", "tcp::on_half_open_deadline");
    World w([](WorldConfig& c) { c.wscale = 7, c.sack = true; });
    w.bring(State::syn_received);
    const Packet first = w.main().last();
    Duration wait = 1s;
    for (int i = 0; i < 5; ++i) {
        RECV_IN(w, wait, wait + 200ms, {.seq = 0, .ack = 1, .flags = kSyn | kAck, .mss = 1460});
        EXPECT_EQ(w.main().last().seq, first.seq);
        EXPECT_EQ(w.main().last().wscale, first.wscale);
        EXPECT_EQ(w.main().last().sack_ok, first.sack_ok);
        EXPECT_EQ(w.main().last().wnd, first.wnd);
        wait *= 2;
    }
    EXPECT_EQ(w[Counter::syn_retransmitted], 5u);
    w.at(61s);
    STATE(w, syn_received);
    w.at(65s);
    SILENT(w);
    STATE(w, closed);
    EXPECT_EQ(w[Counter::half_open_expired], 1u);
    EXPECT_EQ(w.occupancy().half_open, 0u);
    EXPECT_TRUE(w.events().empty());
    w.advance(10s);
    IDLE(w);
}

TEST(Row33, ADuplicateSynElicitsTheSynAckAgain) {
    ROW(33, "9293-3.10.7.4 first", "tcp::check_sequence");
    World w;
    w.bring(State::syn_received);
    const uint32_t isn = w.main().last().seq;
    for (int i = 0; i < 3; ++i) {
        w.advance(100ms);
        w.in({.seq = 0, .flags = kSyn});
        RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
        EXPECT_EQ(w.main().last().seq, isn);
        SILENT(w);
    }
    EXPECT_EQ(w.occupancy().half_open, 1u);
    w.in({.seq = 1, .ack = 1});
    STATE(w, established);
}

TEST(Row33, AHalfOpenConnectionIsNotToldToTheApplication) {
    ROW(33, "9293-3.10.1", "stack::promote");
    World w;
    w.bring(State::syn_received);
    EXPECT_EQ(w.stack().accept().error(), Error::would_block);
    EXPECT_TRUE(w.events().empty());
}

TEST(Row40, DataOnASynIsSentAgainAndDeliveredOnce) {
    ROW(40, "9293-3.10.7.2, 3.5", "tcp::on_listen");
    World w;
    w.listen();
    w.in({.seq = 0, .flags = kSyn, .len = 10});
    RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
    w.in({.seq = 1, .ack = 1, .len = 10});
    RECV_IN(w, 0ms, 500ms, {.seq = 1, .ack = 11});
    w.main().accept();
    EXPECT_EQ(w.read_all(), 10u);
    SILENT(w);
}

TEST(Row40, DataOnASynAckIsSentAgainAndDeliveredOnce) {
    ROW(40, "9293-3.10.7.3 fourth", "tcp::on_syn_sent");
    World w;
    w.bring(State::syn_sent);
    w.in({.seq = 0, .ack = 1, .flags = kSyn | kAck, .len = 10});
    RECV(w, {.seq = 1, .ack = 1, .flags = kAck, .len = 0});
    STATE(w, established);
    EXPECT_EQ(w.read_all(), 0u);
    w.in({.seq = 1, .ack = 1, .len = 10});
    RECV_IN(w, 0ms, 500ms, {.ack = 11});
    EXPECT_EQ(w.read_all(), 10u);
    w.in({.seq = 1, .ack = 1, .len = 10});
    RECV(w, {.ack = 11});
    EXPECT_EQ(w.read_all(), 0u) << "doubled";
}

TEST(Row40, AFinOnASynAckIsNotLost) {
    ROW(40, "9293-3.10.7.3 fourth", "tcp::on_syn_sent");
    World w;
    w.bring(State::syn_sent);
    w.in({.seq = 0, .ack = 1, .flags = kSyn | kAck | kFin});
    w.discard();
    w.in({.seq = 1, .ack = 1, .flags = kFin | kAck});
    w.discard();
    EXPECT_NE(w.state(), State::closed);
    const bool defined = w.state() == State::close_wait || w.state() == State::syn_sent;
    EXPECT_TRUE(defined) << "SYN|FIN is dropped, or its FIN counts when it comes again: "
                         << tcp::name(w.state());
}

TEST(Row40, DataOnTheHandshakeAckIsDelivered) {
    ROW(40, "9293-3.10.7.4 seventh", "tcp::accept_text");
    World w;
    w.bring(State::syn_received);
    w.in({.seq = 1, .ack = 1, .len = 100});
    RECV_IN(w, 0ms, 500ms, {.seq = 1, .ack = 101});
    w.main().accept();
    EXPECT_EQ(w.read_all(), 100u);
}

TEST(Row74, DataCompletesTheHandshakeWhoseAckWasLost) {
    ROW(74, "9293-3.10.7.4 fifth", "tcp::check_ack");
    World w;
    w.bring(State::syn_received);
    w.in({.seq = 1, .ack = 1, .flags = kAck | kPsh, .len = 50});
    STATE(w, established);
    RECV_IN(w, 0ms, 500ms, {.ack = 51});
    w.main().accept();
    EXPECT_EQ(w.read_all(), 50u);
}

TEST(Row74, FinCompletesTheHandshakeWhoseAckWasLost) {
    ROW(74, "9293-3.10.7.4 fifth", "tcp::check_ack");
    for (const uint32_t len : {0u, 30u}) {
        World w;
        w.bring(State::syn_received);
        w.in({.seq = 1, .ack = 1, .flags = kAck | kFin, .len = len});
        RECV(w, {.seq = 1, .ack = 2 + len, .flags = kAck});
        STATE(w, close_wait);
        w.main().accept();
        EXPECT_EQ(w.main().count(Event::Kind::open), 1u);
        EXPECT_EQ(w.read_all(), len);
        EXPECT_EQ(w.main().count(Event::Kind::peer_fin), 1u);
        w.close();
        RECV(w, {.seq = 1, .ack = 2 + len, .flags = kFin | kAck});
        w.in({.seq = 2 + len, .ack = 2});
        CLOSED(w, fin);
    }
}

TEST(Row74, AWindowUpdateCompletesTheHandshakeWhoseAckWasLost) {
    ROW(74, "9293-3.10.7.4 fifth", "tcp::check_ack");
    World w;
    w.bring(State::syn_received);
    w.in({.seq = 1, .ack = 1, .wnd = 30000});
    SILENT(w);
    STATE(w, established);
    EXPECT_EQ(w.info().snd_wnd, 30000u);
}

TEST(Row74, UrgAndEcnBitsDoNotPreventIt) {
    ROW(74, "9293-3.10.7.4 fifth", "tcp::check_ack");
    for (const int flags : {kAck | kUrg, kAck | kEce, kAck | kCwr, kAck | kPsh | kUrg | kEce | kCwr}) {
        World w;
        w.bring(State::syn_received);
        w.in({.seq = 1, .ack = 1, .flags = flags});
        STATE(w, established);
    }
}

TEST(Row75, AnEcnSetupSynOpensANormalConnection) {
    ROW(75, "3168-6.1.1.1", "tcp::on_listen");
    World w;
    w.listen();
    w.in({.seq = 0, .flags = kSyn | kEce | kCwr});
    RECV(w, {.seq = 0, .ack = 1, .has = kSyn | kAck});
    EXPECT_FALSE(w.main().last().has(kCwr));
    w.in({.seq = 1, .ack = 1});
    w.main().accept();
    STATE(w, established);
}

TEST(Row75, ASynWithPayloadOpensANormalConnection) {
    ROW(75, "9293-3.10.7.2", "tcp::on_listen");
    for (const uint32_t len : {1u, 500u, 1400u}) {
        World w;
        w.listen();
        w.in({.seq = 0, .flags = kSyn, .len = len});
        RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
        w.in({.seq = 1, .ack = 1});
        w.main().accept();
        STATE(w, established);
    }
}

TEST(Row75, ASynWithFastOpenOrUnknownOptionsOpensANormalConnection) {
    ROW(75, "7413-4.1, 9293-3.1 MUST-6", "wire::parse_tcp_options");
    const std::vector<std::vector<uint8_t>> offers = {
        {2, 4, 5, 0xb4, 34, 2, 1, 1},                              // an empty Fast Open cookie request
        {2, 4, 5, 0xb4, 34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1},     // with a cookie
        {254, 4, 0xf9, 0x89, 2, 4, 5, 0xb4},                       // the experimental Fast Open
        {30, 12, 0, 0x81, 1, 2, 3, 4, 5, 6, 7, 8, 2, 4, 5, 0xb4},  // MPTCP
        {77, 2, 2, 4, 5, 0xb4, 200, 6, 1, 2, 3, 4},                // unassigned
        {28, 4, 0x80, 0x0a, 19, 18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 1, 1}};
    for (const auto& offer : offers) {
        World w;
        w.listen();
        w.in({.seq = 0, .flags = kSyn, .len = 5, .options = offer});
        RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
        EXPECT_FALSE(w.main().last().ts.has_value());
        w.main().ts_on = false;
        w.in({.seq = 1, .ack = 1});
        w.main().accept();
        STATE(w, established);
    }
}

}  // namespace
}  // namespace synfin::fakes
