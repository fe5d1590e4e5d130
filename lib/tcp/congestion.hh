#pragma once
/// @file
/// Congestion control: the only file that changes cwnd and ssthresh (scripts/check_layers.py checks this).
/// Each function is a switch over Flow::control; NewReno is RFC 5681 with the initial window of RFC 6928,
/// limited transmit (RFC 3042) and the recovery of RFC 6582.

#include <algorithm>
#include <cstdint>

#include "tcp/conn.hh"
#include "tcp/params.hh"

namespace synfin::tcp {

/// RFC 6928 2; one segment when the SYN or SYN-ACK was lost (RFC 5681 3.1).
constexpr uint32_t initial_window(const Tcb& tcb) noexcept {
    const uint32_t smss = tcb.text_mss();
    if (tcb.has(kSynResent)) return smss;
    return std::min(10 * smss, std::max(2 * smss, 14'600u));
}

namespace newreno {

/// Upper limit of cwnd.
inline constexpr uint32_t kMostBytes = 1u << 30;

/// RFC 5681 equation 4.
constexpr uint32_t half_flight(const Tcb& tcb) noexcept {
    return std::max(tcb.in_flight() / 2, 2 * tcb.text_mss());
}

/// An ACK of new data outside recovery: slow start (RFC 5681 3.1) or congestion avoidance (equation 3).
inline void grow(const Tcb& tcb, Flow& flow, uint32_t acked) noexcept {
    const uint32_t smss = tcb.text_mss();
    if (flow.cwnd_bytes < flow.ssthresh_bytes) {
        // DEVIATION: RFC 5681 3.1 adds at most SMSS per ACK; here an ACK adds all bytes that it acknowledges,
        // as Linux does.
        flow.cwnd_bytes += std::min(acked, flow.ssthresh_bytes - flow.cwnd_bytes);
    } else {
        const uint64_t step = uint64_t{smss} * std::max(acked, smss) / std::max(flow.cwnd_bytes, 1u);
        flow.cwnd_bytes += static_cast<uint32_t>(std::clamp<uint64_t>(step, 1, smss));
    }
    flow.cwnd_bytes = std::min(flow.cwnd_bytes, kMostBytes);
}

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

[[gnu::always_inline]] inline void on_ack(Conn c, uint32_t acked) noexcept {
    Flow& flow = *c.flow;
    if (flow.has(kRecovery)) {
        recovery_ack(c, acked);
        return;
    }
    if (c.rec != nullptr || flow.has(kRecoverSet)) [[unlikely]]
        note_progress(c);
    grow(c.tcb, flow, acked);
}

/// The third duplicate ACK (RFC 6582 3.2 step 2). False when cwnd was already reduced for this loss.
inline bool on_loss(Conn c) noexcept {
    const Tcb& tcb = c.tcb;
    Flow& flow = *c.flow;
    if (flow.has(kRecoverSet) && !after(tcb.snd.una, c.rec->recover)) return false;
    // Segments that limited transmit sent beyond cwnd do not count as in flight (RFC 5681 3.2 step 2).
    flow.ssthresh_bytes = std::max(std::min(tcb.in_flight(), flow.cwnd_bytes) / 2, 2 * tcb.text_mss());
    c.rec->recover = tcb.snd.nxt;
    flow.set(kRecoverSet);
    flow.set(kRecovery);
    flow.set(kRetransmitOne);
    flow.cwnd_bytes = flow.ssthresh_bytes + 3 * tcb.text_mss();
    return true;
}

inline bool on_duplicate_ack(Conn c) noexcept {
    if (c.rec == nullptr) return false;  // the retransmission timer repairs what is lost
    if (c.rec->dup_acks < 255) ++c.rec->dup_acks;
    if (c.flow->has(kRecovery)) {
        c.flow->cwnd_bytes += c.tcb.text_mss();
        return false;
    }
    return c.rec->dup_acks == 3 && !c.flow->has(kRetransmitting) && on_loss(c);
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

inline void on_rto(Conn c) noexcept {
    if (c.flow->backoff == 0) c.flow->ssthresh_bytes = half_flight(c.tcb);
    c.flow->cwnd_bytes = c.tcb.text_mss();
    resend_all(c);
}

inline void on_too_big(Conn c) noexcept {
    Flow& flow = *c.flow;
    if (flow.has(kRecovery)) flow.cwnd_bytes = std::min(flow.cwnd_bytes, flow.ssthresh_bytes);
    resend_all(c);
}

/// cwnd, plus one segment for each of the first two duplicate ACKs (RFC 3042).
constexpr uint32_t window(const Tcb& tcb, const Flow& flow, const Recovery* rec) noexcept {
    if (rec == nullptr || flow.has(kRecovery)) return flow.cwnd_bytes;
    return flow.cwnd_bytes + std::min<uint32_t>(rec->dup_acks, 2) * tcb.text_mss();
}

}  // namespace newreno

namespace congestion {

// Each switch names every kind; __builtin_unreachable() saves the compiler a default case.

/// An ACK of `acked` new bytes; SND.UNA is already the new one.
[[gnu::always_inline]] inline void on_ack(Conn c, uint32_t acked) noexcept {
    switch (c.flow->control) {
        case CongestionControl::newreno: newreno::on_ack(c, acked); return;
    }
    __builtin_unreachable();
}

/// RFC 5681 2: a duplicate ACK.
/// @return whether it reveals a loss; then the next segment sent is the retransmission.
inline bool on_duplicate_ack(Conn c) noexcept {
    switch (c.flow->control) {
        case CongestionControl::newreno: return newreno::on_duplicate_ack(c);
    }
    __builtin_unreachable();
}

/// The segment at SND.UNA is lost, as found by something other than a timer. The connection must have a
/// recovery record.
/// @return false when cwnd was already reduced for this loss.
inline bool on_loss(Conn c) noexcept {
    switch (c.flow->control) {
        case CongestionControl::newreno: return newreno::on_loss(c);
    }
    __builtin_unreachable();
}

/// Retransmission timeout (RFC 5681 3.1, RFC 6582 3.2 step 4): everything in flight will be sent again.
inline void on_rto(Conn c) noexcept {
    switch (c.flow->control) {
        case CongestionControl::newreno: newreno::on_rto(c); return;
    }
    __builtin_unreachable();
}

/// Segments in flight were too large for the path; everything in flight will be sent again. This is no sign
/// of congestion, so ssthresh stays and cwnd is not reduced to one segment (RFC 1191 6.5).
inline void on_too_big(Conn c) noexcept {
    switch (c.flow->control) {
        case CongestionControl::newreno: newreno::on_too_big(c); return;
    }
    __builtin_unreachable();
}

/// Sets cwnd to the initial window: the connection was idle for an RTO (RFC 5681 4.1), or the MSS has just
/// become known.
inline void on_idle(const Tcb& tcb, Flow& flow) noexcept {
    flow.cwnd_bytes = initial_window(tcb);
}

/// The path carries smaller segments than a connection that has just opened assumed.
inline void on_smaller_mss(const Tcb& tcb, Flow& flow) noexcept {
    flow.cwnd_bytes = std::min(flow.cwnd_bytes, initial_window(tcb));
}

/// Bytes that cwnd allows in flight; the caller applies SND.WND.
constexpr uint32_t window(const Tcb& tcb, const Flow& flow, const Recovery* rec) noexcept {
    switch (flow.control) {
        case CongestionControl::newreno: return newreno::window(tcb, flow, rec);
    }
    __builtin_unreachable();
}

/// Most bytes of new text per second; 0: limited by window() only.
constexpr uint64_t pacing_rate(const Tcb& tcb, const Flow& flow) noexcept {
    static_cast<void>(tcb);
    switch (flow.control) {
        case CongestionControl::newreno: return 0;
    }
    __builtin_unreachable();
}

}  // namespace congestion

/// Initialises a Flow. Because an idle connection frees its Flow, this is also the restart window after
/// idling (RFC 5681 4.1).
inline void start_flow(const Tcb& tcb, Flow& flow, const Params& params, const Now& now) noexcept {
    flow = Flow{};
    flow.snd_end = tcb.snd.nxt;
    if (tcb.has(kFinSent)) flow.snd_end = tcb.snd.nxt - 1u;
    if (tcb.has(kSynUnacked) && tcb.snd.nxt == tcb.snd.una)
        flow.snd_end = tcb.snd.nxt + 1u;  // the SYN comes first
    flow.unacked_since_s = static_cast<uint16_t>(now.tick >> 10);
    flow.cwnd_bytes = initial_window(tcb);
    flow.ssthresh_bytes = UINT32_MAX;
    flow.srtt_us = tcb.srtt.us();
    flow.rttvar_us = flow.srtt_us / 2;
    flow.max_snd_wnd = static_cast<uint16_t>(std::min<uint32_t>(tcb.snd.wnd >> tcb.snd_shift(), 0xffff));
    flow.control = params.congestion_control;
}

/// Initialises a recovery record. With kRecoverSet, `recover` is SND.UNA.
inline void start_recovery(const Tcb& tcb, Recovery& rec) noexcept {
    rec = Recovery{};
    rec.recover = tcb.snd.una;
}

/// Whether the record is still needed: a loss is being repaired, or duplicate ACKs are being counted. When
/// SND.UNA equals `recover`, start_recovery() can recreate the record, so an idle connection keeps none.
inline bool keeps_recovery(const Tcb& tcb, const Flow& flow, const Recovery& rec) noexcept {
    return flow.has(kRecovery) || rec.dup_acks != 0 || (flow.has(kRecoverSet) && rec.recover != tcb.snd.una);
}

}  // namespace synfin::tcp
