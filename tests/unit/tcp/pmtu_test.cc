/// @file
/// Path MTU: black holes (RFC 4821), and what a message means for a suspicion.

#include "tcp/pmtu.hh"

#include "loss_world.hh"

namespace synfin::tcp {
namespace {

constexpr uint16_t kPlateau = 1492;

/// Four segments are in flight, and the retransmission timer has expired n times.
void time_out(LossWorld& w, unsigned n) {
    w.establish(100);
    w.flight(4);
    while (w.flow.backoff < n) w.fire();
    w.sent.clear();
}

/// An engine has connections of both families: at a timeout Context::remote6 is that of an earlier segment.
TEST(BlackHole, TheFamilyIsThatOfTheConnection) {
    const Ipv6 other{};
    for (const bool is_v6 : {false, true}) {
        LossWorld w;
        time_out(w, 2);
        Context ctx = w.ctx();
        ctx.first_v6 = is_v6 ? 0 : UINT32_MAX;
        ctx.remote6 = is_v6 ? nullptr : &other;
        on_black_hole(w.conn(), ctx);
        EXPECT_EQ(w.tcb.mss, kPlateau - header_bytes(is_v6));
    }
}

/// An outage, and the new path is narrower: the next ACK must not bring the old MSS back.
TEST(BlackHole, AMessageEndsTheSuspicion) {
    LossWorld w;
    time_out(w, 3);
    ASSERT_EQ(w.tcb.mss, kPlateau - header_bytes(false));
    const TooBig message{.mtu = 1300, .quoted_length = kPlateau, .quoted_seq = w.tcb.snd.una};
    w.perform([&](Effects& fx) { EXPECT_EQ(on_too_big(w.conn(), message, w.ctx(), fx), 1300); });
    ASSERT_EQ(w.tcb.mss, 1260);
    w.in({.ack = 1 + 1260});
    EXPECT_EQ(w.tcb.mss, 1260);
}

/// The path is known to drop large segments: the MSS may be tried again later, as far as the message permits.
TEST(BlackHole, AMessageForgetsNoKnownBlackHole) {
    LossWorld w;
    time_out(w, 3);
    w.in({.ack = 1 + w.tcb.text_mss()});
    ASSERT_EQ(w.tcb.mss, kMss);
    while (w.tcb.is_black_hole == 0) w.fire();
    const TooBig message{.mtu = 1300, .quoted_length = kPlateau, .quoted_seq = w.tcb.snd.una};
    w.perform([&](Effects& fx) { EXPECT_EQ(on_too_big(w.conn(), message, w.ctx(), fx), 1300); });
    EXPECT_EQ(w.tcb.full_mss, kMss);
    EXPECT_EQ(w.tcb.is_black_hole, 1);
}

}  // namespace
}  // namespace synfin::tcp
