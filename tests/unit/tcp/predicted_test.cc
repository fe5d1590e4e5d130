/// @file
/// predicted() equals on_synchronized(), byte for byte, on random control blocks and nearly expected
/// segments; and each state's expected segment is predicted.

#include <array>

#include "base/random.hh"
#include "core_world.hh"

namespace synfin::tcp {
namespace {

struct Case {
    Tcb tcb;
    Flow flow{};
    Recovery rec{};  ///< with flow.recovery
    bool has_flow = false;
    Segment seg;
    Now now;
};

/// A record with some history: runs of any age and, in one case of four, with any fate.
void draw_recovery(Random& r, const Tcb& tcb, Flow& flow, const Now& now, Recovery& rec) {
    const auto one_in = [&](uint32_t n) { return r.below(n) == 0; };
    start_recovery(tcb, flow, rec, now);
    rec.has_trouble = one_in(4);
    rec.rto_at = tcb.deadline;
    rec.max_flight = one_in(2) ? flow.cwnd_bytes : r.below(5000);
    rec.undo.cause = static_cast<UndoState::Cause>(rec.has_trouble ? r.below(3) : 0);
    rec.tlp_pending = rec.has_trouble && one_in(2);
    rec.tlp_is_retrans = one_in(2);
    rec.tlp_end = tcb.snd.una + r.below(tcb.in_flight() + 1);
    rec.frto = static_cast<uint8_t>(rec.has_trouble ? r.below(3) : 0);
    rec.reorder_us = rec.has_trouble ? r.below(100'000) : 0;
    rec.reordering_seen = one_in(2);
    rec.reo_wnd_mult = static_cast<uint8_t>(1 + r.below(4));
    rec.in_dsack_round = one_in(4);
    rec.dsack_round = tcb.snd.una + r.below(tcb.in_flight() + 1);
    rec.flight_round = tcb.snd.una + r.below(tcb.in_flight() + 1);
    rec.is_app_limited = one_in(4);
    rec.cubic.w_max = r.below(100'000);
    rec.cubic.in_epoch = one_in(2);
    rec.cubic.epoch_start = now.tick - r.below(10'000);
    rec.cubic.w_est = r.below(100'000);
    rec.cubic.cwnd_prior = r.below(100'000);
    rec.hystart.in_css = one_in(4);
    rec.hystart.css_rounds = static_cast<uint8_t>(r.below(6));
    rec.hystart.started = one_in(2);
    rec.hystart.window_end = tcb.snd.una + r.below(tcb.in_flight() + 1);
    if (one_in(2)) rec.rack_rtt_us = 1 + r.below(100'000);
    if (one_in(2)) rec.min_rtt_us = rec.next_min_rtt_us = 1 + r.below(100'000);
    rec.min_rtt_since_s = static_cast<uint16_t>((now.tick >> 10) - r.below(300));
    rec.rack_sent_us = now.us - r.below(200'000);
    rec.rack_end = tcb.snd.una;
    rec.count = 0;
    Seq at = tcb.snd.una;
    while (before(at, tcb.snd.nxt)) {
        const uint32_t left = distance(at, tcb.snd.nxt);
        const uint32_t length = rec.count == 5 || one_in(3) ? left : 1 + r.below(left);
        at += length;
        SentRun& run = rec.runs[rec.count++];
        run = {.end = at, .sent_us = now.us - r.below(200'000), .is_inexact = one_in(4)};
        if (!rec.has_trouble) continue;
        constexpr uint8_t kFates[] = {0, kSacked, kLost, kResent, kLost | kResent};
        run.flags = kFates[r.below(5)];
        if ((run.flags & kSacked) != 0) rec.sacked += length;
        if ((run.flags & kLost) != 0) rec.lost += length;
    }
}

Case draw(Random& r) {
    const auto one_in = [&](uint32_t n) { return r.below(n) == 0; };
    const auto near = [&](Seq at, uint32_t spread) {
        return one_in(8) ? at + (r.below(2 * spread) - spread) : at;
    };
    Case c;
    Tcb& t = c.tcb;
    t.tuple = kTuple;
    const auto state = one_in(4) ? State::established : static_cast<State>(3 + r.below(kStates - 3));
    t.state_and_quick = static_cast<uint8_t>(static_cast<unsigned>(state) | r.below(3) << 4);
    t.snd.una = Seq(static_cast<uint32_t>(r.next()));
    const uint32_t in_flight = one_in(3) ? 0 : 1 + r.below(one_in(2) ? 3 : 5000);
    t.snd.nxt = t.snd.una + in_flight;
    t.shifts = static_cast<uint8_t>(r.below(2) * 7 | (r.below(2) * 3) << 4);
    t.snd.wnd = one_in(8) ? 0 : (1 + r.below(600)) << t.snd_shift();
    t.rcv.nxt = Seq(static_cast<uint32_t>(r.next()));
    t.rcv.wnd = one_in(8) ? r.below(4) : r.below(70'000);
    t.snd.wl1 = near(t.rcv.nxt, 10);
    t.last_ack_sent = t.rcv.nxt - r.below(one_in(2) ? 1 : 4000);
    t.ts_recent = static_cast<uint32_t>(r.next());
    t.deadline = static_cast<uint32_t>(r.next());
    constexpr DeadlineKind kKinds[] = {DeadlineKind::rto, DeadlineKind::tail_loss_probe,
                                       DeadlineKind::reorder, DeadlineKind::probe};
    if (in_flight != 0) t.deadline_kind = kKinds[r.below(4)];
    t.mss = static_cast<uint16_t>(one_in(4) ? 48 + r.below(100) : 1460);
    if (one_in(2)) t.srtt = CompactRtt::from_us(r.below(100'000));
    constexpr Flag kFlags[] = {kTimestamps, kAckNow,  kAckDelayed, kAppGone,  kEcn,
                               kPassive,    kNoDelay, kSack,       kSynResent};
    for (const Flag flag : kFlags)
        if (one_in(3)) t.set(flag);
    t.is_ts_stale = one_in(3);
    t.owes_ece = t.has(kEcn) && one_in(2);
    if (state == State::syn_received || one_in(20)) t.set(kSynUnacked);
    const bool closing_side = state == State::fin_wait_1 || state == State::fin_wait_2 ||
                              state == State::closing || state == State::last_ack;
    if (closing_side) t.set(kFinQueued);
    if (closing_side && !one_in(6)) t.set(kFinSent);
    if (state == State::fin_wait_2) t.snd.nxt = t.snd.una;
    c.now = Now(Instant::from_ns(static_cast<int64_t>(r.next() >> 20)));

    c.has_flow = one_in(2);
    if (c.has_flow) {
        Flow& f = c.flow;
        t.flow = 1;
        f.snd_end = t.snd.nxt + (one_in(2) ? r.below(5000) : 0);
        f.cold = one_in(8);
        f.cwnd_bytes = t.text_mss() * (1 + r.below(40));
        f.ssthresh_bytes = one_in(2) ? UINT32_MAX : t.text_mss() * (2 + r.below(40));
        f.mark = near(t.snd.una, 4000);
        f.srtt_us = one_in(2) ? 0 : 1 + r.below(100'000);
        f.rttvar_us = r.below(50'000);
        f.rtt_start_us = c.now.us - r.below(100'000);
        f.rtt_seq = t.snd.una + r.below(in_flight + 1);
        f.max_snd_wnd = static_cast<uint16_t>(r.below(600));
        f.unacked_since_s = static_cast<uint16_t>(r.next());
        f.backoff = static_cast<uint8_t>(one_in(4) ? r.below(6) : 0);
        f.flags = static_cast<uint16_t>(one_in(4) ? r.below(1 << 14) : r.below(8));
        f.control = one_in(2) ? CongestionControl::cubic : CongestionControl::newreno;
        if (f.has(kRecovery) || f.has(kRtoRecovery) || f.has(kEcnRecovery) || one_in(3)) {
            f.recovery = 1;
            draw_recovery(r, t, f, c.now, c.rec);
            c.rec.recover = near(t.snd.una, 4000);
            c.rec.ecn_end = near(t.snd.una, 4000);
            c.rec.dup_acks = static_cast<uint8_t>(one_in(2) ? 0 : r.below(5));
        }
    }

    Segment& s = c.seg;
    s.flags = kAck;
    if (one_in(3)) s.flags |= kPsh;
    if (one_in(3)) s.flags |= kFin;
    if (one_in(30)) s.flags = static_cast<uint16_t>(r.below(512));
    if (one_in(30)) s.flags |= wire::kEce;
    s.seq = near(t.rcv.nxt, 3);
    s.len = one_in(2) ? 0 : 1 + r.below(one_in(8) ? 70'000 : 2000);
    if (one_in(8)) s.len = std::min(t.rcv.wnd + 1 - r.below(3), 70'000u);
    switch (r.below(4)) {
        case 0: s.ack = t.snd.una; break;
        case 1: s.ack = t.snd.nxt; break;
        case 2: s.ack = t.snd.una + r.below(in_flight + 1); break;
        default: s.ack = near(t.snd.nxt, 3); break;
    }
    s.wnd = static_cast<uint16_t>(one_in(2) ? t.snd.wnd >> t.snd_shift() : r.below(600));
    s.has_ts = one_in(16) ? !t.has(kTimestamps) : t.has(kTimestamps);
    s.ts_val = t.ts_recent + r.below(1000) - (one_in(8) ? 100 : 0);
    s.ts_ecr = c.now.tick - r.below(500) + kTsOffsets.of(kTuple);
    return c;
}

Conn conn(const Case& c, Tcb& tcb, Flow& flow, Recovery& rec) {
    if (!c.has_flow) return {tcb};
    return {tcb, &flow, flow.recovery != 0 ? &rec : nullptr};
}

/// The expected segment of each state.
enum class Expected : unsigned {
    established_data,
    established_ack,
    established_fin,
    established_data_fin,
    fin_wait_1_ack,
    fin_wait_1_ack_of_fin,
    fin_wait_1_fin,
    fin_wait_1_fin_ack_of_fin,
    fin_wait_2_data,
    fin_wait_2_fin,
    fin_wait_2_fin_after_close,
    close_wait_ack,
    closing_ack_of_fin,
    last_ack_ack_of_fin,
    kCount
};

std::optional<Expected> expected(const Tcb& before, const Segment& seg) {
    using enum Expected;
    const bool text = seg.len != 0, fin = seg.has(kFin);
    const bool of_fin = before.has(kFinSent) && seg.ack == before.snd.nxt && seg.ack != before.snd.una;
    switch (before.state()) {
        case State::established:
            if (fin) return text ? established_data_fin : established_fin;
            return text ? established_data : established_ack;
        case State::fin_wait_1:
            if (fin && !text) return of_fin ? fin_wait_1_fin_ack_of_fin : fin_wait_1_fin;
            if (!text) return of_fin ? fin_wait_1_ack_of_fin : fin_wait_1_ack;
            return std::nullopt;
        case State::fin_wait_2:
            if (fin) return before.has(kAppGone) ? fin_wait_2_fin_after_close : fin_wait_2_fin;
            if (text) return fin_wait_2_data;
            return std::nullopt;
        case State::close_wait: return close_wait_ack;
        case State::closing: return of_fin ? std::optional(closing_ack_of_fin) : std::nullopt;
        case State::last_ack: return of_fin ? std::optional(last_ack_ack_of_fin) : std::nullopt;
        case State::closed:
        case State::listen:
        case State::syn_sent:
        case State::syn_received:
        case State::time_wait: return std::nullopt;
    }
    return std::nullopt;
}

#if defined(__SANITIZE_ADDRESS__) || defined(SYNFIN_DEBUG)
constexpr int kCases = 400'000;
#else
constexpr int kCases = 4'000'000;
#endif

TEST(Predicted, IsWhatTheEightStepsDo) {
    const Params params(TcpConfig{}, 1500);
    Random r(20'240'101);
    std::array<int, static_cast<size_t>(Expected::kCount)> seen{};
    std::array<int, kStates> taken{};
    int with_record = 0, with_probe_due = 0, in_trouble = 0;
    for (int i = 0; i < kCases; ++i) {
        const Case c = draw(r);
        const Context ctx{params, kTsOffsets, c.now};
        Tcb fast = c.tcb, slow = c.tcb;
        Flow fast_flow = c.flow, slow_flow = c.flow;
        Recovery fast_rec = c.rec, slow_rec = c.rec;
        Effects fast_fx, slow_fx;
        const bool yes = predicted(conn(c, fast, fast_flow, fast_rec), c.seg, ctx, fast_fx);
        if (!yes) {
            in_trouble += c.has_flow && c.flow.recovery != 0 && c.rec.has_trouble;
            ASSERT_EQ(std::memcmp(&fast, &c.tcb, sizeof fast), 0) << "refused, but changed: case " << i;
            ASSERT_EQ(std::memcmp(&fast_flow, &c.flow, sizeof fast_flow), 0) << "case " << i;
            ASSERT_EQ(std::memcmp(&fast_rec, &c.rec, sizeof fast_rec), 0) << "case " << i;
            continue;
        }
        on_synchronized(conn(c, slow, slow_flow, slow_rec), c.seg, ctx, slow_fx);
        const State state = c.tcb.state();
        ASSERT_EQ(std::memcmp(&fast, &slow, sizeof fast), 0) << "case " << i << " in " << name(state);
        ASSERT_EQ(std::memcmp(&fast_flow, &slow_flow, sizeof fast_flow), 0)
            << "case " << i << " " << name(state);
        ASSERT_EQ(std::memcmp(&fast_rec, &slow_rec, sizeof fast_rec), 0) << "case " << i;
        ASSERT_TRUE(fast_fx == slow_fx) << "case " << i << " in " << name(state);
        ++taken[static_cast<size_t>(state)];
        if (c.has_flow && c.flow.recovery != 0) {
            ASSERT_FALSE(c.rec.has_trouble) << "case " << i;
            ++with_record;
            with_probe_due += c.tcb.deadline_kind == DeadlineKind::tail_loss_probe;
        }
        if (const auto e = expected(c.tcb, c.seg)) ++seen[static_cast<size_t>(*e)];
    }
    for (size_t i = 0; i < seen.size(); ++i)
        EXPECT_GT(seen[i], kCases / 20'000) << "expected segment " << i << " is hardly ever predicted";
    EXPECT_GT(with_record, kCases / 200);
    EXPECT_GT(with_probe_due, kCases / 1000);
    EXPECT_GT(in_trouble, kCases / 200);
    for (const State state :
         {State::closed, State::listen, State::syn_sent, State::syn_received, State::time_wait})
        EXPECT_EQ(taken[static_cast<size_t>(state)], 0) << name(state);
}

/// The ACK of a SYN-ACK, with random deviations from the expected one.
TEST(Predicted, OpensAsTheEightStepsDo) {
    const Params params(TcpConfig{}, 1500);
    Random r(20'261'121);
    const auto one_in = [&](uint32_t n) { return r.below(n) == 0; };
    int taken = 0, with_text = 0, with_fin = 0;
    for (int i = 0; i < kCases; ++i) {
        HalfOpen h;
        h.tuple = kTuple;
        h.iss = Seq(static_cast<uint32_t>(r.next()));
        h.irs = Seq(static_cast<uint32_t>(r.next()));
        h.ts_recent = static_cast<uint32_t>(r.next());
        const Now now(Instant::from_ns(static_cast<int64_t>(r.next() >> 20)));
        h.deadline = deadline_at(now.tick + r.below(1000));
        h.started = now.tick - r.below(1000);
        h.wnd = static_cast<uint16_t>(one_in(16) ? 0 : r.next());
        h.mss = 1460;
        if (one_in(2)) h.flags |= kTimestamps;
        if (one_in(2)) h.flags |= kWindowScale, h.snd_shift = static_cast<uint8_t>(r.below(15));
        if (one_in(2)) h.flags |= kSack;
        if (one_in(4)) h.flags |= kSynResent;
        const uint32_t rcv_wnd = one_in(8) ? r.below(2000) : 65'535;

        Segment seg;
        seg.flags = kAck;
        if (one_in(3)) seg.flags |= kPsh;
        if (one_in(3)) seg.flags |= kFin;
        if (one_in(16)) seg.flags = static_cast<uint8_t>(r.next());
        seg.seq = h.irs + (one_in(16) ? r.below(4) : 1);
        seg.ack = h.iss + (one_in(16) ? r.below(4) : 1);
        seg.len = one_in(2) ? 0 : r.below(2000);
        seg.wnd = static_cast<uint16_t>(one_in(16) ? 0 : r.next());
        seg.has_ts = ((h.flags & kTimestamps) != 0) != one_in(16);
        if (seg.has_ts) seg.ts_val = h.ts_recent + r.below(1000) - (one_in(8) ? 100 : 0);

        if (!opens_as_predicted(h, rcv_wnd, seg)) continue;
        const Context ctx{params, kTsOffsets, now};
        Tcb fast;
        Effects fast_fx, slow_fx;
        open_predicted(h, rcv_wnd, seg, ctx, fast, fast_fx);
        Tcb slow = expand(h, rcv_wnd, params.rcv_shift);
        on_synchronized({slow}, seg, ctx, slow_fx);
        ASSERT_EQ(std::memcmp(&fast, &slow, sizeof fast), 0) << "case " << i;
        ASSERT_TRUE(fast_fx == slow_fx) << "case " << i;
        ++taken;
        with_text += seg.len != 0;
        with_fin += seg.has(kFin);
    }
    EXPECT_GT(taken, kCases / 4);
    EXPECT_GT(with_text, kCases / 20);
    EXPECT_GT(with_fin, kCases / 20);
}

/// A TIME-WAIT record yields to a SYN exactly when its control block would (RFC 6191).
TEST(Predicted, ReopensWhatTheEightStepsReopen) {
    Random r(20'240'103);
    std::array<int, 2> seen{};
    for (int i = 0; i < kCases; ++i) {
        auto one_in = [&](uint32_t n) { return r.below(n) == 0; };
        TcpConfig config;
        config.time_wait_reuse = !one_in(8);
        const Params params(config, 1500);
        const Context ctx{params, kTsOffsets, Now(Instant::from_ns(5'000'000'000))};
        TimeWait record;
        record.tuple = kTuple;
        record.snd_nxt = Seq(static_cast<uint32_t>(r.next()));
        record.rcv_nxt = Seq(static_cast<uint32_t>(r.next()));
        record.ts_recent = static_cast<uint32_t>(r.next());
        record.timestamps = one_in(3) ? 0 : 1;
        Segment seg;
        seg.flags = one_in(4) ? static_cast<uint8_t>(r.next()) : kSyn;
        seg.seq = record.rcv_nxt + r.below(7) - 3;
        seg.ack = record.snd_nxt;
        seg.wnd = 1000;
        seg.has_ts = !one_in(3);
        if (seg.has_ts) seg.ts_val = record.ts_recent + r.below(7) - 3;
        Tcb tcb = expand(record, 65'535);
        Effects fx;
        on_synchronized({tcb}, seg, ctx, fx);
        ASSERT_EQ(reopens(record, seg, ctx), fx.reopen) << "case " << i;
        ++seen[fx.reopen ? 1 : 0];
    }
    EXPECT_GT(seen[0], kCases / 10);
    EXPECT_GT(seen[1], kCases / 10);
}

/// The whole teardown of a plain client and server takes the predicted path.
TEST(Predicted, TakesALifeThatGoesWell) {
    CoreWorld w;
    w.open({.ts = 1, .wscale = 7});
    w.in({.len = 100});
    EXPECT_TRUE(w.was_predicted);
    w.send(500);
    w.in({});
    EXPECT_TRUE(w.was_predicted);
    w.close();
    w.in({});  // ACK of our FIN
    EXPECT_TRUE(w.was_predicted);
    STATE(w, fin_wait_2);
    w.in({.flags = kFin | kAck});
    EXPECT_TRUE(w.was_predicted);
    STATE(w, time_wait);
}

/// After a loss is repaired, the predicted path is taken again.
TEST(Predicted, ReturnsAfterALoss) {
    CoreWorld w;
    w.open();
    w.send(10 * kMss);
    w.fire();  // RTO
    w.in({});
    w.send(kMss);
    w.in({});
    w.send(kMss);
    w.in({});
    EXPECT_TRUE(w.was_predicted);
}

}  // namespace
}  // namespace synfin::tcp
