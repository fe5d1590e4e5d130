/// @file
/// RFC 9293 3.10.1 to 3.10.6: the calls of the application.

#include <algorithm>

#include "tcp/core.hh"
#include "tcp/rtt.hh"

namespace synfin::tcp {

void open_active(Tcb& tcb, const Tuple& tuple, Seq iss, const Context& ctx, Effects& fx) noexcept {
    tcb = Tcb{};
    tcb.tuple = tuple;
    tcb.snd.una = tcb.snd.nxt = iss;  // next_segment() sends the SYN and moves SND.NXT
    tcb.rcv.wnd = ctx.params.rcv_start;
    tcb.mss = ctx.path_mss(tuple);
    tcb.flags = static_cast<uint16_t>(kSynUnacked | ctx.params.open_flags);
    set_state(tcb, State::syn_sent);
    tcb.set_deadline(DeadlineKind::syn, ctx.now.tick + ctx.params.rto_initial);
    fx.timer = true;
    fx.output = true;
}

namespace {
/// "queue this until all preceding SENDs have been segmentized, then form a FIN segment": next_segment()
/// forms it.
[[gnu::always_inline]] inline void queue_fin(Tcb& tcb, State to, Effects& fx) noexcept {
    tcb.set(kFinQueued);
    if (to != tcb.state()) set_state(tcb, to);
    fx.output = true;
}

/// What shutdown() does. Inlined into close() too, because every connection closes.
[[gnu::always_inline]] inline void end_sending(Tcb& tcb, Effects& fx) noexcept {
    switch (tcb.state()) {
        case State::syn_sent:  // "Delete the TCB": only the SYN has been sent
            set_state(tcb, State::closed);
            fx.ended = true;
            fx.reason = CloseReason::aborted;
            return;
        case State::syn_received:
            // FIN-WAIT-1 at once when nothing is queued; data that waits for ESTABLISHED is sent first.
            queue_fin(tcb, tcb.flow == 0 ? State::fin_wait_1 : State::syn_received, fx);
            return;
        case State::established: queue_fin(tcb, State::fin_wait_1, fx); return;
        case State::close_wait: queue_fin(tcb, State::close_wait, fx); return;  // LAST-ACK when FIN leaves
        case State::closed:
        case State::listen:
        case State::fin_wait_1:
        case State::fin_wait_2:
        case State::closing:
        case State::last_ack:
        case State::time_wait: return;
    }
}
}  // namespace

void shutdown(Tcb& tcb, const Context& ctx, Effects& fx) noexcept {
    static_cast<void>(ctx);
    end_sending(tcb, fx);
}

void close(Tcb& tcb, bool unread, const Context& ctx, Effects& fx) noexcept {
    tcb.set(kAppGone);
    // RFC 9293 3.6.1: "a TCP reset ... to show that data was lost". Once the peer's FIN has led to TIME-WAIT,
    // no reset is sent.
    if (unread && tcb.state() != State::syn_sent && tcb.state() != State::time_wait) {
        abort(tcb, fx);
        return;
    }
    end_sending(tcb, fx);
    if (tcb.state() == State::fin_wait_2) set_idle_deadline({tcb}, ctx, fx);
}

void abort(Tcb& tcb, Effects& fx) noexcept {
    if (tcb.state() == State::closed) return;  // it has ended already, and an event will report that
    switch (tcb.state()) {
        case State::syn_received:
        case State::established:
        case State::fin_wait_1:
        case State::fin_wait_2:
        case State::close_wait:
            fx.reply = Reply::rst;
            // A probe of a closed window moves SND.NXT beyond the window, where the peer would not accept the
            // RST. So "SEQ = SND.NXT" is read as the number that the peer expects next (RFC 9293 3.10.7.4;
            // Linux's tcp_acceptable_seq). An excess below one unit of the window scale is the peer's
            // rounding: the peer may have accepted those bytes.
            fx.rst_seq = tcb.snd.wnd == 0 || tcb.in_flight() >= tcb.snd.wnd + (1u << tcb.snd_shift())
                             ? tcb.snd.una + std::min(tcb.snd.wnd, tcb.in_flight())
                             : tcb.snd.nxt;
            fx.rst_has_ack = true;
            fx.rst_ack = tcb.rcv.nxt;
            break;
        case State::closed:
        case State::listen:
        case State::syn_sent:
        case State::closing:
        case State::last_ack:
        case State::time_wait: break;
    }
    set_state(tcb, State::closed);
    fx.ended = true;
    fx.reason = CloseReason::aborted;
}

void open_window(Tcb& tcb, uint32_t room, const Params& params, Effects& fx) noexcept {
    if (!can_receive(tcb.state()) || room <= tcb.rcv.wnd) return;
    const uint32_t step = std::min<uint32_t>(tcb.text_mss(), params.rcv_buffer / 2);
    if (room - tcb.rcv.wnd < step) return;
    // If the window was nearly closed, an ACK is sent for it now; otherwise the next ACK carries the new
    // window.
    if (tcb.rcv.wnd < std::min(params.rcv_buffer / 2, 2 * tcb.text_mss())) {
        tcb.set(kAckNow);
        fx.output = true;
    }
}

}  // namespace synfin::tcp
