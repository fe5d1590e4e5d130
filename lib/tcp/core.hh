#pragma once
/// @file
/// The core: RFC 9293 3.10 as functions (control block; segment, call or time) -> Effects. No I/O, no clock,
/// no allocation, no callback. Files follow the sections of the RFC: calls.cc is 3.10.1 to 3.10.6, input.cc
/// 3.10.7.1 to 3.10.7.3, synchronized.cc 3.10.7.4, timeouts.cc 3.10.8, output.cc the sending rules of 3.7 and
/// 3.8.

#include <cstdint>

#include "synfin/check.hh"
#include "tcp/conn.hh"
#include "tcp/effects.hh"
#include "tcp/isn.hh"
#include "tcp/params.hh"
#include "tcp/segment.hh"
#include "tcp/tcb.hh"

namespace synfin::tcp {

/// What most functions of the core need in addition to the connection.
struct Context {
    const Params& params;
    const TimestampOffsets& ts_offsets;
    Now now;
    /// Most bytes of text in one packet that the device then cuts into segments (TSO); 0: the device does not
    /// segment.
    uint32_t large_text = 0;
    bool scarce = false;  ///< control blocks or text blocks are running out: orphans are given up early
    /// Connections with this Tuple::local_index or a larger one are of IPv6 (net::LocalAddresses::count4()).
    uint32_t first_v6 = UINT32_MAX;
    /// The address of the peer whose segment is processed; IPv4, and at timeouts: of an earlier one.
    const Ipv6* remote6 = nullptr;

