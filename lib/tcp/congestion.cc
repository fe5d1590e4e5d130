/// @file
/// The changes of cwnd that all controllers share, and the table of controllers.

#include "tcp/congestion.hh"

#include "tcp/congestion/cubic.hh"
#include "tcp/congestion/prr.hh"

namespace synfin::tcp {

namespace {

// The table of controllers: each switch has one row for each line of congestion_control.def, and
// __builtin_unreachable() saves the compiler a default case.

void grow_by_controller(Conn c, uint32_t acked, const Now& now) noexcept {
    switch (c.flow->control) {
#define SYNFIN_CONGESTION_CONTROL(name, meaning) \
    case CongestionControl::name:                \
        return name::grow(c, acked, now);
#include "synfin/congestion_control.def"
#undef SYNFIN_CONGESTION_CONTROL
    }
    __builtin_unreachable();
}

/// ssthresh for the response to a loss. `flight`: FlightSize.
uint32_t reduce(Conn c, uint32_t flight) noexcept {
    switch (c.flow->control) {
#define SYNFIN_CONGESTION_CONTROL(name, meaning) \
    case CongestionControl::name:                \
        return name::reduce(c, flight);
#include "synfin/congestion_control.def"
#undef SYNFIN_CONGESTION_CONTROL
    }
    __builtin_unreachable();
}

void tell_of_rto(Conn c) noexcept {
    switch (c.flow->control) {
#define SYNFIN_CONGESTION_CONTROL(name, meaning) \
    case CongestionControl::name:                \
        return name::on_rto(c);
#include "synfin/congestion_control.def"
#undef SYNFIN_CONGESTION_CONTROL
    }
    __builtin_unreachable();
}

/// Whether the connection used its cwnd in this round trip, by Linux's rule: in slow start half of it.
bool is_cwnd_limited(Conn c) noexcept {
    const Flow& flow = *c.flow;
    const Recovery& rec = *c.rec;
    if (flow.cwnd_bytes < flow.ssthresh_bytes) return flow.cwnd_bytes < 2 * uint64_t{rec.max_flight};
    return rec.max_flight + c.tcb.text_mss() > flow.cwnd_bytes;
}

/// cwnd was reduced. The next new text tells the peer, and ECE does not reduce it again in this window.
void note_reduction(Conn c) noexcept {
    if (!c.tcb.sends_ect()) return;
    c.flow->set(kCwrDue);
    c.flow->set(kEceAnswered);
    if (c.rec != nullptr) c.rec->ecn_end = c.tcb.snd.nxt;
}

/// Whether the window at SND.UNA has been reduced already.
bool is_reduced(Conn c) noexcept {
    return c.flow->has(kEceAnswered) && (c.rec == nullptr || !after(c.tcb.snd.una, c.rec->ecn_end));
}

void save(Conn c, UndoState::Cause cause, const Now& now) noexcept {
    UndoState& undo = c.rec->undo;
    undo.cwnd = c.flow->cwnd_bytes;
    undo.ssthresh = c.flow->ssthresh_bytes;
    if (cause == UndoState::timeout) undo.ssthresh = std::max(undo.ssthresh, c.tcb.in_flight());
    undo.resent_at = now.tick;
    undo.is_resent = false;
    undo.cause = cause;
    undo.cubic = c.rec->cubic;
}

}  // namespace

namespace congestion {

void grow(Conn c, uint32_t acked, const Now& now) noexcept {
    if (c.rec != nullptr && !is_cwnd_limited(c)) {
        c.flow->set(kCapped);
        c.rec->is_app_limited = true;
        return;
    }
    grow_by_controller(c, acked, now);
}

void on_ack(Conn c, uint32_t acked, const Now& now) noexcept {
    Flow& flow = *c.flow;
    if (flow.has(kRecovery)) {
        reno_recovery::recovery_ack(c, acked);
        return;
    }
    reno_recovery::note_progress(c);
    grow(c, acked, now);
}

bool on_duplicate_ack(Conn c) noexcept {
    const bool is_loss = reno_recovery::on_duplicate_ack(c, [c](uint32_t flight) noexcept {
        return is_reduced(c) ? c.flow->ssthresh_bytes : reduce(c, flight);
    });
    if (is_loss) note_reduction(c);
    return is_loss;
}

void on_rto(Conn c, const Now& now) noexcept {
    Flow& flow = *c.flow;
    if (flow.backoff == 0) {
        if (c.rec != nullptr && c.tcb.has(kSack)) save(c, UndoState::timeout, now);
        // Not again for the loss that fast recovery has answered. SND.NXT - SND.UNA would be too much: it has
        // text that arrived behind a hole.
        if (!flow.has(kRecovery))
            flow.ssthresh_bytes = reduce(c, std::min(c.tcb.in_flight(), flow.cwnd_bytes));
        tell_of_rto(c);
    } else if (c.rec != nullptr) {
        c.rec->undo.cause = UndoState::none;
    }
    flow.cwnd_bytes = c.tcb.text_mss();
    flow.clear(kEcnRecovery);
    note_reduction(c);
    if (c.rec == nullptr || !c.tcb.has(kSack)) reno_recovery::resend_all(c);
}

void on_too_big(Conn c) noexcept {
    Flow& flow = *c.flow;
    if (flow.has(kRecovery) || flow.has(kEcnRecovery))
        flow.cwnd_bytes = std::min(flow.cwnd_bytes, flow.ssthresh_bytes);
    flow.clear(kEcnRecovery);
    if (c.rec == nullptr || !c.tcb.has(kSack)) {
        reno_recovery::resend_all(c);
        return;
    }
    // As after a timeout: lost text comes first, until all of it is acknowledged.
    scoreboard::lose_all(*c.rec);
    c.rec->recover = c.tcb.snd.nxt;
    c.rec->frto = 0;
    c.rec->tlp_pending = c.rec->tlp_due = false;
    c.rec->undo.cause = UndoState::none;
    c.rec->resend_now = true;
    c.rec->has_trouble = true;
    flow.clear(kRecovery);
    flow.set(kRtoRecovery);
    flow.set(kRepair);
}

void enter_recovery(Conn c, const scoreboard::Delivered& d, const Now& now) noexcept {
    Flow& flow = *c.flow;
    if (flow.has(kEcnRecovery)) {  // ECE has reduced this window
        flow.clear(kEcnRecovery);
        c.rec->undo.cause = UndoState::none;
    } else {
        save(c, UndoState::fast_retransmit, now);
        // FlightSize before this ACK; text that left beyond cwnd does not count (RFC 5681 3.2 step 2).
        flow.ssthresh_bytes = reduce(c, std::min(c.tcb.in_flight() + d.acked, flow.cwnd_bytes));
        note_reduction(c);
    }
    prr::begin(c, d);
    flow.cwnd_bytes = prr::window(c, d, false);
}

void on_recovery_ack(Conn c, const scoreboard::Delivered& d, bool found) noexcept {
    if (d.bytes == 0) {  // RFC 9937 6.2: nothing new. But text that is lost leaves no room for a burst.
        if (found) c.flow->cwnd_bytes = std::min(c.flow->cwnd_bytes, prr::least_window(c));
        return;
    }
    c.flow->cwnd_bytes = prr::window(c, d, d.acked != 0 && !found);
}

void leave_recovery(Conn c) noexcept {
    // DEVIATION: RFC 9937 sets cwnd to ssthresh. Where less is in flight, that would be one burst, which a
    // short queue drops; slow start gets there in a few round trips.
    // If more is lost, the next recovery begins at once. It reduces what this one left, not what it had in
    // the network at its end.
    c.flow->cwnd_bytes = c.flow->ssthresh_bytes;
    if (c.rec->lost == 0)
        c.flow->cwnd_bytes = std::min(c.flow->cwnd_bytes, c.rec->pipe(c.tcb) + initial_window(c.tcb));
}

void on_tail_loss(Conn c) noexcept {
    Flow& flow = *c.flow;
    if (flow.has(kRecovery) || flow.has(kRtoRecovery) || flow.has(kEcnRecovery)) return;
    flow.ssthresh_bytes = reduce(c, std::min(c.rec->max_flight, flow.cwnd_bytes));
    flow.cwnd_bytes = std::min(flow.cwnd_bytes, flow.ssthresh_bytes);
    note_reduction(c);
}

void on_genuine_timeout(Conn c) noexcept {
    c.flow->cwnd_bytes = 3 * c.tcb.text_mss();
}

void undo(Conn c, uint32_t acked) noexcept {
    Flow& flow = *c.flow;
    UndoState& undo = c.rec->undo;
    // RFC 4015 3.3: no burst; slow start goes up to what was in use before. DEVIATION: the ACK that shows
    // this adds its octets to cwnd as well (grow()). Linux restores all of cwnd at once.
    const uint32_t pipe = c.rec->pipe(c.tcb);
    const uint32_t restored = undo.cause == UndoState::timeout
                                  ? pipe + std::min(acked, initial_window(c.tcb))
                                  : std::min(undo.cwnd, pipe + std::max(acked, initial_window(c.tcb)));
    flow.cwnd_bytes = std::max(flow.cwnd_bytes, restored);
    flow.ssthresh_bytes = std::max(undo.ssthresh, undo.cwnd);
    c.rec->cubic = undo.cubic;
    undo.cause = UndoState::none;
    flow.set(kCapped);  // ssthresh may say again that nothing was lost
    flow.clear(kCwrDue);
    flow.clear(kEceAnswered);
}

bool on_ece(Conn c, const BeforeAck& was) noexcept {
    Flow& flow = *c.flow;
    const uint32_t smss = c.tcb.text_mss();
    constexpr uint16_t kRepairs = kRecovery | kRtoRecovery | kRetransmitting | kEcnRecovery;
    if (!was.is_prr && (flow.flags & (kRecovery | kEcnRecovery)) == 0)
        flow.cwnd_bytes = std::min(flow.cwnd_bytes, was.cwnd);
    if ((flow.flags & (kRepairs | kCwrDue)) != 0 || is_reduced(c)) return false;
    const uint32_t flight = std::min(was.flight, was.cwnd);
    flow.ssthresh_bytes = reduce(c, flight);
    note_reduction(c);
    if (flight <= 2 * smss) {  // RFC 9438 4.6: one segment, where a loss would leave two
        const bool holds = was.cwnd <= smss && c.tcb.in_flight() == 0;
        flow.cwnd_bytes = holds ? 0 : std::min(was.cwnd, smss);
    } else if (c.rec == nullptr || !c.tcb.has(kSack)) {
        flow.cwnd_bytes = std::min(was.cwnd, flow.ssthresh_bytes);
    } else {
        scoreboard::Delivered d;
        d.acked = d.bytes = was.acked;
        flow.set(kEcnRecovery);
        c.rec->undo.cause = UndoState::none;
        prr::begin(c, d);
        flow.cwnd_bytes = prr::window(c, d, was.acked != 0);
    }
    return true;
}

void on_ack_without_ece(Conn c) noexcept {
    if (!is_reduced(c) || c.rec == nullptr) c.flow->clear(kEceAnswered);
}

void take_rtt(Conn c, uint32_t rtt_us) noexcept {
    switch (c.flow->control) {
#define SYNFIN_CONGESTION_CONTROL(name, meaning) \
    case CongestionControl::name:                \
        return name::take_rtt(c, rtt_us);
#include "synfin/congestion_control.def"
#undef SYNFIN_CONGESTION_CONTROL
    }
    __builtin_unreachable();
}

}  // namespace congestion

void start_recovery(const Tcb& tcb, Flow& flow, Recovery& rec, const Now& now) noexcept {
    static_cast<RecoveryState&>(rec) = RecoveryState{};
    rec.recover = tcb.snd.una;
    rec.rto_at = tcb.deadline;
    rec.expiries = flow.backoff;
    scoreboard::start(rec, tcb, now.us);
    rec.rack_sent_us = now.us - 1;  // nothing in flight has been overtaken
    rec.rack_end = tcb.snd.una;
    rec.min_rtt_since_s = static_cast<uint16_t>(now.tick >> 10);
    rec.max_flight = tcb.in_flight();
    rec.flight_round = rec.ecn_end = tcb.snd.nxt;
    // So far at most one segment was in flight: a larger cwnd has not been used (RFC 7661).
    if (flow.ssthresh_bytes == UINT32_MAX && flow.cwnd_bytes > initial_window(tcb) &&
        tcb.in_flight() <= initial_window(tcb)) {
        flow.cwnd_bytes = initial_window(tcb);
        flow.set(kCapped);
    }
    if (flow.has(kRetransmitting) && tcb.has(kSack)) {  // a timeout found the pool empty
        scoreboard::lose_all(rec);
        rec.recover = tcb.snd.nxt;
        rec.has_trouble = true;
        flow.clear(kRetransmitting);
        flow.set(kRtoRecovery);
        flow.set(kRepair);
    }
}

}  // namespace synfin::tcp
