#pragma once
/// @file
/// The core: RFC 9293 3.10 as functions of (control block, segment or call or time) -> Effects. No I/O, no
/// clock, no allocation, no callback. The section numbers of the RFC are the file names: input.cc is 3.10.7,
/// calls.cc 3.10.1 to 3.10.6, timeouts.cc 3.10.8, output.cc what 3.7 and 3.8 say of sending.

#include <cstdint>

#include "synfin/check.hh"
#include "tcp/conn.hh"
#include "tcp/effects.hh"
#include "tcp/isn.hh"
#include "tcp/params.hh"
#include "tcp/segment.hh"
#include "tcp/tcb.hh"

namespace synfin::tcp {

/// What every function of the core needs beside its control block.
struct Context {
    const Params& params;
    const TimestampOffsets& ts_offsets;
    Now now;
    /// Bytes of text that may leave in one packet now, for the device to cut into segments (TSO); 0: none
    /// may.
    uint32_t large_text = 0;
    bool scarce = false;  ///< control blocks or blocks of text: orphans are given up early
};

/// The one writer of the state. CHECKs the edge against RFC 9293 figure 5 (state.hh).
/// @note cost: none where the compiler knows the state that is left, which it does only where this is
/// inlined.
[[gnu::always_inline]] inline void set_state(Tcb& tcb, State to) noexcept {
    SYNFIN_CHECK(is_legal_edge(tcb.state(), to));
    tcb.state_and_quick = static_cast<uint8_t>((tcb.state_and_quick & 0xf0) | static_cast<uint8_t>(to));
}

// ---- 3.10.7 SEGMENT ARRIVES (input.cc)
// ----------------------------------------------------------------------------

/// 3.10.7.1: a segment for which there is no connection and no listener.
void on_closed(const Segment& seg, Effects& fx) noexcept;

/// 3.10.7.2: a segment that reaches a listener. True when it is a SYN to be answered: the stack then makes a
/// half-open record, sends a cookie, or drops, by its own limits.
bool on_listen(const Segment& seg, Effects& fx) noexcept;

/// Whether a segment is a SYN that a TIME-WAIT record yields to (RFC 6191): what on_synchronized says of it
/// with Effects::reopen, without a control block.
bool reopens(const TimeWait& time_wait, const Segment& seg, const Context& ctx) noexcept;

/// Makes the half-open record for a SYN, where it is to stay. `iss` from isn.hh, later than a TIME-WAIT
/// predecessor's SND.NXT.
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
/// @note cost: the first line of the control block; the second only when it is there.
void on_synchronized(Conn c, const Segment& seg, const Context& ctx, Effects& fx) noexcept;

/// Whether a segment may be a duplicate ACK that is to be counted: the stack then gives the connection a
/// recovery record before it hands the segment over.
bool wants_recovery(const Tcb& tcb, const Flow* flow, const Segment& seg) noexcept;

/// Dispatch by state, for a segment that is not predicted.
void by_steps(Conn c, const Segment& seg, const Context& ctx, Effects& fx) noexcept;
/// The same, predicted segments first (predicted.cc). Returns true when the predicted path took it.
bool segment_arrives(Conn c, const Segment& seg, const Context& ctx, Effects& fx) noexcept;

/// The segment that is expected in each state, by a straight path. False: nothing was done, take
/// on_synchronized. Whatever it does is what on_synchronized would do, byte for byte
/// (tests/unit/tcp/predicted_test.cc).
bool predicted(Conn c, const Segment& seg, const Context& ctx, Effects& fx) noexcept;

/// Whether a segment is the ACK that ends a passive open, as it nearly always is; text and FIN may be on it.
/// rcv_wnd is what expand() would be given.
bool opens_as_predicted(const HalfOpen& half_open, uint32_t rcv_wnd, const Segment& seg) noexcept;
/// Then: makes the control block of it, in ESTABLISHED or beyond, where it is to stay, and takes the segment,
/// as expand() and on_synchronized would do, byte for byte.
void open_predicted(const HalfOpen& half_open, uint32_t rcv_wnd, const Segment& seg, const Context& ctx,
                    Tcb& tcb, Effects& fx) noexcept;

/// Stored text has become contiguous: advances RCV.NXT over `len` bytes, and over FIN when `fin`. The stack
/// hands the bytes over. Sets fx as accept_text and check_fin do.
void on_reassembled(Tcb& tcb, uint32_t len, bool fin, const Context& ctx, Effects& fx) noexcept;

/// A hard ICMP error (RFC 1122 4.2.3.9, RFC 5927) whose quoted tuple is this connection's.
void on_icmp_error(Tcb& tcb, uint8_t type, uint8_t code, Seq quoted_seq, Effects& fx) noexcept;

// ---- 3.10.1 - 3.10.6 calls (calls.cc)
// -------------------------------------------------------------------------------

/// 3.10.1 active OPEN: SYN-SENT, SYN to be sent by the output pass.
void open_active(Tcb& tcb, const Tuple& tuple, Seq iss, const Context& ctx, Effects& fx) noexcept;
/// 3.10.4 CLOSE: half-close, FIN after all queued text.
void shutdown(Tcb& tcb, const Context& ctx, Effects& fx) noexcept;
/// close() of sockets: CLOSE, and no more receiving. `unread`: there is text that the application never took.
void close(Tcb& tcb, bool unread, const Context& ctx, Effects& fx) noexcept;
/// 3.10.5 ABORT.
void abort(Tcb& tcb, Effects& fx) noexcept;
/// The application took bytes: whether the window has opened by enough to tell the peer (SWS
/// avoidance, 3.8.6.2.2). `room` is how much the receive buffer can take now.
void open_window(Tcb& tcb, uint32_t room, const Params& params, Effects& fx) noexcept;

// ---- 3.10.8 timeouts (timeouts.cc)
// ------------------------------------------------------------------------------------

/// The wheel says that Tcb::deadline has passed (the caller checked). The second line must exist when
/// something is in flight or in SYN-SENT (needs_flow_at_timeout). `user_timeout`: ticks; R2 of this
/// connection.
void on_deadline(Conn c, uint32_t user_timeout, const Context& ctx, Effects& fx) noexcept;
/// Whether on_deadline wants a second line that this connection may not have yet.
bool needs_flow_at_timeout(const Tcb& tcb, const Params& params) noexcept;
/// Whether on_deadline may find a loss: the stack then gives the connection a recovery record before.
bool wants_recovery_at_timeout(const Tcb& tcb) noexcept;
/// A half-open record is due. True: send its SYN-ACK again; false with `expired`: give it up.
bool on_half_open_deadline(HalfOpen& half_open, const Context& ctx, bool& expired) noexcept;
/// What the deadline of a connection with nothing in flight is: releasing its second line, keepalive, or
/// TS.Recent's age.
void set_idle_deadline(Conn c, const Context& ctx, Effects& fx) noexcept;

// ---- sending (output.cc)
// -----------------------------------------------------------------------------------------------

/// A segment to send: what differs from connection to connection.
struct Outgoing {
    Seq seq;
    Seq ack;
    uint32_t offset = 0;  ///< of the text in the send queue (from SND.UNA)
    uint32_t len = 0;     ///< bytes of text
    uint16_t wnd = 0;     ///< as on the wire
    /// Bytes of text of each segment that the device is to make of it: `len` is a multiple, ACK the only
    /// flag. 0: it is one segment.
    uint16_t segment_bytes = 0;
    uint8_t flags = 0;
    bool retransmission = false;
    bool probe = false;  ///< zero-window or keepalive probe
    bool last = false;   ///< nothing follows: asking again would say so
};

/// The next segment that the connection may send, SWS, Nagle, cwnd and SND.WND permitting; false: none. Of
/// new text, several at once where the context lets them: together they are what one call after the other
/// would have said. Updates the control block as if it were sent: a segment that the device then refuses is
/// repaired as a lost one. Call it until it says false or `last`. `room`: what the receive buffer can take
/// now.
bool next_segment(Conn c, uint32_t room, const Context& ctx, Outgoing& out, Effects& fx) noexcept;

/// <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> for Reply::ack and challenge ACKs. ACKs that are owed stay owed: this
/// one answers another segment.
void answer(Tcb& tcb, uint32_t room, Outgoing& out) noexcept;

}  // namespace synfin::tcp
