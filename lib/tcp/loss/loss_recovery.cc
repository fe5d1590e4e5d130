/// @file
/// Loss recovery with SACK: RFC 8985 and RFC 9937, in the order in which an ACK is processed.

#include "tcp/loss/loss_recovery.hh"

#include <algorithm>

#include "tcp/congestion.hh"
#include "tcp/congestion/pacing.hh"
#include "tcp/loss/rack.hh"
#include "tcp/loss/scoreboard.hh"
#include "tcp/loss/spurious.hh"
#include "tcp/loss/tail_loss_probe.hh"
#include "tcp/pmtu.hh"
#include "tcp/rtt.hh"

namespace synfin::tcp::loss {

using scoreboard::Delivered;

namespace {

/// SEG.TSecr on the connection's own clock.
struct Echo {
    bool is_set = false;
    uint32_t tick = 0;
    Echo(const Tcb& tcb, const Segment& seg, const Context& ctx) noexcept
        : is_set(tcb.has(kTimestamps) && seg.has_ts && seg.ts_ecr != 0),
          tick(is_set ? seg.ts_ecr - ctx.ts_offsets.of(tcb.tuple, ctx.remote6) : 0) {}
    /// The least age of the echoed segment, in microseconds; UINT32_MAX: unknown.
    uint32_t least_age_us(const Now& now) const noexcept {
        const uint32_t ticks = now.tick - tick;
        if (!is_set || ticks > 1'000'000) return UINT32_MAX;
        return ticks > 1 ? (ticks - 1) * 1000 : 0;
    }
};

void enter_recovery(Conn c, const Delivered& d, const Now& now) noexcept {
    Recovery& rec = *c.rec;
    rec.recover = c.tcb.snd.nxt;
    rec.tlp_pending = false;  // this reduction answers whatever the probe would have found
    c.flow->set(kRecovery);
    congestion::enter_recovery(c, d, now);
}

/// The text that the peer dropped must be sent again (RFC 2018 8).
void take_renege(Recovery& rec) noexcept {
    for (uint32_t i = rec.first; i < uint32_t{rec.first} + rec.count; ++i) {
        if ((rec.runs[i].flags & kSacked) == 0) continue;
        rec.runs[i].flags = 0;
        scoreboard::lose(rec, i);
    }
    rec.sacked = 0;
}

void undo(Conn c, uint32_t acked) noexcept {
    scoreboard::forget_losses(*c.rec);
    c.flow->clear(kRecovery);
    c.flow->clear(kRtoRecovery);
    c.rec->frto = 0;
    congestion::undo(c, acked);
}

/// The timestamp of the first transmission came back after all: it also gives the RTT (RFC 4015 3.3).
void take_late_rtt(Conn c, const Echo& echo, const Now& now) noexcept {
    Flow& flow = *c.flow;
    flow.srtt_us = (now.tick - echo.tick) * 1000 + 500;
    flow.rttvar_us = flow.srtt_us / 2;
    c.tcb.srtt = CompactRtt::from_us(flow.srtt_us);
    flow.backoff = 0;
}

/// One segment is timed in each round trip, and none while text is sent again. A queue that grows faster
/// would make the retransmission timer expire in vain, so samples above SRTT count at once in slow start and
/// during a repair. Smaller ones do not: a run gives its octets one time, so they may be too small
/// (scoreboard.hh).
void take_longer_rtt(Conn c, uint32_t rtt_us) noexcept {
    Flow& flow = *c.flow;
    if (rtt_us <= flow.srtt_us || (flow.has(kTiming) && flow.cwnd_bytes >= flow.ssthresh_bytes)) return;
    // RTTVAR must not shrink with each ACK: its decay is meant for one sample in a round trip.
    const uint32_t rttvar_us = flow.rttvar_us;
    take_rtt_sample(flow, rtt_us);
    flow.rttvar_us = std::max(flow.rttvar_us, rttvar_us);
    c.tcb.srtt = CompactRtt::from_us(flow.srtt_us);
}

/// Whether the last reduction was unnecessary; if so, undoes it.
uint8_t check_spurious(Conn c, const Delivered& d, const Echo& echo, const Now& now) noexcept {
    Recovery& rec = *c.rec;
    const UndoState::Cause cause = rec.undo.cause;
    if (cause == UndoState::none || d.acked == 0) return 0;
    // Only an ACK of the first retransmission tells: one of a retransmission before the reduction echoes an
    // earlier time, too.
    if (!rec.undo.is_resent || before(c.tcb.snd.una, rec.undo.resent_end)) return 0;
    if (spurious::is_proven_by_timestamp(rec, d.acked, echo.is_set, echo.tick)) {
        undo(c, d.acked);
        if (cause == UndoState::fast_retransmit) {
            // The original arrived late. Three later segments come before it does, so that it has mostly been
            // sent again by then, and step 2 of RFC 8985 6.2 would not see it.
            rec.reordering_seen = true;
            return kSpuriousLoss;
        }
        take_late_rtt(c, echo, now);
        return kSpuriousTimeout;
    }
    if (echo.is_set || cause == UndoState::fast_retransmit) {  // the retransmission was answered
        rec.undo.cause = UndoState::none;
        rec.frto = 0;
    }
    return 0;
}

uint8_t run_frto(Conn c, const Delivered& d) noexcept {
    Recovery& rec = *c.rec;
    const Tcb& tcb = c.tcb;
    if (rec.frto == 0) return 0;
    const bool can_send_new = after(c.flow->snd_end, tcb.snd.nxt) && tcb.snd.wnd > tcb.in_flight();
    const bool has_sent_new = rec.frto == 2;
    switch (spurious::frto(c, d, can_send_new)) {
        case spurious::FrtoVerdict::undecided:
        case spurious::FrtoVerdict::send_new: return 0;
        case spurious::FrtoVerdict::spurious:
            undo(c, d.acked);
            c.flow->backoff = 0;
            return kSpuriousTimeout;
        case spurious::FrtoVerdict::genuine:
            rec.undo.cause = UndoState::none;
            if (has_sent_new) congestion::on_genuine_timeout(c);
            return 0;
    }
    return 0;
}

/// Moves between open, fast recovery and recovery from a timeout, and lets cwnd follow.
uint8_t advance(Conn c, const Delivered& d, bool found, const Context& ctx) noexcept {
    Recovery& rec = *c.rec;
    Flow& flow = *c.flow;
    const bool is_over = at_or_after(c.tcb.snd.una, rec.recover);
    if (flow.has(kRecovery)) {
        if (!is_over) {
            congestion::on_recovery_ack(c, d, found);
            return 0;
        }
        congestion::leave_recovery(c);
        flow.clear(kRecovery);
        rack::note_end_of_recovery(rec);
    } else if (flow.has(kRtoRecovery)) {
        if (is_over) {
            flow.clear(kRtoRecovery);
            rec.frto = 0;
            rack::note_end_of_recovery(rec);
        }
        if (d.acked != 0) congestion::grow(c, d.acked, ctx.now);
        if (!is_over) return 0;
    } else if (flow.has(kEcnRecovery)) {
        if (at_or_after(c.tcb.snd.una, rec.ecn_end)) {
            congestion::leave_recovery(c);
            flow.clear(kEcnRecovery);
        } else if (rec.lost == 0) {
            congestion::on_recovery_ack(c, d, found);
        }
    } else if (rec.lost == 0 && d.acked != 0) {
        congestion::grow(c, d.acked, ctx.now);
    }
    if (rec.lost == 0) return 0;
    enter_recovery(c, d, ctx.now);
    return kFoundLoss;
}

/// Flow::flags and has_trouble, from the rest.
void conclude(Conn c) noexcept {
    Recovery& rec = *c.rec;
    if ((rec.lost != 0 && rec.frto != 2) || rec.tlp_due)
        c.flow->set(kRepair);
    else
        c.flow->clear(kRepair);
    rec.has_trouble = rec.sacked != 0 || rec.lost != 0 || rec.tlp_pending || rec.tlp_due ||
                      rec.reorder_us != 0 || rec.undo.cause != UndoState::none;
}

constexpr bool is_retransmission_timer(DeadlineKind kind) noexcept {
    return kind == DeadlineKind::rto || kind == DeadlineKind::tail_loss_probe ||
           kind == DeadlineKind::reorder;
}

constexpr bool is_earlier(uint32_t tick, uint32_t other) noexcept {
    return static_cast<int32_t>(tick - other) < 0;
}

}  // namespace

uint8_t on_ack(Conn c, const Segment& seg, uint32_t acked, const Context& ctx) noexcept {
    Recovery& rec = *c.rec;
    if (acked != 0 && c.tcb.full_mss != 0) on_progress_after_black_hole(c.tcb, acked);
    if (acked != 0) rec.expiries = 0;
    Delivered d;
    d.acked = acked;
    scoreboard::acknowledge(rec, c.tcb.snd.una, d);
    const uint32_t rtt_us = d.any && !d.is_resent && !d.is_inexact ? std::max(ctx.now.us - d.sent_us, 1u) : 0;
    if (rtt_us != 0) {
        take_longer_rtt(c, rtt_us);
        congestion::take_rtt(c, rtt_us);
    }
    if (!c.tcb.has(kSack)) {
        congestion::on_ack(c, acked, ctx.now);
        return 0;
    }
    uint8_t events = 0;
    if (d.reneged) {
        take_renege(rec);
        events |= kReneged;
    }
    scoreboard::take_blocks(rec, c.tcb, seg, d);
    const Echo echo(c.tcb, seg, ctx);
    if (d.has_duplicate) rack::note_duplicate(c, d.duplicate_right);
    rack::update(c, d, echo.least_age_us(ctx.now), ctx.now);
    if (tail_loss_probe::on_ack(c, seg, d)) congestion::on_tail_loss(c);
    events |= check_spurious(c, d, echo, ctx.now);
    events |= run_frto(c, d);
    const bool found = rack::detect_losses(c, ctx.now);
    events |= advance(c, d, found, ctx);
    conclude(c);
    return events;
}

void on_rto(Conn c, const Context& ctx) noexcept {
    Recovery& rec = *c.rec;
    Flow& flow = *c.flow;
    const bool is_first = flow.backoff == 0;
    rec.frto = is_first && !flow.has(kRecovery) && !flow.has(kRtoRecovery) ? 1 : 0;
    // RFC 2018 8: the peer may have reneged. DEVIATION: RFC 2018 forgets the blocks at the first timeout; RFC
    // 6675 5.1 and RFC 8985 6.3 use them. Here they are forgotten when the retransmission is lost, too.
    if (!is_first) scoreboard::forget_sacks(rec);
    rack::mark_losses_on_rto(c, ctx.now);
    congestion::on_rto(c, ctx.now);
    rec.recover = c.tcb.snd.nxt;
    flow.clear(kRecovery);
    flow.clear(kRetransmitOne);
    flow.set(kRtoRecovery);
    rec.tlp_pending = rec.tlp_due = false;
    rec.resend_now = true;
    conclude(c);
}

uint8_t on_reorder_timeout(Conn c, const Context& ctx) noexcept {
    const bool found = rack::detect_losses(c, ctx.now);
    uint8_t events = 0;
    if (found && !c.flow->has(kRecovery) && !c.flow->has(kRtoRecovery)) {
        enter_recovery(c, {}, ctx.now);
        events = kFoundLoss;
    } else if (found && c.flow->has(kRecovery)) {
        congestion::on_recovery_ack(c, {}, found);
    }
    conclude(c);
    return events;
}

void set_timer(Conn c, const Context& ctx) noexcept {
    Tcb& tcb = c.tcb;
    Recovery& rec = *c.rec;
    if (!is_retransmission_timer(tcb.deadline_kind)) return;
    if (tcb.deadline_kind == DeadlineKind::rto) rec.rto_at = tcb.deadline;
    DeadlineKind kind = DeadlineKind::rto;
    uint32_t at = rec.rto_at;
    if (rec.reorder_us != 0) {
        const uint32_t tick = ctx.now.tick + (rec.reorder_us + 999) / 1000;
        if (is_earlier(tick, at)) {
            kind = DeadlineKind::reorder;
            at = tick;
        }
    } else if (tail_loss_probe::may_schedule(c)) {
        // At the latest when the retransmission timer would expire (7.2): the probe comes first.
        kind = DeadlineKind::tail_loss_probe;
        const uint32_t tick = ctx.now.tick + tail_loss_probe::timeout(c, ctx.params);
        if (is_earlier(tick, at)) at = tick;
    }
    tcb.set_deadline(kind, at);
}

void restart_timer(Conn c, const Context& ctx) noexcept {
    if (c.tcb.has(kSack)) {
        set_timer(c, ctx);
        return;
    }
    // While the window was closed, probes were the timer, and the expiry that a partial ACK would keep is
    // past.
    const bool is_past = !is_earlier(ctx.now.tick, c.rec->rto_at);
    if (is_past || c.tcb.deadline_kind != DeadlineKind::rto) c.rec->had_partial_ack = false;
    reno_recovery::keep_timer(c);
}

bool note_sent(Conn c, uint32_t bytes, const Context& ctx) noexcept {
    Tcb& tcb = c.tcb;
    Recovery& rec = *c.rec;
    if (rec.count ==
        0) {  // a flight begins; what was delivered before may be so old that its time has wrapped
        rec.edge = rec.rack_end = tcb.snd.nxt - bytes;
        rec.rack_sent_us = ctx.now.us - 1;
    }
    scoreboard::append(rec, tcb.snd.nxt, ctx.now.us, c.flow->srtt_us);
    pacing::note_sent(rec, bytes);
    if ((c.flow->flags & (kRecovery | kEcnRecovery)) != 0) rec.prr_out += bytes;
    const uint32_t flight = tcb.in_flight();
    if (flight > rec.max_flight || at_or_after(tcb.snd.una, rec.flight_round)) {
        rec.max_flight = flight;
        rec.flight_round = tcb.snd.nxt;
    }
    const uint32_t before = tcb.deadline;
    set_timer(c, ctx);
    return is_earlier(tcb.deadline, before);
}

void note_resent(Conn c, Seq from, Seq to, const Context& ctx) noexcept {
    Recovery& rec = *c.rec;
    scoreboard::note_resent(rec, from, to, ctx.now.us);
    if (c.flow->has(kRecovery)) rec.prr_out += distance(from, to);
    rec.resend_now = false;
    if (!c.tcb.has(kSack)) return;
    if (rec.undo.cause != UndoState::none && !rec.undo.is_resent) {
        rec.undo.is_resent = true;
        rec.undo.resent_at = ctx.now.tick;
        rec.undo.resent_end = to;
    }
    conclude(c);
    if (from != c.tcb.snd.una || !is_retransmission_timer(c.tcb.deadline_kind)) return;
    // The first segment has a whole RTO again, as in Linux: otherwise the timer of the transmission that was
    // lost would expire before the ACK of this one.
    const uint32_t rto = backed_off(rto_ticks(c.tcb, c.flow, ctx.params), c.flow->backoff, ctx.params);
    c.tcb.set_deadline(DeadlineKind::rto, ctx.now.tick + rto);
    set_timer(c, ctx);
}

void note_tail_loss_probe(Conn c, uint32_t bytes, const Context& ctx) noexcept {
    Recovery& rec = *c.rec;
    rec.tlp_pending = true;
    rec.tlp_is_retrans = bytes == 0;
    rec.tlp_end = c.tcb.snd.nxt;
    if (bytes != 0) note_sent(c, bytes, ctx);
    conclude(c);
}

bool next_resend(Conn c, uint32_t smss, Seq& from, uint32_t& limit) noexcept {
    const Tcb& tcb = c.tcb;
    const Recovery& rec = *c.rec;
    Seq to;
    if (rec.frto == 2 || !scoreboard::next_lost(rec, from, to)) return false;
    limit = std::min(smss, distance(from, to));
    if (const uint32_t ahead = distance(tcb.snd.una, from); ahead != 0) {
        if (tcb.snd.wnd <= ahead) return false;
        limit = std::min(limit, tcb.snd.wnd - ahead);
    }
    return rec.resend_now || rec.pipe(tcb) + limit <= c.flow->cwnd_bytes;
}

}  // namespace synfin::tcp::loss
