/// @file
/// Passive opens, from a SYN at a listener to an open connection: half-open records, SYN cookies, yielding
/// records.

#include "stack/perform.hh"
#include "tcp/ecn.hh"
#include "tcp/isn.hh"
#include "tcp/syn_cookie.hh"

namespace synfin::stack {

using tcp::Effects;
using tcp::HalfOpen;
using tcp::Reply;
using tcp::Segment;
using tcp::Seq;
using tcp::Tcb;

/// Allocates a record for a SYN. A SYN that reopens a TIME-WAIT tuple (`is_paid`) replaces that record and
/// takes no place in the backlog. So a full backlog does not lock out a returning client, which no cookie
/// could serve: a cookie cannot be made larger than the sequence numbers of the previous connection (RFC 9293
/// MAY-2). 0: the backlog is full of younger records.
[[gnu::always_inline]] inline uint32_t Connections::alloc_half_open(bool is_paid) noexcept {
    if (half_opens_.backlog() < config_.max_half_open || is_paid) [[likely]]
        return half_opens_.alloc();
    return yield_half_open();
}

/// Gives a new connection what its listener says, and its token to the event that tells the application.
[[gnu::always_inline]] inline void Connections::inherit(uint32_t listener, Tcb& tcb) noexcept {
    const Listeners::Inherited& inherited = listeners_.inherited(listener);
    open_token_ = inherited.token;
    tcb.controller = inherited.controller;
}

[[gnu::noinline]] void Connections::arrive_half_open(uint32_t index, const Incoming& in) noexcept {
    const Segment& seg = in.seg;
    HalfOpen& half_open = half_opens_[index];
    const uint32_t rcv_wnd = syn_window();
    if (tcp::opens_as_predicted(half_open, rcv_wnd, seg)) [[likely]] {
        if (const uint32_t opened = tcbs_.alloc(); opened != 0) [[likely]] {
            Tcb& tcb = tcbs_[opened];
            Effects fx;
            tcp::open_predicted(half_open, rcv_wnd, seg, context(), tcb, fx);
            begin_life(opened);
            table_.replace(in.hash, handle(Kind::half_open, index), handle(Kind::open, opened));
            if (is_v6(in.tuple)) [[unlikely]]
                peers6_.set(opened, *in.remote6);
            inherit(half_open.listener, tcb);
            release_half_open(index);
            counters_.add(Counter::predicted);
            perform_inlined<true>(opened, in.text, fx);
            open_token_ = 0;
            return;
        }
    }
    judge_half_open(index, in);
}

/// Handles segments other than the expected ACK, and that ACK when no control block is free. Not inlined: a
/// control block on the stack needs alignment, which would cost every segment.
[[gnu::cold, gnu::noinline]] void Connections::judge_half_open(uint32_t index, const Incoming& in) noexcept {
    const Segment& seg = in.seg;
    HalfOpen& half_open = half_opens_[index];
    Tcb tcb = tcp::expand(half_open, syn_window(), params_.rcv_shift);
    Effects fx;
    tcp::on_synchronized({tcb}, seg, context(), fx);
    if (fx.to_listen) {  // RST, or a SYN in the window
        if (fx.drop != DropReason::none) counters_.drop(fx.drop);
        if (seg.has(wire::kRst)) counters_.add(Counter::resets_received);
        free_half_open(index, in.hash);
        return;
    }
    if (!fx.opened) {
        if (fx.drop != DropReason::none) counters_.drop(fx.drop);
        if (fx.reply == Reply::syn_ack) {
            counters_.add(Counter::syn_retransmitted);
            half_open.flags |= tcp::kSynResent;
            // A SYN without ECN: the peer, or the path, does not want it (RFC 3168 6.1.1).
            if (!tcp::is_ecn_setup_syn(seg))
                half_open.flags = static_cast<uint16_t>(half_open.flags & ~tcp::kEcn);
            send_syn_ack(half_open, in.remote6);
        } else {
            reply(handle(Kind::half_open, index), tcb, fx);
        }
        return;
    }
    const uint32_t opened = promote(tcb, in, handle(Kind::half_open, index));
    if (opened ==
        0) {  // no record: the ACK counts as lost, and the SYN-ACK is sent again (conformance row 35)
        counters_.drop(DropReason::accept_full);
        return;
    }
    inherit(half_open.listener, tcbs_[opened]);
    release_half_open(index);
    perform(opened, in.text, fx);
    open_token_ = 0;
}

void Connections::arrive_listen(uint16_t listener, const Incoming& in,
                                std::optional<Seq> after_iss) noexcept {
    const Segment& seg = in.seg;
    Effects fx;
    if (!tcp::on_listen(seg, fx)) {
        const bool may_be_cookie =
            cookies_sent_at_ != 0 &&
            core_now_.tick - cookies_sent_at_ <= tcp::kCookiePeriods * tcp::kCookiePeriodTicks &&
            (seg.flags & (wire::kAck | wire::kSyn | wire::kRst)) == wire::kAck;
        if (may_be_cookie) {
            open_from_cookie(listener, in);
            return;
        }
        counters_.drop(fx.drop);
        reply_rst(in.tuple, in.remote6, fx);
        return;
    }
    if (listeners_.is_at_backlog(listener) && !after_iss) [[unlikely]] {
        counters_.add(Counter::listener_backlog_full);
        answer_with_cookie(in);
        return;
    }
    Seq iss = isns_.of(in.tuple, in.remote6, now_);
    // A reopened TIME-WAIT tuple: the ISS must be beyond all that the previous connection sent (RFC 9293
    // MAY-2).
    if (after_iss && !tcp::after(iss, *after_iss + 65'536u)) iss = *after_iss + 65'537u;
    const uint32_t index = alloc_half_open(after_iss.has_value());
    if (index == 0) [[unlikely]] {
        answer_with_cookie(in);
        return;
    }
    HalfOpen& made = half_opens_[index];
    tcp::half_open(in.tuple, seg, iss, listener, context(), made);
    if (after_iss) {
        made.is_paid = true;
    } else if (half_opens_.backlog() > (config_.max_half_open + 1) / 2 && config_.tcp.syn_cookies)
        [[unlikely]] {
        make_half_open_a_cookie(made, in);
    }
    if (!add_to_table(in.hash, handle(Kind::half_open, index))) {
        half_opens_.discard(index);
        counters_.drop(DropReason::backlog_full);
        return;
    }
    if (is_v6(in.tuple)) [[unlikely]]
        peers6_.set(handle(Kind::half_open, index), *in.remote6);
    half_opens_.add(index);
    if (!made.is_paid) listeners_.take_place(listener);
    counters_.add(Counter::passive_opens);
    send_syn_ack(made, in.remote6);
}

/// Frees the oldest half-open record whose SYN-ACK has been sent again, so that its peer had time to answer.
/// If its SYN-ACK carried a cookie, a later ACK opens the connection without the record. A record without a
/// cookie, from before the backlog filled, stays for one more SYN-ACK.
[[gnu::cold, gnu::noinline]] uint32_t Connections::yield_half_open() noexcept {
    const uint32_t oldest = half_opens_.yielding(config_.tcp.syn_cookies);
    if (oldest == 0) return 0;
    counters_.add(Counter::half_open_yielded);
    free_half_open(oldest, table_.hash(half_opens_[oldest].tuple));
    return half_opens_.alloc();
}

/// The backlog is more than half full, and this record may have to yield: so its SYN-ACK carries a cookie
/// (RFC 4987 3.6).
[[gnu::cold, gnu::noinline]] void Connections::make_half_open_a_cookie(HalfOpen& made,
                                                                       const Incoming& syn) noexcept {
    const Seq irs = syn.seg.seq;
    made.is_cookie = true;
    made.iss =
        is_v6(syn.tuple)
            ? tcp::make_cookie(key_, addresses_.named(syn.tuple, *syn.remote6), irs, made.mss, core_now_.tick)
            : tcp::make_cookie(key_, addresses_.named(syn.tuple), irs, made.mss, core_now_.tick);
    // Without timestamps a cookie cannot carry the other options, so they are not offered.
    if ((made.flags & tcp::kTimestamps) == 0) made.flags = 0;
    cookies_sent_at_ = tcp::deadline_at(core_now_.tick);
}

/// Answers a SYN for which there is no half-open record.
[[gnu::cold, gnu::noinline]] void Connections::answer_with_cookie(const Incoming& syn) noexcept {
    if (!config_.tcp.syn_cookies) {
        counters_.drop(DropReason::backlog_full);
        return;
    }
    HalfOpen made = tcp::half_open(syn.tuple, syn.seg, Seq(), 0, context());
    make_half_open_a_cookie(made, syn);
    counters_.add(Counter::syn_cookies_sent);
    send_syn_ack(made, syn.remote6);
}

[[gnu::cold, gnu::noinline]] void Connections::open_from_cookie(uint16_t listener,
                                                                const Incoming& in) noexcept {
    const Segment& seg = in.seg;
    const Tuple& tuple = in.tuple;
    const uint32_t ts_ecr = seg.ts_ecr - ts_offsets_.of(tuple, in.remote6);
    auto made = is_v6(tuple) ? tcp::open_cookie(key_, tuple, addresses_.named(tuple, *in.remote6), seg,
                                                ts_ecr, params_, core_now_.tick)
                             : tcp::open_cookie(key_, tuple, addresses_.named(tuple), seg, ts_ecr, params_,
                                                core_now_.tick);
    if (!made) {
        counters_.drop(DropReason::bad_cookie);
        Effects fx;
        fx.reply = Reply::rst;
        fx.rst_seq = seg.ack;
        reply_rst(tuple, in.remote6, fx);
        return;
    }
    made->listener = listener;
    Tcb tcb = tcp::expand(*made, syn_window(), params_.rcv_shift);
    Effects fx;
    tcp::on_synchronized({tcb}, seg, context(), fx);
    if (!fx.opened) {
        counters_.drop(fx.drop);
        return;
    }
    const uint32_t index = promote(tcb, in, net::ConnectionTable::kNone);
    if (index == 0) {
        counters_.drop(DropReason::accept_full);
        return;
    }
    counters_.add(Counter::passive_opens);
    counters_.add(Counter::syn_cookies_accepted);
    inherit(listener, tcbs_[index]);
    perform(index, in.text, fx);
    open_token_ = 0;
}

/// Allocates a record and copies the control block to it. 0: none is left.
uint32_t Connections::promote(const Tcb& tcb, const Incoming& in, uint32_t old_handle) noexcept {
    const uint32_t index = tcbs_.alloc();
    if (index == 0) return 0;
    const bool in_table = old_handle != net::ConnectionTable::kNone
                              ? table_.replace(in.hash, old_handle, handle(Kind::open, index))
                              : add_to_table(in.hash, handle(Kind::open, index));
    if (!in_table) {
        tcbs_.free(index);
        return 0;
    }
    tcbs_[index] = tcb;
    if (is_v6(in.tuple)) peers6_.set(index, *in.remote6);
    begin_life(index);
    return index;
}

}  // namespace synfin::stack
