#include "core_world.hh"

#include <sstream>

namespace synfin::tcp {

bool operator==(const Effects& a, const Effects& b) noexcept {
    return a.deliver_offset == b.deliver_offset && a.deliver_len == b.deliver_len &&
           a.keep_offset == b.keep_offset && a.keep_len == b.keep_len && a.keep_seq == b.keep_seq &&
           a.acked_bytes == b.acked_bytes && a.dup_left == b.dup_left && a.dup_right == b.dup_right &&
           a.rst_seq == b.rst_seq && a.rst_ack == b.rst_ack && a.reply == b.reply && a.drop == b.drop &&
           a.reason == b.reason && a.rst_has_ack == b.rst_has_ack && a.keep_fin == b.keep_fin &&
           a.opened == b.opened && a.peer_fin == b.peer_fin && a.ended == b.ended &&
           a.time_wait == b.time_wait && a.time_wait_restart == b.time_wait_restart && a.reopen == b.reopen &&
           a.to_listen == b.to_listen && a.delayed_ack == b.delayed_ack && a.timer == b.timer &&
           a.output == b.output && a.retransmit == b.retransmit && a.duplicate_ack == b.duplicate_ack &&
           a.release_flow == b.release_flow && a.trouble == b.trouble &&
           a.tail_loss_probe == b.tail_loss_probe && a.spurious_timeout == b.spurious_timeout &&
           a.spurious_loss == b.spurious_loss && a.reneged == b.reneged && a.black_hole == b.black_hole &&
           a.path_mtu == b.path_mtu && a.ce_received == b.ce_received && a.ece_received == b.ece_received;
}

void CoreWorld::need_flow() {
    if (tcb.flow != 0) return;
    tcb.flow = 1;
    start_flow(tcb, flow, params, now_);
}

void CoreWorld::need_recovery() {
    if (tcb.flow == 0 || flow.recovery != 0 || !has_recoveries) return;
    flow.recovery = 1;
    start_recovery(tcb, flow, rec, now_);
}

void CoreWorld::settle_recovery() {
    if (tcb.flow == 0 || flow.recovery == 0 || keeps_recovery(tcb, flow)) return;
    flow.recovery = 0;
}

void CoreWorld::settle() {
    const auto put = [&](Seq seq, Seq ack, int flags, uint16_t wnd) {
        sent.push_back({.seq = distance(kIss, seq),
                        .ack = (flags & kAck) != 0 ? std::optional(distance(kIrs, ack)) : std::nullopt,
                        .len = 0,
                        .flags = flags,
                        .wnd = wnd,
                        .psh = false,
                        .retransmission = false,
                        .probe = false});
    };
    switch (fx.reply) {
        case Reply::none: break;
        case Reply::ack:
        case Reply::challenge_ack:
        case Reply::seldom_ack: {
            Outgoing out;
            answer(tcb, room.value_or(params.rcv_start), out);
            put(out.seq, out.ack, kAck, out.wnd);
            break;
        }
        case Reply::rst:
            put(fx.rst_seq, fx.rst_ack, kRst | (fx.rst_has_ack ? kAck : 0), 0);
            if (fx.syn_again) put(tcb.snd.una, Seq(), kSyn, 65'535);
            break;
        case Reply::syn_ack: put(tcb.snd.una, tcb.rcv.nxt, kSyn | kAck, 0); break;
    }
    if (fx.release_flow) tcb.flow = 0;
    if (!hold) pump();
}

void CoreWorld::pump() {
    Outgoing out;
    const uint32_t limit =
        tcb.has(kWindowScale) ? params.rcv_start : std::min(params.rcv_start, uint32_t{65'535});
    for (int n = 0; next_segment(conn(), room.value_or(limit), ctx(), out, fx); ++n) {
        ASSERT_LT(n, 10'000) << "sends without end";
        const bool ack = (out.flags & kAck) != 0;
        sent.push_back({.seq = distance(kIss, out.seq),
                        .ack = ack ? std::optional(distance(kIrs, out.ack)) : std::nullopt,
                        .len = out.len,
                        .flags = out.flags & ~kPsh,
                        .wnd = out.wnd,
                        .psh = (out.flags & kPsh) != 0,
                        .retransmission = out.retransmission,
                        .probe = out.probe,
                        .segment = out.segment_bytes,
                        .ect = out.ect != 0});
        if (tcb.flow != 0 && wants_recovery_to_send(tcb, flow)) need_recovery();
        if (out.len != 0) {
            EXPECT_EQ(out.seq, tcb.snd.una + out.offset);
        }
    }
}

Segment CoreWorld::make(const In& s) const {
    Segment seg;
    seg.flags = static_cast<uint16_t>(s.flags.value_or(kAck));
    seg.seq = kIrs + s.seq.value_or(seg.has(kSyn) ? 0 : peer_nxt);
    if (seg.has(kAck)) seg.ack = s.ack ? kIss + *s.ack : tcb.snd.nxt;
    seg.len = s.len;
    seg.wnd = s.wnd.value_or(static_cast<uint16_t>(offer));
    seg.has_ts = !s.no_ts && (s.ts.has_value() || (tcb.has(kTimestamps) && !seg.has(kSyn)));
    if (seg.has_ts) {
        seg.ts_val = s.ts.value_or(tcb.ts_recent);
        seg.ts_ecr = s.ecr.value_or(now_.tick) + kTsOffsets.of(kTuple);
    }
    for (const auto& [left, right] : s.blocks)
        seg.sack[seg.sack_count++] = {(kIss + left).value(), (kIss + right).value()};
    if (seg.has(kSyn)) {
        seg.mss = s.mss;
        seg.has_wscale = s.wscale.has_value();
        seg.wscale = s.wscale.value_or(0);
        seg.sack_permitted = s.sack;
    }
    return seg;
}

void CoreWorld::in(const In& s) {
    const Segment seg = make(s);
    if (wants_recovery(tcb, tcb.flow != 0 ? &flow : nullptr, seg)) need_recovery();
    const Tcb before = tcb;
    const Flow flow_before = flow;
    const Recovery rec_before = rec;
    perform([&](Effects& e) {
        was_predicted = segment_arrives(conn(), seg, ctx(), e);
        if (was_predicted) {
            Tcb other = before;
            Flow other_flow = flow_before;
            Effects other_fx;
            Recovery other_rec = rec_before;
            const bool has_rec = other.flow != 0 && other_flow.recovery != 0;
            on_synchronized({other, other.flow != 0 ? &other_flow : nullptr, has_rec ? &other_rec : nullptr},
                            seg, ctx(), other_fx);
            if (has_rec) {
                EXPECT_EQ(std::memcmp(&other_rec, &rec, sizeof rec), 0);
            }
            EXPECT_EQ(std::memcmp(&other, &tcb, sizeof tcb), 0) << "predicted, but not what the steps do";
            EXPECT_EQ(std::memcmp(&other_flow, &flow, sizeof flow), 0);
            EXPECT_TRUE(other_fx == e);
        }
        settle_recovery();
    });
    const uint32_t end = distance(kIrs, seg.seq) + seg.span();
    if (!seg.has(kRst) && (s.seq == std::nullopt || static_cast<int32_t>(end - peer_nxt) > 0)) peer_nxt = end;
}

uint32_t CoreWorld::fire() {
    EXPECT_NE(tcb.deadline, kNoDeadline);
    const uint32_t ahead = tcb.deadline - now_.tick;
    EXPECT_GE(static_cast<int32_t>(ahead), 0);
    move_to(tcb.deadline);
    if (tcb.flow == 0 && needs_flow_at_timeout(tcb, params)) {
        need_flow();
        if (tcb.in_flight() == 0) flow.set(kKeepalive);
    }
    if (wants_recovery_at_timeout(tcb)) need_recovery();
    perform([&](Effects& e) {
        on_deadline(conn(), user_timeout, ctx(), e);
        settle_recovery();
    });
    return ahead;
}

void CoreWorld::advance(uint32_t ms) {
    const uint32_t end = now_.tick + ms;
    while (tcb.state() != State::closed && tcb.deadline != kNoDeadline &&
           static_cast<int32_t>(tcb.deadline - end) <= 0) {
        fire();
    }
    move_to(end);
}

void CoreWorld::send(uint32_t n) {
    need_flow();
    flow.snd_end += n;
    perform([](Effects&) {});
}

void CoreWorld::listen_syn(const In& syn) {
    In s = syn;
    s.flags = kSyn | syn.flags.value_or(0);
    const HalfOpen h = half_open(kTuple, make(s), kIss, 1, ctx());
    tcb = expand(h, std::min(params.rcv_start, 65'535u), params.rcv_shift);
    peer_nxt = 1;
}

void CoreWorld::connect() {
    perform([&](Effects& e) { open_active(tcb, kTuple, kIss, ctx(), e); });
}

void CoreWorld::open(const In& syn) {
    listen_syn(syn);
    in({});
    EXPECT_EQ(tcb.state(), State::established);
    EXPECT_TRUE(fx.opened);
    sent.clear();
}

void CoreWorld::bring(State state) {
    switch (state) {
        case State::closed:
        case State::listen: return;
        case State::syn_sent: connect(); break;
        case State::syn_received: listen_syn(); break;
        case State::established: open(); break;
        case State::fin_wait_1: open(), shutdown(); break;
        case State::fin_wait_2: bring(State::fin_wait_1), in({}); break;
        case State::close_wait: open(), in({.flags = kFin | kAck}); break;
        case State::closing: bring(State::fin_wait_1), in({.ack = 1, .flags = kFin | kAck}); break;
        case State::last_ack: bring(State::close_wait), shutdown(); break;
        case State::time_wait: bring(State::fin_wait_2), in({.flags = kFin | kAck}); break;
    }
    EXPECT_EQ(name(tcb.state()), name(state));
    sent.clear();
}

std::optional<Out> CoreWorld::next() {
    if (sent.empty()) return std::nullopt;
    const Out out = sent.front();
    sent.pop_front();
    return out;
}

std::string text(const Out& o) {
    std::ostringstream s;
    s << "flags 0x" << std::hex << o.flags << std::dec;
    if (o.seq) s << " seq " << *o.seq;
    if (o.ack) s << " ack " << *o.ack;
    if (o.len) s << " len " << *o.len;
    if (o.wnd) s << " wnd " << *o.wnd;
    if (o.psh.value_or(false)) s << " psh";
    if (o.retransmission.value_or(false)) s << " again";
    if (o.probe.value_or(false)) s << " probe";
    if (o.segment != 0) s << " by " << o.segment;
    if (o.ect.value_or(false)) s << " ECT";
    return s.str();
}

void recv(CoreWorld& w, const Out& want, const char* file, int line) {
    const std::optional<Out> got = w.next();
    if (!got) {
        ADD_FAILURE_AT(file, line) << "nothing was sent, expected " << text(want);
        return;
    }
    const auto same = [](const auto& expected, const auto& actual) {
        return !expected || expected == actual;
    };
    if (got->flags != want.flags || !same(want.seq, got->seq) || !same(want.ack, got->ack) ||
        !same(want.len, got->len) || !same(want.wnd, got->wnd) || !same(want.psh, got->psh) ||
        !same(want.ect, got->ect) || !same(want.retransmission, got->retransmission) ||
        !same(want.probe, got->probe) || want.segment != got->segment) {
        ADD_FAILURE_AT(file, line) << "sent     " << text(*got) << "\nexpected " << text(want);
    }
}

void silent(CoreWorld& w, const char* file, int line) {
    if (const auto got = w.next())
        ADD_FAILURE_AT(file, line) << "sent " << text(*got) << ", expected nothing";
}

}  // namespace synfin::tcp