    bool is_v6(const Tuple& t) const noexcept { return t.local_index >= first_v6; }
    /// Upper limit of what we send in one segment, TCP options included, as long as no router reports a
    /// smaller path MTU.
    uint16_t path_mss(const Tuple& t) const noexcept { return is_v6(t) ? params.mss6 : params.path_mss; }
};

/// The only function that writes the state. SYNFIN_CHECKs the edge against RFC 9293 figure 5 (state.hh).
/// @note cost: none where the compiler knows the old state; it does so only when this is inlined.
[[gnu::always_inline]] inline void set_state(Tcb& tcb, State to) noexcept {
    SYNFIN_CHECK(is_legal_edge(tcb.state(), to));
    tcb.state_and_quick = static_cast<uint8_t>((tcb.state_and_quick & 0xf0) | static_cast<uint8_t>(to));
}

// ---- 3.10.7 SEGMENT ARRIVES (input.cc)
// ----------------------------------------------------------------------------

/// 3.10.7.1: a segment for which there is no connection and no listener.
void on_closed(const Segment& seg, Effects& fx) noexcept;

/// 3.10.7.2: a segment that reaches a listener. True when it is a SYN to answer: the stack then makes a
/// half-open record, sends a cookie or drops the SYN, according to its limits.
bool on_listen(const Segment& seg, Effects& fx) noexcept;

/// Whether a TIME-WAIT record yields to this segment, a new SYN (RFC 6191). The same answer as
/// Effects::reopen of on_synchronized, without a control block.
bool reopens(const TimeWait& time_wait, const Segment& seg, const Context& ctx) noexcept;

/// Makes the half-open record for a SYN in `out`. `iss` comes from isn.hh and is later than SND.NXT of a
/// TIME-WAIT predecessor.
void half_open(const Tuple& tuple, const Segment& syn, Seq iss, uint32_t listener, const Context& ctx,
               HalfOpen& out) noexcept;
inline HalfOpen half_open(const Tuple& tuple, const Segment& syn, Seq iss, uint32_t listener,
                          const Context& ctx) noexcept {
    HalfOpen out;
    half_open(tuple, syn, iss, listener, ctx, out);
    return out;
}

/// 3.10.7.3.
void on_syn_sent(Conn c, const Segment& seg, const Context& ctx, Effects& fx) noexcept;

/// 3.10.7.4: SYN-RECEIVED and every later state, eight steps in the RFC's order.
/// @note cost: touches the cache line of the Tcb, and that of the Flow if the connection has one.
void on_synchronized(Conn c, const Segment& seg, const Context& ctx, Effects& fx) noexcept;

/// Whether a segment may be a duplicate ACK that counts, or asks for a reduction of cwnd. If so, the stack
/// gives the connection a recovery record before it passes the segment to the core.
bool wants_recovery(const Tcb& tcb, const Flow* flow, const Segment& seg) noexcept;

/// Dispatches by state a segment that is not predicted.
void by_steps(Conn c, const Segment& seg, const Context& ctx, Effects& fx) noexcept;
/// Tries predicted() first, then by_steps(). Returns true when predicted() took the segment.
bool segment_arrives(Conn c, const Segment& seg, const Context& ctx, Effects& fx) noexcept;

/// Fast path for the segment that is expected in each state. Returns false when it did nothing: call
/// on_synchronized then. Its results equal those of on_synchronized byte for byte
/// (tests/unit/tcp/predicted_test.cc). Refuses a connection that has a recovery record which `c` does not
/// have.
bool predicted(Conn c, const Segment& seg, const Context& ctx, Effects& fx) noexcept;
/// The same, never inlined, for a second caller: predicted() is inlined as long as it has only one.
bool predicted_by_call(Conn c, const Segment& seg, const Context& ctx, Effects& fx) noexcept;

/// Whether a segment is the usual ACK that completes a passive open; it may carry text and FIN. `rcv_wnd` as
/// for expand().
bool opens_as_predicted(const HalfOpen& half_open, uint32_t rcv_wnd, const Segment& seg) noexcept;
/// For such a segment: makes the control block in `tcb`, in ESTABLISHED or a later state, and takes the
/// segment. The result equals that of expand() and on_synchronized byte for byte.
void open_predicted(const HalfOpen& half_open, uint32_t rcv_wnd, const Segment& seg, const Context& ctx,
                    Tcb& tcb, Effects& fx) noexcept;

/// Stored out-of-order text has become contiguous: advances RCV.NXT over `len` bytes, and over FIN if `fin`.
/// The stack delivers the bytes. Sets `fx.output`, and for FIN the same effects as a FIN that arrives in
/// order.
void on_reassembled(Tcb& tcb, uint32_t len, bool fin, const Context& ctx, Effects& fx) noexcept;

/// An ICMP error (RFC 1122 4.2.3.9, RFC 5927) that quotes this connection's tuple. Only a hard error ends a
/// connection, and only before ESTABLISHED.
void on_icmp_error(Tcb& tcb, bool is_hard, Seq quoted_seq, Effects& fx) noexcept;

// ---- 3.10.1 - 3.10.6 calls (calls.cc)
// -------------------------------------------------------------------------------

/// 3.10.1 active OPEN: enters SYN-SENT; the output pass sends the SYN.
void open_active(Tcb& tcb, const Tuple& tuple, Seq iss, const Context& ctx, Effects& fx) noexcept;
/// 3.10.4 CLOSE: half-close, FIN after all queued text.
void shutdown(Tcb& tcb, const Context& ctx, Effects& fx) noexcept;
/// close() of sockets: CLOSE, and nothing is received any more. `unread`: the application has not taken all
/// text.
void close(Tcb& tcb, bool unread, const Context& ctx, Effects& fx) noexcept;
/// 3.10.5 ABORT.
void abort(Tcb& tcb, Effects& fx) noexcept;
/// The application took bytes: requests an ACK if the peer should learn the larger window (SWS avoidance,
/// 3.8.6.2.2). `room` is how many bytes the receive buffer can take now.
void open_window(Tcb& tcb, uint32_t room, const Params& params, Effects& fx) noexcept;

// ---- 3.10.8 timeouts (timeouts.cc)
// ------------------------------------------------------------------------------------

/// Tcb::deadline has passed; the caller has checked it. The connection must have a Flow where
/// needs_flow_at_timeout() says so. `user_timeout`: R2 of this connection, in ticks.
void on_deadline(Conn c, uint32_t user_timeout, const Context& ctx, Effects& fx) noexcept;
/// Whether on_deadline needs a Flow, which this connection may not have yet.
bool needs_flow_at_timeout(const Tcb& tcb, const Params& params) noexcept;
/// Whether on_deadline may find a loss. If so, the stack gives the connection a recovery record first, unless
/// records are scarce and yields_recovery() says so.
bool wants_recovery_at_timeout(const Tcb& tcb) noexcept;
/// While recovery records are scarce: whether a connection for which on_deadline may find a loss does without
/// one. So does one whose retransmission timer has expired before: its peer may be dead, and would keep the
/// record until the user timeout. The connection has a Flow.
inline bool yields_recovery(Conn c) noexcept {
    return c.tcb.deadline_kind == DeadlineKind::rto && expiries_of(c) != 0;
}
/// Before such a connection's record is freed: from now on the retransmission timer alone repairs its losses.
void forgo_recovery(Flow& flow) noexcept;
/// The deadline of a half-open record may have passed. True: send its SYN-ACK again. False with `expired`:
/// free the record.
bool on_half_open_deadline(HalfOpen& half_open, const Context& ctx, bool& expired) noexcept;
/// Sets the deadline of a connection with nothing in flight: FIN-WAIT-2, idling (frees the Flow), keepalive,
/// or the age of TS.Recent.
/// @return whether there is one.
bool set_idle_deadline(Tcb& tcb, const Flow* flow, bool has_record, const Context& ctx) noexcept;
/// @note cost: inlined, so that the Effects stay in registers; no Conn is passed, because it goes through
/// memory.
[[gnu::always_inline]] inline void set_idle_deadline(Conn c, const Context& ctx, Effects& fx) noexcept {
    if (set_idle_deadline(c.tcb, c.flow, c.rec != nullptr, ctx)) fx.timer = true;
}

// ---- sending (output.cc)
// -----------------------------------------------------------------------------------------------

/// A segment to send: the fields that the core decides.
struct Outgoing {
    Seq seq;
    Seq ack;
    uint32_t offset = 0;  ///< offset of the text in the send queue, which begins at SND.UNA
    uint32_t len = 0;     ///< bytes of text
    uint16_t wnd = 0;     ///< as on the wire
    /// Bytes of text in each segment that the device cuts from this packet; `len` is a multiple, and there
    /// are no flags but ACK and ECE. 0: this is one segment.
    uint16_t segment_bytes : 15 = 0;
    uint16_t ect : 1 = 0;  ///< the IP header says ECT(0) (RFC 3168 5)
    uint8_t flags = 0;
    bool retransmission = false;
    bool probe = false;  ///< zero-window or keepalive probe
    bool last = false;   ///< nothing follows: another call would return false

