#pragma once
/// @file
/// Loss recovery without SACK, or without a recovery record: fast retransmit and fast recovery (RFC 5681 3.2,
/// RFC 6582), limited transmit (RFC 3042), and the timeout that sends everything again. The controller
/// decides how far cwnd is reduced (Reduce).

#include <algorithm>
#include <cstdint>

#include "tcp/conn.hh"
#include "tcp/params.hh"

namespace synfin::tcp::reno_recovery {

/// An ACK of new data in recovery (RFC 6582 3.2 step 3); SND.UNA is already the new one.
inline void recovery_ack(Conn c, uint32_t acked) noexcept {
    Flow& flow = *c.flow;
    const uint32_t smss = c.tcb.text_mss();
    if (at_or_after(c.tcb.snd.una, c.rec->recover)) {  // full
        flow.cwnd_bytes = std::min(flow.ssthresh_bytes, std::max(c.tcb.in_flight(), smss) + smss);
        flow.clear(kRecovery);
        c.rec->dup_acks = 0;
        // Passed: forget `recover` now, because an idle connection sees no further ACK and would keep the
        // record (keeps_recovery()).
        if (after(c.tcb.snd.una, c.rec->recover)) flow.clear(kRecoverSet);
        return;
    }
    flow.set(kRetransmitOne);  // partial
    flow.cwnd_bytes -= std::min(flow.cwnd_bytes, acked);
    if (acked >= smss) flow.cwnd_bytes += smss;
    flow.cwnd_bytes = std::max(flow.cwnd_bytes, smss);
}

/// An ACK of new data after a loss, outside recovery: resets the count of duplicates, and forgets `recover`
/// once SND.UNA has passed it. Without a record, `recover` equals the old SND.UNA (keeps_recovery()).
[[gnu::cold, gnu::noinline]] inline void note_progress(Conn c) noexcept {
    if (c.rec != nullptr) c.rec->dup_acks = 0;
    if (c.rec == nullptr || after(c.tcb.snd.una, c.rec->recover)) c.flow->clear(kRecoverSet);
}

/// The third duplicate ACK (RFC 6582 3.2 step 2). False when cwnd was already reduced for this loss.
/// `reduce`: ssthresh for a FlightSize.
template <typename Reduce>
bool on_loss(Conn c, Reduce&& reduce) noexcept {
    const Tcb& tcb = c.tcb;
    Flow& flow = *c.flow;
    if (flow.has(kRecoverSet) && !after(tcb.snd.una, c.rec->recover)) return false;
    // Segments that limited transmit sent beyond cwnd do not count as in flight (RFC 5681 3.2 step 2).
    flow.ssthresh_bytes = reduce(std::min(tcb.in_flight(), flow.cwnd_bytes));
    c.rec->recover = tcb.snd.nxt;
    c.rec->had_partial_ack = false;
    flow.set(kRecoverSet);
    flow.set(kRecovery);
    flow.set(kRetransmitOne);
    flow.cwnd_bytes = flow.ssthresh_bytes + 3 * tcb.text_mss();
    return true;
}

template <typename Reduce>
bool on_duplicate_ack(Conn c, Reduce&& reduce) noexcept {
    if (c.rec == nullptr) return false;  // the retransmission timer repairs what is lost
    if (c.rec->dup_acks < 255) ++c.rec->dup_acks;
    if (c.flow->has(kRecovery)) {
        c.flow->cwnd_bytes += c.tcb.text_mss();
        return false;
    }
    return c.rec->dup_acks == 3 && !c.flow->has(kRetransmitting) && on_loss(c, reduce);
}

/// Marks everything in flight for retransmission. Duplicate ACKs for segments that did arrive start no
/// recovery, provided that a record holds `recover`.
inline void resend_all(Conn c) noexcept {
    Flow& flow = *c.flow;
    flow.clear(kRecoverSet);
    if (c.rec != nullptr) {
        c.rec->recover = c.tcb.snd.nxt;
        c.rec->dup_acks = 0;
        flow.set(kRecoverSet);
    }
    flow.clear(kRecovery);
    flow.clear(kRetransmitOne);
    flow.clear(kSmallInFlight);
    flow.mark = c.tcb.snd.una;
    flow.set(kRetransmitting);
}

/// The retransmission timer has just been restarted. RFC 6582 3.2 step 3 (the Impatient variant of section
/// 4): of the partial ACKs of a recovery, only the first one restarts it. A window with many holes is thus
/// not repaired at one hole for each round trip: the timer expires, and slow start sends everything again.
inline void keep_timer(Conn c) noexcept {
    Recovery& rec = *c.rec;
    if (!c.flow->has(kRecovery) || !rec.had_partial_ack) {
        rec.rto_at = c.tcb.deadline;
        rec.had_partial_ack = c.flow->has(kRecovery);
    } else {
        c.tcb.set_deadline(DeadlineKind::rto, rec.rto_at);
    }
}

/// cwnd, plus one segment for each of the first two duplicate ACKs (RFC 3042).
constexpr uint32_t window(const Tcb& tcb, const Flow& flow, const Recovery& rec) noexcept {
    if (flow.has(kRecovery)) return flow.cwnd_bytes;
    return flow.cwnd_bytes + std::min<uint32_t>(rec.dup_acks, 2) * tcb.text_mss();
}

}  // namespace synfin::tcp::reno_recovery
