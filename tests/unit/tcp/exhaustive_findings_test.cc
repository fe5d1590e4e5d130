/// @file
/// Errors that tests/exhaustive found, each reduced to a few segments.

#include "core_world.hh"

namespace synfin::tcp {
namespace {

/// SYN-RECEIVED by simultaneous open.
CoreWorld crossed() {
    CoreWorld w;
    w.connect();
    w.in({.seq = 0, .flags = kSyn});
    EXPECT_EQ(w.tcb.state(), State::syn_received);
    w.sent.clear();
    return w;
}

/// CLOSE in SYN-RECEIVED leads to FIN-WAIT-1 (RFC 9293 3.10.4) past ESTABLISHED. An application that only
/// closed its sending side still gets on_open when the SYN is acknowledged.
TEST(ExhaustiveFindings, ShutdownInSynReceivedStillOpens) {
    CoreWorld w = crossed();
    w.shutdown();
    RECV(w, {.seq = 1, .ack = 1, .flags = kFin | kAck});
    EXPECT_EQ(w.tcb.state(), State::fin_wait_1);
    w.in({.seq = 1, .ack = 1});
    EXPECT_TRUE(w.fx.opened);
    w.in({.seq = 1, .ack = 2});
    EXPECT_EQ(w.tcb.state(), State::fin_wait_2);
    EXPECT_FALSE(w.fx.opened);
}

/// An old SYN reaches a listener. The peer is in TIME-WAIT or in another connection of the tuple, and answers
/// the SYN-ACK with an ACK of that connection. An ACK in return would start an endless exchange, so the
/// answer is RST, although the sequence number is outside the window (RFC 9293 3.5.2 group 2).
TEST(ExhaustiveFindings, SynReceivedAnswersAckOfAnotherConnectionByRst) {
    CoreWorld w;
    w.bring(State::syn_received);
    w.in({.seq = 1'000'000, .ack = 5'000'000});
    RECV(w, {.seq = 5'000'000, .flags = kRst});
    SILENT(w);
    EXPECT_EQ(w.tcb.state(), State::syn_received);
    EXPECT_EQ(w.fx.drop, DropReason::unacceptable_seq);
    w.in({.seq = 1'000'000, .ack = 5'000'000, .flags = kRst | kAck});  // but never RST
    SILENT(w);
    w.in({.seq = 1'000'000, .ack = 1});  // the handshake's number: 3.10.7.4 first
    RECV(w, {.seq = 1, .ack = 1});
}

/// The same after the application has closed: FIN-WAIT-1 with an unacknowledged SYN.
TEST(ExhaustiveFindings, FinWait1BeforeTheHandshakeAnswersAckOfAnotherConnectionByRst) {
    for (const uint32_t seq : {1u, 1'000'000u}) {
        CoreWorld w = crossed();
        w.shutdown();
        RECV(w, {.flags = kFin | kAck});
        w.in({.seq = seq, .ack = 5'000'000});
        RECV(w, {.seq = 5'000'000, .flags = kRst});
        SILENT(w);
        EXPECT_EQ(w.tcb.state(), State::fin_wait_1);
    }
    CoreWorld w;  // with the SYN acknowledged it is a challenge ACK
    w.bring(State::fin_wait_1);
    w.in({.seq = 1, .ack = 5'000'000});
    RECV(w, {.seq = 2, .ack = 1});
}

}  // namespace
}  // namespace synfin::tcp
