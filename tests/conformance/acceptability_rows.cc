/// Rows 5, 6, 31 and 68: acceptable segments, segments that a closed window accepts, and flags and headers
/// that no TCP sends.
#include "fakes/world.hh"

namespace synfin::fakes {
namespace {

constexpr uint32_t kBuffer = 8192;

void small_buffer(WorldConfig& c) {
    c.stack.tcp.receive_buffer_bytes = kBuffer;
}

/// Fills the receive buffer until the window is closed; the application reads nothing.
void shut_window(World& w) {
    for (int i = 0; i < 64 && w.info().rcv_wnd > 0; ++i) {
        w.in({.len = std::min<uint32_t>(w.info().rcv_wnd, 1000)});
        w.advance(100ms);
        w.discard();
    }
    REQUIRE(w.info().rcv_wnd == 0);
}

/// A segment that must be refused: one ACK, nothing delivered, counted.
void refused(World& w, const Seg& seg) {
    SCOPED_TRACE("seq " + std::to_string(*seg.seq) + " len " + std::to_string(seg.len.value_or(0)));
    const auto before = w.info();
    const uint64_t drops = w.all_drops();
    w.in(seg);
    RECV(w, {.seq = w.main().rel_nxt(), .ack = before.rcv_nxt - w.main().peer_isn, .flags = kAck, .len = 0});
    SILENT(w);
    EXPECT_EQ(w.info().rcv_nxt, before.rcv_nxt);
    EXPECT_EQ(w.info().unread_bytes, before.unread_bytes);
    EXPECT_EQ(w.all_drops(), drops + 1);
}

/// A pure ACK that must be accepted: no answer, not counted as dropped.
void taken(World& w, const Seg& seg) {
    SCOPED_TRACE("seq " + std::to_string(*seg.seq));
    const uint64_t drops = w.all_drops();
    w.in(seg);
    SILENT(w);
    EXPECT_EQ(w.all_drops(), drops);
}

TEST(Row5, NoDataOpenWindow) {
    ROW(5, "9293-3.10.7.4 first", "tcp::check_sequence");
    World w(small_buffer);
    w.open();
    const uint32_t nxt = w.main().rel_rcv(), wnd = w.info().rcv_wnd;
    ASSERT_EQ(wnd, kBuffer);
    refused(w, {.seq = nxt - 1, .ack = 1});
    taken(w, {.seq = nxt, .ack = 1});
    taken(w, {.seq = nxt + 1, .ack = 1});
    taken(w, {.seq = nxt + wnd - 1, .ack = 1});
    refused(w, {.seq = nxt + wnd, .ack = 1});
    refused(w, {.seq = nxt + wnd + 1, .ack = 1});
    refused(w, {.seq = nxt + 0x80000000u, .ack = 1});
}

TEST(Row5, NoDataShutWindow) {
    ROW(5, "9293-3.10.7.4 first", "tcp::check_sequence");
    World w(small_buffer);
    w.open();
    shut_window(w);
    const uint32_t nxt = w.main().rel_rcv();
    refused(w, {.seq = nxt - 1, .ack = 1});
    taken(w, {.seq = nxt, .ack = 1});
    refused(w, {.seq = nxt + 1, .ack = 1});
}

TEST(Row5, DataShutWindow) {
    ROW(5, "9293-3.10.7.4 first", "tcp::check_sequence");
    World w(small_buffer);
    w.open();
    shut_window(w);
    const uint32_t nxt = w.main().rel_rcv();
    refused(w, {.seq = nxt - 1, .ack = 1, .len = 1});
    refused(w, {.seq = nxt, .ack = 1, .len = 1});
    refused(w, {.seq = nxt + 1, .ack = 1, .len = 1});
    refused(w, {.seq = nxt, .ack = 1, .len = 1000});
    EXPECT_EQ(w.read_all(), kBuffer);
}

TEST(Row5, DataOpenWindowLeftEdge) {
    ROW(5, "9293-3.10.7.4 first", "tcp::check_sequence");
    World w(small_buffer);
    w.open();
    w.in({.len = 100});
    RECV_IN(w, 0ms, 500ms, {.ack = 101});
    EXPECT_EQ(w.read_all(), 100u);
    w.discard();
    refused(w, {.seq = 100, .ack = 1, .len = 1});
    refused(w, {.seq = 1, .ack = 1, .len = 100});
    // One byte old, one byte new: the new one is accepted.
    w.in({.seq = 100, .ack = 1, .len = 2});
    RECV_IN(w, 0ms, 500ms, {.ack = 102});
    EXPECT_EQ(w.read_all(), 1u);
    w.in({.seq = 102, .ack = 1, .len = 1});
    RECV_IN(w, 0ms, 500ms, {.ack = 103});
    EXPECT_EQ(w.read_all(), 1u);
}

TEST(Row5, DataOpenWindowRightEdge) {
    ROW(5, "9293-3.10.7.4 first", "tcp::check_sequence");
    World w(small_buffer);
    w.open();
    const uint32_t wnd = w.info().rcv_wnd;
    w.in({.seq = wnd, .ack = 1, .len = 1});  // the last byte that the window has room for
    RECV(w, {.ack = 1, .flags = kAck});
    SILENT(w);
    EXPECT_EQ(w[Counter::out_of_order], 1u) << "kept";
    refused(w, {.seq = 1 + wnd, .ack = 1, .len = 1});
    refused(w, {.seq = 2 + wnd, .ack = 1, .len = 1});
    // One byte inside the window, one beyond: the part inside is accepted.
    World v(small_buffer);
    v.open();
    for (uint32_t at = 0; at < wnd; at += 1024) v.in({.len = 1024 - (at + 1024 == wnd ? 1 : 0)});
    v.advance(100ms);
    v.discard();
    ASSERT_EQ(v.main().rel_rcv(), wnd);
    v.in({.seq = wnd, .ack = 1, .len = 2});
    v.advance(100ms);
    v.discard();
    EXPECT_EQ(v.main().rel_rcv(), wnd + 1);
    EXPECT_EQ(v.read_all(), wnd);
}

TEST(Row5, AnUnacceptableRstIsDroppedSilently) {
    ROW(5, "9293-3.10.7.4 first", "tcp::check_sequence");
    World w(small_buffer);
    w.open();
    const uint32_t nxt = w.main().rel_rcv(), wnd = w.info().rcv_wnd;
    for (const uint32_t seq : {nxt - 1, nxt + wnd, nxt + wnd + 1}) w.in({.seq = seq, .flags = kRst});
    SILENT(w);
    STATE(w, established);
}

TEST(Row5, EachSynchronizedStateAnswersOnce) {
    ROW(5, "9293-3.10.7.4 first", "tcp::check_sequence");
    for (const State state : {State::established, State::fin_wait_1, State::fin_wait_2, State::close_wait,
                              State::closing, State::last_ack, State::time_wait}) {
        SCOPED_TRACE(tcp::name(state));
        World w;
        w.bring(state);
        w.advance(1ms);
        const uint32_t nxt = w.main().rcv_nxt, peer = w.main().nxt;
        w.in({.seq = peer + 1'000'000, .ack = nxt});
        RECV(w, {.seq = nxt, .ack = peer, .flags = kAck, .len = 0});
        SILENT(w);
        EXPECT_EQ(tcp::name(w.state()), tcp::name(state));
    }
}

TEST(Row6, AShutWindowStillTakesAcks) {
    ROW(6, "9293-3.10.7.4 first, MUST-66", "tcp::check_sequence");
    World w(small_buffer);
    w.open();
    shut_window(w);
    w.send(100);
    RECV(w, {.seq = 1, .len = 100});
    w.in({.ack = 101, .wnd = 4000});
    EXPECT_EQ(w.main().rel_una(), 101u);
    EXPECT_EQ(w.info().snd_wnd, 4000u);
    SILENT(w);
}

TEST(Row6, AShutWindowStillTakesTheAckOfAProbe) {
    ROW(6, "9293-3.10.7.4 first", "tcp::check_sequence");
    World w(small_buffer);
    w.open();
    shut_window(w);
    w.send(100);
    RECV(w, {.seq = 1, .len = 100});
    // Data without room is refused, but its ACK is processed.
    w.in({.ack = 101, .len = 1});
    w.advance(100ms);
    EXPECT_EQ(w.main().rel_una(), 101u);
}

TEST(Row6, AShutWindowStillTakesRst) {
    ROW(6, "9293-3.10.7.4 first, MUST-66", "tcp::check_rst");
    World w(small_buffer);
    w.open();
    shut_window(w);
    w.in({.seq = w.main().rel_rcv() + 1, .flags = kRst});
    SILENT(w);
    STATE(w, established);
    w.in({.seq = w.main().rel_rcv(), .flags = kRst});
    SILENT(w);
    STATE(w, closed);
    CLOSED(w, reset_by_peer);
}

TEST(Row6, AShutWindowStillTakesUrg) {
    ROW(6, "9293-3.10.7.4 first, MUST-66", "tcp::accept_text");
    World w(small_buffer);
    w.open();
    shut_window(w);
    w.send(100);
    RECV(w, {.seq = 1, .len = 100});
    w.in({.ack = 101, .flags = kAck | kUrg, .urg = 1});
    SILENT(w);
    EXPECT_EQ(w.main().rel_una(), 101u);
    STATE(w, established);
}

TEST(Row6, AShutWindowOpensAgain) {
    ROW(6, "9293-3.8.6", "tcp::offer_window");
    World w(small_buffer);
    w.open();
    shut_window(w);
    EXPECT_EQ(w.read_all(), kBuffer);
    while (const auto update = w.out()) EXPECT_EQ(update->payload.size(), 0u);
    EXPECT_GE(w.info().rcv_wnd, kBuffer / 2);
    w.in({.len = 1000});
    RECV_IN(w, 0ms, 500ms, {.ack = 1001 + kBuffer});
    EXPECT_EQ(w.read_all(), 1000u);
}

/// Each state in which a connection can stay, with a sequence number that is acceptable in it.
constexpr State kHeld[] = {State::listen,     State::syn_sent,   State::syn_received, State::established,
                           State::fin_wait_1, State::fin_wait_2, State::close_wait,   State::closing,
                           State::last_ack,   State::time_wait};

constexpr State kSynchronised[] = {State::established, State::fin_wait_1, State::fin_wait_2,
                                   State::close_wait,  State::closing,    State::last_ack,
                                   State::time_wait};

/// Flags that no TCP sends go through the state machine like all others.
TEST(Row31, WithoutSynFinRstAndAckASegmentIsDropped) {
    ROW(31, "9293-3.10.7", "tcp::check_ack");
    for (const State state : kHeld)
        for (const int flags : {0, +kPsh, kPsh | kUrg}) {
            SCOPED_TRACE(std::string(tcp::name(state)) + flags_text(flags));
            World w;
            w.bring(state);
            const uint64_t drops = w.all_drops();
            w.in({.seq = w.main().nxt, .flags = flags});
            SILENT(w);
            EXPECT_EQ(w.all_drops(), drops + 1);
            EXPECT_TRUE(state == State::listen || w.state() == state) << tcp::name(w.state());
            if (state <= State::syn_sent) continue;
            w.in({.seq = w.main().nxt - 10, .flags = flags});  // the first step answers
            RECV(w, {.seq = w.main().rcv_nxt, .ack = w.main().nxt, .flags = kAck});
            SILENT(w);
        }
}

TEST(Row31, SynFinIsChallengedWhereSynIs) {
    ROW(31, "5961-4, 9293-3.10.7.4 fourth", "tcp::check_syn");
    for (const State state : kSynchronised)
        for (const int flags : {kSyn | kFin, kSyn | kFin | kAck, +kSyn, kSyn | kAck})
            for (const uint32_t ahead : {0u, 5u, 0x1000'0000u, uint32_t(-50)}) {
                if (flags == kSyn && state == State::time_wait) continue;  // row 14
                SCOPED_TRACE(std::string(tcp::name(state)) + flags_text(flags) + std::to_string(ahead));
                World w;
                w.bring(state);
                const uint32_t nxt = w.main().nxt, rcv = w.main().rcv_nxt;
                w.in({.seq = nxt + ahead, .ack = rcv, .flags = flags});
                RECV(w, {.seq = rcv, .ack = nxt, .flags = kAck, .len = 0});
                SILENT(w);
                EXPECT_EQ(tcp::name(w.state()), tcp::name(state));
                EXPECT_EQ(w[Counter::challenge_acks], 1u);
            }
}

TEST(Row31, SynWithRstIsAnRst) {
    ROW(31, "9293-3.10.7.4 second, 5961-3", "tcp::check_rst");
    for (const State state : kSynchronised) {
        SCOPED_TRACE(tcp::name(state));
        World w;
        w.bring(state);
        w.in({.seq = w.main().nxt, .flags = kSyn | kRst});
        SILENT(w);
        EXPECT_EQ(tcp::name(w.state()),
                  tcp::name(state == State::time_wait ? State::time_wait : State::closed));
    }
}

TEST(Row31, WhatNoTcpSendsInListen) {
    ROW(31, "9293-3.10.7.2, SYN|FIN as Linux", "tcp::on_listen");
    struct Try {
        int flags;
        bool reset;
    };
    for (const auto& [flags, reset] :
         {Try{0, false}, Try{kFin, false}, Try{kSyn | kFin, false}, Try{kSyn | kRst, false},
          Try{kSyn | kRst | kAck, false}, Try{kSyn | kFin | kAck, true},
          Try{kSyn | kFin | kPsh | kUrg, false}}) {
        SCOPED_TRACE(flags_text(flags));
        World w;
        w.listen();
        w.in({.seq = 100, .ack = 77, .flags = flags});
        if (reset) RECV(w, {.seq = 77, .flags = kRst});
        SILENT(w);
        EXPECT_EQ(w.all_drops(), 1u);
        EXPECT_EQ(w[DropReason::bad_tcp_flags], (flags & (kFin | kSyn | kAck)) == (kFin | kSyn) ? 1u : 0u);
        IDLE(w);
    }
}

TEST(Row31, WhatNoTcpSendsToAClosedPort) {
    ROW(31, "9293-3.10.7.1", "tcp::on_closed");
    World w;
    auto& flow = w.flow(41000, host(2), 81);
    for (const int flags : {0, +kFin, kSyn | kFin, kPsh | kUrg}) {
        SCOPED_TRACE(flags_text(flags));
        flow.in({.seq = 100, .flags = flags});
        RECV(flow, {.flags = kRst | kAck});
        EXPECT_EQ(flow.last().seq, 0u);
        EXPECT_EQ(flow.last_ack(), 100u + ((flags & kSyn) != 0) + ((flags & kFin) != 0));
    }
    flow.in({.seq = 100, .ack = 55, .flags = kSyn | kFin | kAck});
    RECV(flow, {.seq = 55, .flags = kRst});
    flow.in({.seq = 100, .ack = 55, .flags = kSyn | kRst | kAck});
    SILENT(w);
}

TEST(Row31, WhatNoTcpSendsInSynSent) {
    ROW(31, "9293-3.10.7.3", "tcp::on_syn_sent");
    World w;
    w.bring(State::syn_sent);
    w.in({.seq = 0, .flags = kSyn | kRst});
    SILENT(w);
    STATE(w, syn_sent);
    w.in({.seq = 0, .ack = 1, .flags = kSyn | kFin | kAck});  // the FIN is ignored: the peer sends it again
    RECV(w, {.seq = 1, .ack = 1, .flags = kAck});
    STATE(w, established);
    World other;
    other.bring(State::syn_sent);
    other.in({.seq = 0, .ack = 1, .flags = kSyn | kRst | kAck});
    SILENT(other);
    CLOSED(other, refused);
}

TEST(Row31, ABadDataOffsetChangesNothing) {
    ROW(31, "9293-3.1", "wire::parse_tcp");
    for (const State state : kHeld)
        for (const int offset : {0, 1, 4, 6, 15}) {  // a 20-byte segment: 6 and 15 point beyond it
            SCOPED_TRACE(std::string(tcp::name(state)) + " offset " + std::to_string(offset));
            World w([](WorldConfig& c) { c.timestamps = false; });
            w.bring(state);
            auto bytes = build(w.main().make({.seq = w.main().nxt, .ack = w.main().rcv_nxt, .flags = kAck}));
            ASSERT_EQ(bytes.size(), ip_header_bytes() + 20u);
            bytes[ip_header_bytes() + 12u] = static_cast<uint8_t>(offset << 4);
            fix_checksums(bytes);
            const uint64_t drops = w[DropReason::bad_tcp_header];
            w.raw(bytes);
            SILENT(w);
            EXPECT_EQ(w[DropReason::bad_tcp_header], drops + 1);
            EXPECT_TRUE(state == State::listen || w.state() == state) << tcp::name(w.state());
        }
}

TEST(Row31, TruncatedPacketsChangeNothing) {
    ROW(31, "9293-3.1, 791-3.1", "net::read_ip");
    World w;
    w.open();
    const auto whole = build(w.main().make({.seq = 1, .ack = 1, .flags = kAck | kPsh, .len = 8}));
    for (size_t keep = 0; keep < whole.size(); ++keep) {
        std::vector<uint8_t> bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(keep));
        w.stack().input(bytes);  // truncated by the link: the IP length exceeds the packet
        // And as a short datagram with correct IP and wrong TCP lengths.
        const size_t header = ip_header_bytes();
        if (keep >= header && keep < header + 20) {
            const size_t length_at = is_ipv6() ? 4 : 2;
            bytes[length_at] = 0;
            bytes[length_at + 1] = static_cast<uint8_t>(is_ipv6() ? keep - header : keep);
            if (!is_ipv6()) {
                bytes[10] = bytes[11] = 0;
                const uint32_t sum = ones_sum(Bytes(bytes).first(20));
                bytes[10] = static_cast<uint8_t>(~sum >> 8);
                bytes[11] = static_cast<uint8_t>(~sum);
            }
            w.stack().input(bytes);
        }
        SILENT(w);
    }
    EXPECT_EQ(w.read_all(), 0u);
    STATE(w, established);
    w.in({.seq = 1, .ack = 1, .len = 8});
    EXPECT_EQ(w.read_all(), 8u);
}

TEST(Row31, ReservedBitsAreIgnored) {
    ROW(31, "9293-3.1", "wire::parse_tcp");
    World w;
    w.open();
    w.in({.len = 10, .reserved = 15});
    RECV_IN(w, 0ms, 500ms, {.ack = 11});
    EXPECT_EQ(w.read_all(), 10u);
    w.in({.flags = kAck | kFin, .reserved = 7});
    RECV(w, {.ack = 12});
    STATE(w, close_wait);
}

TEST(Row31, ASynchronizedSegmentWithoutAckIsDropped) {
    ROW(31, "9293-3.10.7.4 fifth", "tcp::check_ack");
    for (const State state : {State::syn_received, State::established, State::fin_wait_1, State::fin_wait_2,
                              State::close_wait, State::closing, State::last_ack}) {
        SCOPED_TRACE(tcp::name(state));
        World w;
        w.bring(state);
        const uint64_t drops = w.all_drops();
        w.in({.flags = kFin});
        w.in({.flags = kPsh, .len = 10});
        SILENT(w);
        EXPECT_EQ(w.all_drops(), drops + 2);
        EXPECT_EQ(tcp::name(w.state()), tcp::name(state));
    }
}

}  // namespace
}  // namespace synfin::fakes