    /// One segment, without ECT: nearly all.
    bool is_plain() const noexcept { return segment_bytes == 0 && ect == 0; }
};
static_assert(sizeof(Outgoing) == 24);

/// The next segment that the connection may send, as limited by SWS avoidance, Nagle, cwnd and SND.WND;
/// false: none. With Context::large_text one call may return several segments of new text, the same ones that
/// successive calls would return. Updates the control block as if the segment were sent; if the device then
/// refuses it, it is repaired like a lost one. Call until it returns false or sets `last`. `room`: bytes that
/// the receive buffer can take now; 0: no more, not even those of a window that is rounded up.
bool next_segment(Conn c, uint32_t room, const Context& ctx, Outgoing& out, Effects& fx) noexcept;
/// The same for a connection without a recovery record and without ECN: nearly all. It has one caller, so
/// that it is inlined there.
bool next_plain_segment(Conn c, uint32_t room, const Context& ctx, Outgoing& out, Effects& fx) noexcept;

/// How far the units of the window scale may raise RCV.WND above what the receive buffer can take, in bytes:
/// a sixteenth of the largest window. See rounded_window_field().
constexpr uint32_t most_rounding(const Tcb& tcb) noexcept {
    return 4096u << tcb.rcv_shift();
}

/// <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> for Reply::ack and challenge ACKs. Owed ACKs stay owed.
void answer(Tcb& tcb, uint32_t room, Outgoing& out) noexcept;

}  // namespace synfin::tcp
