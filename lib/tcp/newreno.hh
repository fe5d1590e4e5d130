#pragma once
/// @file
/// Congestion control: RFC 5681 with the initial window of RFC 6928 and NewReno's recovery (RFC 6582). The
/// place where CUBIC and RACK will stand beside it: everything that reads or writes cwnd is in this file.

#include <algorithm>
#include <cstdint>

#include "tcp/params.hh"
#include "tcp/tcb.hh"

namespace synfin::tcp {

/// RFC 6928 2; one segment when the SYN or SYN-ACK was lost (RFC 5681 3.1).
constexpr uint32_t initial_window(const Tcb& tcb) noexcept {
    const uint32_t smss = tcb.text_mss();
    if (tcb.has(kSynResent)) return smss;
    return std::min(10 * smss, std::max(2 * smss, 14'600u));
}

/// A fresh second line: also the restart window after idling (RFC 5681 4.1), since an idle connection gives
/// its line up.
inline void start_flow(const Tcb& tcb, Flow& flow, const Now& now) noexcept {
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
}

/// RFC 5681 equation 4.
constexpr uint32_t half_flight(const Tcb& tcb) noexcept {
    return std::max(tcb.in_flight() / 2, 2 * tcb.text_mss());
}

/// An ACK of new data outside recovery: slow start (RFC 5681 3.1, by at most SMSS per ACK) or congestion
/// avoidance (eq. 3).
inline void grow_cwnd(const Tcb& tcb, Flow& flow, uint32_t acked) noexcept {
    const uint32_t smss = tcb.text_mss();
    if (flow.cwnd_bytes < flow.ssthresh_bytes) {
        // DEVIATION: RFC 5681 3.1 adds at most SMSS per ACK; an ACK that covers a burst counts for all of it,
        // as Linux does.
        flow.cwnd_bytes += std::min(acked, flow.ssthresh_bytes - flow.cwnd_bytes);
    } else {
        const uint64_t step = uint64_t{smss} * std::max(acked, smss) / std::max(flow.cwnd_bytes, 1u);
        flow.cwnd_bytes += static_cast<uint32_t>(std::clamp<uint64_t>(step, 1, smss));
    }
    flow.cwnd_bytes = std::min(flow.cwnd_bytes, 1u << 30);
}

/// Third duplicate ACK (RFC 6582 3.2 step 2). False when the loss was already accounted for.
inline bool enter_recovery(const Tcb& tcb, Flow& flow) noexcept {
    if (flow.has(kRecoverSet) && !after(tcb.snd.una, flow.recover)) return false;
    // What limited transmit sent beyond cwnd does not count as flight (RFC 5681 3.2 step 2).
    flow.ssthresh_bytes = std::max(std::min(tcb.in_flight(), flow.cwnd_bytes) / 2, 2 * tcb.text_mss());
    flow.recover = tcb.snd.nxt;
    flow.set(kRecoverSet);
    flow.set(kRecovery);
    flow.set(kRetransmitOne);
    flow.cwnd_bytes = flow.ssthresh_bytes + 3 * tcb.text_mss();
    return true;
}

/// An ACK of new data in recovery (RFC 6582 3.2 step 3); tcb.snd.una is already the new one.
inline void recovery_ack(const Tcb& tcb, Flow& flow, uint32_t acked) noexcept {
    const uint32_t smss = tcb.text_mss();
    if (at_or_after(tcb.snd.una, flow.recover)) {  // full
        flow.cwnd_bytes = std::min(flow.ssthresh_bytes, std::max(tcb.in_flight(), smss) + smss);
        flow.clear(kRecovery);
        flow.dup_acks = 0;
        return;
    }
    flow.set(kRetransmitOne);  // partial
    flow.cwnd_bytes -= std::min(flow.cwnd_bytes, acked);
    if (acked >= smss) flow.cwnd_bytes += smss;
    flow.cwnd_bytes = std::max(flow.cwnd_bytes, smss);
}

/// All that is in flight is to be sent again; duplicate ACKs of what got through begin no recovery.
inline void resend_all(const Tcb& tcb, Flow& flow) noexcept {
    flow.recover = tcb.snd.nxt;
    flow.set(kRecoverSet);
    flow.clear(kRecovery);
    flow.clear(kRetransmitOne);
    flow.clear(kSmallInFlight);
    flow.dup_acks = 0;
    flow.mark = tcb.snd.una;
    flow.set(kRetransmitting);
}

/// Retransmission timeout (RFC 5681 3.1, RFC 6582 3.2 step 4).
inline void timeout_loss(const Tcb& tcb, Flow& flow) noexcept {
    if (flow.backoff == 0) flow.ssthresh_bytes = half_flight(tcb);
    flow.cwnd_bytes = tcb.text_mss();
    resend_all(tcb, flow);
}

/// Segments in flight were too large for the path. No sign of congestion: cwnd and ssthresh stay (RFC
/// 1191 6.5).
inline void too_big_loss(const Tcb& tcb, Flow& flow) noexcept {
    if (flow.has(kRecovery)) flow.cwnd_bytes = std::min(flow.cwnd_bytes, flow.ssthresh_bytes);
    resend_all(tcb, flow);
}

/// How far an ACK may lie below SND.UNA: MAX.SND.WND (RFC 5961 5.2), but not below what this connection has
/// sent, where that is known (Linux counts the bytes for it). Until the first loss cwnd has grown by each
/// byte that was acknowledged since the second line was made; what was acknowledged before that, but our FIN,
/// was so an RTO ago at least. So data with an ACK below our ISN is not taken.
constexpr uint32_t old_acks(const Tcb& tcb, const Flow* flow) noexcept {
    const uint32_t fin = tcb.has(kFinSent) ? 1 : 0;
    if (flow == nullptr) return fin;
    const uint32_t max_wnd = uint32_t{flow->max_snd_wnd} << tcb.snd_shift();
    if (flow->ssthresh_bytes != UINT32_MAX) return max_wnd;
    const uint32_t start = std::min(flow->cwnd_bytes, initial_window(tcb));
    return std::min(max_wnd, flow->cwnd_bytes - start + fin);
}

/// What may be in flight: cwnd, and on the first two duplicate ACKs one segment more for each (RFC 3042).
constexpr uint32_t send_limit(const Tcb& tcb, const Flow& flow) noexcept {
    const uint32_t extra = flow.has(kRecovery) ? 0 : std::min<uint32_t>(flow.dup_acks, 2) * tcb.text_mss();
    return std::min(tcb.snd.wnd, flow.cwnd_bytes + extra);
}

}  // namespace synfin::tcp
