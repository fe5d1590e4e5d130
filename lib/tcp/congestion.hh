#pragma once
/// @file
/// Congestion control: only this file, congestion.cc and those in congestion/ change cwnd and ssthresh
/// (scripts/check_layers.py checks this). The controller decides how cwnd grows and how far it is reduced,
/// one file of congestion/ and one row of synfin/congestion_control.def. What all controllers share is here:
/// initial and restart window (RFC 6928, RFC 5681 4.1), the rule for application-limited connections, and the
/// recovery from a loss: with SACK by PRR (RFC 9937), without by RFC 6582.

#include <algorithm>
#include <cstdint>

#include "tcp/congestion/newreno.hh"
#include "tcp/congestion/reno_recovery.hh"
#include "tcp/conn.hh"
#include "tcp/loss/scoreboard.hh"
#include "tcp/params.hh"

namespace synfin::tcp {

/// RFC 6928 2; one segment when the SYN or SYN-ACK was lost (RFC 5681 3.1).
constexpr uint32_t initial_window(const Tcb& tcb) noexcept {
    const uint32_t smss = tcb.text_mss();
    if (tcb.has(kSynResent)) return smss;
    return std::min(10 * smss, std::max(2 * smss, 14'600u));
}

namespace congestion {

/// An ACK of new data outside recovery: cwnd grows, if the connection used it.
void grow(Conn c, uint32_t acked, const Now& now) noexcept;

/// An ACK of `acked` new bytes, without SACK; SND.UNA is already the new one.
void on_ack(Conn c, uint32_t acked, const Now& now) noexcept;
/// The same without a recovery record. There is at most one segment in flight, or the pool is empty.
[[gnu::always_inline]] inline void on_ack_without_record(Conn c, uint32_t acked) noexcept {
    if (c.flow->has(kRecoverSet)) [[unlikely]]
        reno_recovery::note_progress(c);
    newreno::grow(c.tcb, *c.flow, acked);
}

/// RFC 5681 2: a duplicate ACK, without SACK.
/// @return whether it reveals a loss; then the next segment sent is the retransmission.
bool on_duplicate_ack(Conn c) noexcept;

/// Retransmission timeout (RFC 5681 3.1, RFC 6582 3.2 step 4). Without SACK or without a record everything in
/// flight will be sent again.
void on_rto(Conn c, const Now& now) noexcept;

/// Segments in flight were too large for the path; everything in flight will be sent again. This is no sign
/// of congestion, so ssthresh stays and cwnd is not reduced to one segment (RFC 1191 6.5).
void on_too_big(Conn c) noexcept;

// With SACK and a record; loss/loss_recovery.cc decides when.

/// Fast recovery begins, with an ACK or by the reordering timer (then `d` is empty).
void enter_recovery(Conn c, const scoreboard::Delivered& d, const Now& now) noexcept;
/// An ACK during fast recovery. `found`: it revealed another loss.
void on_recovery_ack(Conn c, const scoreboard::Delivered& d, bool found) noexcept;
void leave_recovery(Conn c) noexcept;
/// A tail loss probe has repaired a loss (RFC 8985 7.4.2).
void on_tail_loss(Conn c) noexcept;
/// F-RTO has sent new text, and the timeout was genuine nevertheless (RFC 5682 3 step 3a): two segments are
/// in flight, and slow start goes on with one more.
void on_genuine_timeout(Conn c) noexcept;
/// The last reduction was unnecessary (RFC 4015 3.3). `acked`: bytes that the ACK newly acknowledges.
void undo(Conn c, uint32_t acked) noexcept;
/// An RTT sample of the last segment delivered.
void take_rtt(Conn c, uint32_t rtt_us) noexcept;

// ECN (RFC 3168 6.1.2)

/// What an ACK changes, before it is taken.
struct BeforeAck {
    uint32_t flight, acked;  ///< FlightSize; how much of it the ACK acknowledges
    uint32_t cwnd = 0;
    bool is_prr = false;  ///< PRR sets cwnd
    BeforeAck(Conn c, Seq ack) noexcept
        : flight(c.tcb.in_flight()), acked(after(ack, c.tcb.snd.una) ? distance(c.tcb.snd.una, ack) : 0) {
        if (c.flow == nullptr) return;
        cwnd = c.flow->cwnd_bytes;
        is_prr = (c.flow->flags & (kRecovery | kEcnRecovery)) != 0;
    }
};
/// An ACK with ECE, after all its other effects. It does not make cwnd grow. It reduces cwnd as a loss does,
/// at most once for each window: with SACK by PRR, or else at once. cwnd may become one segment; if it is one
/// segment already, the next segment waits for the retransmission timer.
/// @return whether cwnd is reduced for it.
bool on_ece(Conn c, const BeforeAck& was) noexcept;
/// An ACK of new data without ECE, with kEceAnswered: once it covers the first segment after a reduction,
/// which carried CWR, the next ECE counts again.
void on_ack_without_ece(Conn c) noexcept;
/// Whether the connection waits for the retransmission timer before it sends a segment, because of ECE.
constexpr bool is_held_by_ece(const Flow& flow) noexcept {
    return flow.cwnd_bytes == 0;
}
inline void end_hold(const Tcb& tcb, Flow& flow) noexcept {
    flow.cwnd_bytes = tcb.text_mss();
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

/// Bytes beyond SND.UNA that cwnd allows; the caller applies SND.WND.
[[gnu::always_inline]] inline uint32_t window(const Tcb& tcb, const Flow& flow,
                                              const Recovery* rec) noexcept {
    if (rec == nullptr) return flow.cwnd_bytes;
    if (!tcb.has(kSack)) return reno_recovery::window(tcb, flow, *rec);
    if (rec->lost != 0 && rec->frto != 2) return 0;  // lost text comes first
    // What is SACKed or lost is not in the network (RFC 6675 2, pipe).
    return flow.cwnd_bytes + rec->sacked + rec->lost;
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
    flow.control =
        tcb.controller == 0 ? params.congestion_control : static_cast<CongestionControl>(tcb.controller - 1);
}

/// Whether a connection that has just sent a segment should have a recovery record: more text follows.
inline bool wants_recovery_to_send(const Tcb& tcb, const Flow& flow) noexcept {
    return flow.recovery == 0 && tcb.in_flight() != 0 && after(flow.snd_end, tcb.snd.nxt) &&
           tcb.snd.wnd != 0 && !tcb.has(kSynUnacked);
}

/// Initialises a recovery record.
void start_recovery(const Tcb& tcb, Flow& flow, Recovery& rec, const Now& now) noexcept;

/// Whether the record is still needed: until the connection has been idle for an RTO.
inline bool keeps_recovery(const Tcb& tcb, const Flow& flow) noexcept {
    return tcb.snd.una != tcb.snd.nxt || after(flow.snd_end, tcb.snd.nxt) ||
           tcb.deadline_kind == DeadlineKind::idle;
}

}  // namespace synfin::tcp
