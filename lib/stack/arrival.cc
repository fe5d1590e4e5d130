/// @file
/// A segment's way from the table to the core, and the core's effects into records, replies and events.

#include <algorithm>
#include <utility>

#include "stack/connections.hh"
#include "tcp/isn.hh"
#include "tcp/syn_cookie.hh"

namespace synfin::stack {

using tcp::CloseReason;
using tcp::Effects;
using tcp::HalfOpen;
using tcp::Reply;
using tcp::Segment;
using tcp::Seq;
using tcp::Tcb;
using tcp::TimeWait;

/// Everything that the core asked for, in the order in which the application is to see it.
[[gnu::always_inline]] inline void Connections::perform_here(uint32_t index, Bytes text,
                                                             Effects& fx) noexcept {
    Tcb& tcb = tcbs_[index];
    if (fx.acked_bytes != 0 && tcb.flow != 0) {
        buf::release(blocks_, flows_[tcb.flow].send_queue, fx.acked_bytes);
        if (tcb.has(tcp::kWantWritable) && !tcb.has(tcp::kAppGone)) [[unlikely]] {
            tcb.clear(tcp::kWantWritable);
            push(Event::Kind::writable, index);
        }
    }
    if (fx.opened) {
        counters_.add(Counter::established);
        if (path_mtus_.any()) [[unlikely]]
            limit_to_path(tcb);
        if (!tcb.has(tcp::kAppGone)) push(Event::Kind::open, index).token = open_token_;
    }
    if (fx.deliver_len != 0) {
        const Bytes data = text.subspan(fx.deliver_offset, fx.deliver_len);
        if (cold_of(tcb) == nullptr) [[likely]]
            push(Event::Kind::data, index).data = data;
        else
            deliver(index, data);
    }
    if (fx.is_rare()) [[unlikely]]
        perform_rare(tcb, text, fx);
    if (fx.peer_fin) {
        // Text beyond a FIN contradicts it: "ignore the segment text" (RFC 9293 3.10.7.4), also what came
        // before it.
        if (Cold* cold = cold_of(tcb); cold != nullptr) [[unlikely]]
            reassembly_.release(cold->reassembly);
        if (!tcb.has(tcp::kAppGone)) push(Event::Kind::peer_fin, index);
    }
    if (fx.reply != Reply::none) reply(handle(Kind::open, index), tcb, fx);
    if (fx.delayed_ack) {
        const uint32_t mask = static_cast<uint32_t>(delayed_acks_.size()) - 1;
        if (delayed_tail_ - delayed_head_ <= mask) {
            delayed_acks_[delayed_tail_++ & mask] = {index, core_now_.tick + params_.delayed_ack};
        } else {
            tcb.set(tcp::kAckNow);
        }
    }
    if (fx.timer) arm(index, tcb);
    if (fx.ended) {
        if (fx.reason == CloseReason::reset_by_peer || fx.reason == CloseReason::refused)
            counters_.add(Counter::resets_received);
        end(index, fx.reason);
        return;
    }
    if (fx.time_wait) {
        counters_.add(Counter::time_wait_entered);
        push_close(index, CloseReason::fin, true);
    }
    if (fx.output) want_output(index, tcb);
    if (fx.deliver_len != 0 && cold_of(tcb) != nullptr) [[unlikely]]
        take_reassembled(index);
}

[[gnu::always_inline]] inline void Connections::arrive_open(uint32_t index, const Segment& seg,
                                                            Bytes text) noexcept {
    Tcb& tcb = tcbs_[index];
    Effects fx;
    if (tcp::predicted({tcb, flow_of(tcb)}, seg, context(), fx)) [[likely]]  // which no recovery record is
        counters_.add(Counter::predicted);
    else
        arrive_unpredicted(tcb, seg, fx);
    perform_here(index, text, fx);
}

[[gnu::noinline]] void Connections::arrive_unpredicted(Tcb& tcb, const Segment& seg, Effects& fx) noexcept {
    if (tcp::wants_recovery(tcb, flow_of(tcb), seg)) [[unlikely]]
        need_recovery(tcb);
    const tcp::Conn c = conn_of(tcb);
    tcp::by_steps(c, seg, context(), fx);
    if (c.rec != nullptr) [[unlikely]]
        settle_recovery(tcb);
    // In TIME-WAIT, and the application has not been told yet, or not read all: the peer tries again.
    if (fx.reopen) fx.reply = Reply::challenge_ack;
}

void Connections::arrive(const Incoming& in) noexcept {
    const Tuple& tuple = in.tuple;
    const Segment& seg = in.seg;
    const Bytes text = in.text;
    const uint32_t hash = in.hash;
    // Segments of this burst that came before may have ended the candidate, or given its record to another.
    const uint32_t h =
        in.candidate.stands() && *in.record == tuple ? in.candidate.handle : find_record(tuple, hash);
    if (h != net::ConnectionTable::kNone) {
        const uint32_t index = h & kIndexMask;
        if (h == index) [[likely]] {
            arrive_open(index, seg, text);
            return;
        }
        switch (kind_of(h)) {
            case Kind::open: break;
            case Kind::half_open: arrive_half_open(index, hash, seg, text); return;
            case Kind::time_wait: arrive_time_wait(index, hash, seg); return;
        }
        return;
    }
    // Here, and not for each segment: what has a record came from an address that passed this (RFC 9293
    // MUST-57, MUST-63).
    const Ipv4 source{tuple.remote_addr};
    if (!addresses_.is_unicast(source) || addresses_.find(source) != net::LocalAddresses::kNone) {
        counters_.drop(DropReason::bad_ip_source);
        return;
    }
    if (const uint16_t listener = find_listener(tuple); listener != 0) {
        arrive_listen(listener, tuple, hash, seg, text, std::nullopt);
        return;
    }
    Effects fx;
    tcp::on_closed(seg, fx);
    counters_.drop(fx.drop);
    reply_rst(tuple, fx);
}

[[gnu::noinline]] void Connections::arrive_half_open(uint32_t index, uint32_t hash, const Segment& seg,
                                                     Bytes text) noexcept {
    HalfOpen& half_open = half_opens_[index];
    const uint32_t rcv_wnd = std::min(params_.rcv_buffer, 65'535u);
    if (tcp::opens_as_predicted(half_open, rcv_wnd, seg)) [[likely]] {
        if (const uint32_t opened = tcbs_.alloc(); opened != 0) [[likely]] {
            Tcb& tcb = tcbs_[opened];
            Effects fx;
            tcp::open_predicted(half_open, rcv_wnd, seg, context(), tcb, fx);
            begin_life(opened);
            table_.replace(hash, handle(Kind::half_open, index), handle(Kind::open, opened));
            open_token_ = listeners_[half_open.listener].token;
            release_half_open(index);
            counters_.add(Counter::predicted);
            perform_all(opened, text, fx);
            open_token_ = 0;
            return;
        }
    }
    judge_half_open(index, hash, seg, text);
}

/// What is not the ACK that is waited for, or has no room to be. Not inlined: a control block on the stack
/// wants alignment, which every segment would pay for.
[[gnu::cold, gnu::noinline]] void Connections::judge_half_open(uint32_t index, uint32_t hash,
                                                               const Segment& seg, Bytes text) noexcept {
    HalfOpen& half_open = half_opens_[index];
    Tcb tcb = tcp::expand(half_open, std::min(params_.rcv_buffer, 65'535u), params_.rcv_shift);
    Effects fx;
    tcp::on_synchronized({tcb}, seg, context(), fx);
    if (fx.to_listen) {  // RST, or another SYN in the window
        if (fx.drop != DropReason::none) counters_.drop(fx.drop);
        if (seg.has(wire::kRst)) counters_.add(Counter::resets_received);
        free_half_open(index, hash);
        return;
    }
    if (!fx.opened) {
        if (fx.drop != DropReason::none) counters_.drop(fx.drop);
        if (fx.reply == Reply::syn_ack) {
            counters_.add(Counter::syn_retransmitted);
            half_open.flags |= tcp::kSynResent;
            send_syn_ack(half_open);
        } else {
            reply(handle(Kind::half_open, index), tcb, fx);
        }
        return;
    }
    const uint32_t opened = promote(tcb, hash, handle(Kind::half_open, index));
    if (opened ==
        0) {  // no record: the ACK is as good as lost, the SYN-ACK is sent again (conformance row 35)
        counters_.drop(DropReason::accept_full);
        return;
    }
    open_token_ = listeners_[half_open.listener].token;
    release_half_open(index);
    perform(opened, text, fx);
    open_token_ = 0;
}

[[gnu::noinline]] void Connections::arrive_time_wait(uint32_t index, uint32_t hash,
                                                     const Segment& seg) noexcept {
    TimeWait& record = time_waits_[index];
    if (tcp::reopens(record, seg, context())) {  // every open of a client that has used all its ports
        const Tuple tuple = record.tuple;
        if (const uint16_t listener = find_listener(tuple); listener != 0) {
            const Seq after_iss = record.snd_nxt;
            remove_time_wait(index, hash);
            counters_.add(Counter::time_wait_reused);
            arrive_listen(listener, tuple, hash, seg, {}, after_iss);
            return;
        }
    }
    Tcb tcb = tcp::expand(record, params_.rcv_buffer);
    Effects fx;
    tcp::on_synchronized({tcb}, seg, context(), fx);
    if (fx.reopen) fx.reply = Reply::challenge_ack;  // the tuple was our client's: no one listens
    if (fx.time_wait_restart) {
        unlink_time_wait(index);
        time_wait_expiries_[index].set(core_now_.tick + params_.two_msl);
        link_time_wait(index);
    }
    if (fx.drop != DropReason::none) counters_.drop(fx.drop);
    reply(handle(Kind::time_wait, index), tcb, fx);
}

void Connections::arrive_listen(uint16_t listener, const Tuple& tuple, uint32_t hash, const Segment& seg,
                                Bytes text, std::optional<Seq> after_iss) noexcept {
    Effects fx;
    if (!tcp::on_listen(seg, fx)) {
        const bool may_be_cookie =
            cookies_sent_at_ != 0 &&
            core_now_.tick - cookies_sent_at_ <= tcp::kCookiePeriods * tcp::kCookiePeriodTicks &&
            (seg.flags & (wire::kAck | wire::kSyn | wire::kRst)) == wire::kAck;
        if (may_be_cookie) {
            open_from_cookie(tuple, hash, listener, seg, text);
            return;
        }
        counters_.drop(fx.drop);
        reply_rst(tuple, fx);
        return;
    }
    Listener& of = listeners_[listener];
    if (of.places == 0 && !after_iss) [[unlikely]] {
        counters_.add(Counter::listener_backlog_full);
        answer_with_cookie(tuple, seg);
        return;
    }
    Seq iss = isns_.of(tuple, now_);
    // A reopened TIME-WAIT tuple: beyond anything its predecessor sent (RFC 9293 MAY-2).
    if (after_iss && !tcp::after(iss, *after_iss + 65'536u)) iss = *after_iss + 65'537u;
    const uint32_t index = alloc_half_open(after_iss.has_value());
    if (index == 0) [[unlikely]] {
        answer_with_cookie(tuple, seg);
        return;
    }
    HalfOpen& made = half_opens_[index];
    tcp::half_open(tuple, seg, iss, listener, context(), made);
    if (after_iss) {
        made.is_paid = true;
        ++paid_half_opens_;
    } else if (backlog() > (config_.max_half_open + 1) / 2 && config_.tcp.syn_cookies) [[unlikely]] {
        make_half_open_a_cookie(made, seg);
    }
    if (!add_to_table(hash, handle(Kind::half_open, index))) {
        paid_half_opens_ -= made.is_paid;
        half_opens_.free(index);
        counters_.drop(DropReason::backlog_full);
        return;
    }
    link_half_open(index);
    of.places -= !made.is_paid;
    counters_.add(Counter::passive_opens);
    send_syn_ack(made);
}

/// A record for a SYN. One that reopens a TIME-WAIT tuple is paid for by that record, so that a full backlog
/// does not lock out a client which comes back: a cookie cannot be beyond the predecessor's numbers (RFC 9293
/// MAY-2). 0: the backlog is full of younger ones.
[[gnu::always_inline]] inline uint32_t Connections::alloc_half_open(bool is_paid) noexcept {
    if (backlog() < config_.max_half_open || is_paid) [[likely]]
        return half_opens_.alloc();
    return yield_half_open();
}

/// The oldest half-open record gives way, when its peer had the time of a SYN-ACK sent again to answer. If
/// its SYN-ACK carried a cookie, a later ACK opens the connection without it. One that did not, from before
/// the backlog filled, stays for a SYN-ACK longer.
[[gnu::cold, gnu::noinline]] uint32_t Connections::yield_half_open() noexcept {
    for (unsigned level = kHalfOpenLevels - 1; level > 0; --level) {
        const uint32_t oldest = half_open_queues_[level].head;
        if (oldest == 0) continue;
        const HalfOpen& record = half_opens_[oldest];
        if (level == 1 && !record.is_cookie && config_.tcp.syn_cookies) continue;
        counters_.add(Counter::half_open_yielded);
        free_half_open(oldest, table_.hash(record.tuple));
        return half_opens_.alloc();
    }
    return 0;
}

/// The backlog is more than half full, and this record may have to yield: its SYN-ACK says all that is to be
/// known (RFC 4987 3.6).
[[gnu::cold, gnu::noinline]] void Connections::make_half_open_a_cookie(HalfOpen& made,
                                                                       const Segment& syn) noexcept {
    const Tuple tuple = made.tuple;
    made.is_cookie = true;
    made.iss = tcp::make_cookie(key_, addresses_.named(tuple), syn.seq, made.mss, core_now_.tick);
    // What a cookie cannot carry is not offered.
    if ((made.flags & tcp::kTimestamps) == 0) made.flags = 0;
    cookies_sent_at_ = tcp::deadline_at(core_now_.tick);
}

/// There is no room for a half-open record.
[[gnu::cold, gnu::noinline]] void Connections::answer_with_cookie(const Tuple& tuple,
                                                                  const Segment& syn) noexcept {
    if (!config_.tcp.syn_cookies) {
        counters_.drop(DropReason::backlog_full);
        return;
    }
    HalfOpen made = tcp::half_open(tuple, syn, Seq(), 0, context());
    make_half_open_a_cookie(made, syn);
    counters_.add(Counter::syn_cookies_sent);
    send_syn_ack(made);
}

[[gnu::cold, gnu::noinline]] void Connections::open_from_cookie(const Tuple& tuple, uint32_t hash,
                                                                uint16_t listener, const Segment& seg,
                                                                Bytes text) noexcept {
    const uint32_t ts_ecr = seg.ts_ecr - ts_offsets_.of(tuple);
    auto made = tcp::open_cookie(key_, tuple, addresses_.named(tuple), seg, ts_ecr, params_, core_now_.tick);
    if (!made) {
        counters_.drop(DropReason::bad_cookie);
        Effects fx;
        fx.reply = Reply::rst;
        fx.rst_seq = seg.ack;
        reply_rst(tuple, fx);
        return;
    }
    made->listener = listener;
    Tcb tcb = tcp::expand(*made, std::min(params_.rcv_buffer, 65'535u), params_.rcv_shift);
    Effects fx;
    tcp::on_synchronized({tcb}, seg, context(), fx);
    if (!fx.opened) {
        counters_.drop(fx.drop);
        return;
    }
    const uint32_t index = promote(tcb, hash, net::ConnectionTable::kNone);
    if (index == 0) {
        counters_.drop(DropReason::accept_full);
        return;
    }
    counters_.add(Counter::passive_opens);
    counters_.add(Counter::syn_cookies_accepted);
    open_token_ = listeners_[listener].token;
    perform(index, text, fx);
    open_token_ = 0;
}

/// Gives a control block its record. 0: none left.
uint32_t Connections::promote(const Tcb& tcb, uint32_t hash, uint32_t old_handle) noexcept {
    const uint32_t index = tcbs_.alloc();
    if (index == 0) return 0;
    const bool in_table = old_handle != net::ConnectionTable::kNone
                              ? table_.replace(hash, old_handle, handle(Kind::open, index))
                              : add_to_table(hash, handle(Kind::open, index));
    if (!in_table) {
        tcbs_.free(index);
        return 0;
    }
    tcbs_[index] = tcb;
    begin_life(index);
    return index;
}

void Connections::arrive_error(const net::SegmentError& error) noexcept {
    if (error.is_too_big)
        arrive_too_big(error);
    else
        arrive_icmp(error);
}

void Connections::arrive_icmp(const net::SegmentError& error) noexcept {
    const uint32_t hash = table_.hash(error.tuple);
    const uint32_t h = find_record(error.tuple, hash);
    const uint32_t index = h & kIndexMask;
    Effects fx;
    if (h != net::ConnectionTable::kNone && kind_of(h) == Kind::open) {
        tcp::on_icmp_error(tcbs_[index], error.type, error.code, error.quoted_seq, fx);
        if (fx.drop == DropReason::none) counters_.add(Counter::icmp_errors_accepted);
        perform(index, {}, fx);
        return;
    }
    if (h != net::ConnectionTable::kNone && kind_of(h) == Kind::half_open) {
        Tcb tcb = tcp::expand(half_opens_[index], 0, 0);
        tcp::on_icmp_error(tcb, error.type, error.code, error.quoted_seq, fx);
        if (fx.ended) {
            counters_.add(Counter::icmp_errors_accepted);
            free_half_open(index, hash);
            return;
        }
    }
    counters_.drop(DropReason::icmp_ignored);
}

[[gnu::noinline]] void Connections::perform_all(uint32_t index, Bytes text, Effects& fx) noexcept {
    perform_here(index, text, fx);
}

/// What a connection's usual life does not bring.
[[gnu::cold, gnu::noinline]] void Connections::perform_rare(Tcb& tcb, Bytes text, Effects& fx) noexcept {
    if (fx.drop != DropReason::none) counters_.drop(fx.drop);
    if (fx.trouble) counters_.add(Counter::r1_exceeded);
    if (fx.duplicate_ack) counters_.add(Counter::duplicate_acks);
    if (fx.retransmit) counters_.add(Counter::fast_retransmits);
    if (fx.keep_len != 0 || fx.keep_fin) keep_out_of_order(tcb, text, fx);
    if (fx.release_flow) release_flow(tcb);
}

void Connections::keep_out_of_order(Tcb& tcb, Bytes text, Effects& fx) noexcept {
    Cold* cold = need_cold(tcb);
    const auto twice = reassembly_.held_part(cold->reassembly, fx.keep_seq.value(), fx.keep_len);
    const auto kept = reassembly_.insert(cold->reassembly, tcb.rcv.nxt.value(), fx.keep_seq.value(),
                                         text.subspan(fx.keep_offset, fx.keep_len), fx.keep_fin);
    switch (kept) {
        case buf::Insert::stored: counters_.add(Counter::out_of_order); break;
        case buf::Insert::duplicate: counters_.drop(DropReason::duplicate_segment); break;
        case buf::Insert::full: counters_.drop(DropReason::reassembly_full); break;
    }
    if (twice.left == twice.right || !tcb.has(tcp::kSack)) return;
    // The ACK that this segment is owed leaves at once, with the name of what came twice (RFC 2883).
    if (fx.reply == Reply::none) tcb.clear(tcp::kAckNow);
    fx.reply = Reply::ack;
    fx.dup_left = Seq(twice.left);
    fx.dup_right = Seq(twice.right);
}

/// What has become contiguous goes the way of text that the application left: it must outlive the turn.
void Connections::take_reassembled(uint32_t index) noexcept {
    Tcb& tcb = tcbs_[index];
    Cold* cold = cold_of(tcb);
    if (cold == nullptr || cold->reassembly == 0) return;
    Effects fx;
    if (!reassembly_.front(cold->reassembly, tcb.rcv.nxt.value()).empty()) hold_pending(index);
    const uint32_t n = reassembly_.move_front(cold->reassembly, tcb.rcv.nxt.value(), cold->held);
    cold->held_bytes += n;
    tcp::on_reassembled(tcb, n, false, context(), fx);  // even if only a part of the hole has been filled
    if (n != 0) push_held(index);
    if (reassembly_.fin_reached(cold->reassembly, tcb.rcv.nxt.value()))
        tcp::on_reassembled(tcb, 0, true, context(), fx);
    perform(index, {}, fx);
}

/// Text of this burst that the application has not been told of yet: it goes before what is held from now on.
void Connections::hold_pending(uint32_t index) noexcept {
    for (Pending& event : events_) {
        if (event.index != index || event.kind != Event::Kind::data || event.data.empty()) continue;
        if (event.generation == generation_of(index)) keep(index, std::exchange(event.data, {}));
    }
}

/// In-order text of a connection that has a cold record: straight from the packet, unless older text still
/// waits for the application.
[[gnu::cold, gnu::noinline]] void Connections::deliver(uint32_t index, Bytes data) noexcept {
    if (cold_of(tcbs_[index])->held_bytes != 0) {
        keep(index, data);
        return;
    }
    push(Event::Kind::data, index).data = data;
}

/// Holds acknowledged text for the application. Without a block for it the connection is reset: it was
/// acknowledged, and losing it silently is the one thing that TCP must not do.
void Connections::keep(uint32_t index, Bytes data) noexcept {
    Tcb& tcb = tcbs_[index];
    Cold* cold = need_cold(tcb);
    const uint32_t taken = buf::append(blocks_, cold->held, data, buf::BlockPool::Use::receive);
    cold->held_bytes += taken;
    if (taken < data.size()) {
        counters_.drop(DropReason::no_send_block);
        Effects fx;
        tcp::abort(tcb, fx);
        tcb.set(tcp::kAppGone);  // what follows would follow a gap
        perform(index, {}, fx);
        return;
    }
    push_held(index);
}

void Connections::push_held(uint32_t index) noexcept {
    Tcb& tcb = tcbs_[index];
    Cold* cold = cold_of(tcb);
    if (cold == nullptr || cold->event_queued || cold->paused || cold->held_bytes == 0) return;
    cold->event_queued = true;
    push(Event::Kind::data, index).from_held = true;
}

/// A small record of another connection has another sequence number, which was drawn for it.
bool Connections::allow_challenge(uint32_t handle, const Tcb& tcb, uint32_t per_second) noexcept {
    const uint32_t index = handle & kIndexMask, tick = core_now_.tick;
    switch (kind_of(handle)) {
        case Kind::open: break;
        case Kind::half_open:
            return half_open_challenges_.allow(index, tcb.snd.una.value(), tick, per_second);
        case Kind::time_wait:
            return time_wait_challenges_.allow(index, tcb.snd.nxt.value(), tick, per_second);
    }
    return holders_[index].challenges.allow(tick, per_second);
}

bool Connections::allow_rst() noexcept {
    if (config_.tcp.resets_per_s == 0) return true;
    if (const uint32_t second = core_now_.tick / 1000 + 1; second != second_) {
        second_ = second;
        resets_left_ = config_.tcp.resets_per_s;
    }
    if (resets_left_ == 0) return false;
    --resets_left_;
    return true;
}

void Connections::reply(uint32_t handle, Tcb& tcb, const Effects& fx) noexcept {
    switch (fx.reply) {
        case Reply::none: return;
        case Reply::rst:
            reply_rst(tcb.tuple, fx, &tcb);
            if (fx.syn_again) repeat_syn(tcb);
            return;
        case Reply::challenge_ack:
        case Reply::seldom_ack:
            if (!allow_challenge(handle, tcb,
                                 fx.reply == Reply::seldom_ack ? 1 : config_.tcp.challenge_acks_per_s)) {
                counters_.drop(DropReason::rst_rate_limited);
                return;
            }
            counters_.add(Counter::challenge_acks);
            [[fallthrough]];
        case Reply::ack:
            if (SegmentOut* out = add_control()) {
                tcp::answer(tcb, receive_room(tcb), *out);
                complete(tcb, *out);
                if (fx.dup_left != fx.dup_right || cold_of(tcb) != nullptr)
                    add_sack_blocks(tcb, fx.dup_left, fx.dup_right, *out);
            }
            return;
        case Reply::syn_ack:
            if (SegmentOut* out = add_control()) {
                static_cast<tcp::Outgoing&>(*out) = {};
                out->seq = tcb.snd.una;
                out->ack = tcb.rcv.nxt;
                out->flags = wire::kSyn | wire::kAck;
                out->wnd = static_cast<uint16_t>(std::min(params_.rcv_buffer, 65'535u));
                complete(tcb, *out);
            }
            return;
    }
}

/// Behind the RST that ends what the peer still had.
[[gnu::cold, gnu::noinline]] void Connections::repeat_syn(Tcb& tcb) noexcept {
    counters_.add(Counter::stale_syn);
    SegmentOut* out = add_control();
    if (out == nullptr) return;  // the retransmission timer runs
    static_cast<tcp::Outgoing&>(*out) = {};
    out->seq = tcb.snd.una;
    out->flags = wire::kSyn;
    out->wnd = static_cast<uint16_t>(std::min(params_.rcv_buffer, 65'535u));
    complete(tcb, *out);
    counters_.add(Counter::syn_retransmitted);
}

void Connections::reply_rst(const Tuple& tuple, const Effects& fx, const Tcb* tcb) noexcept {
    if (fx.reply != Reply::rst) return;
    if (!allow_rst()) {
        counters_.drop(DropReason::rst_rate_limited);
        return;
    }
    SegmentOut* made = add_control();
    if (made == nullptr) return;
    SegmentOut& out = *made = SegmentOut{};
    out.tuple = tuple;
    out.seq = fx.rst_seq;
    out.flags = wire::kRst;
    if (fx.rst_has_ack) {
        out.flags |= wire::kAck;
        out.ack = fx.rst_ack;
    }
    if (tcb != nullptr && tcb->has(tcp::kTimestamps)) {  // RFC 7323 3.2: "SHOULD be sent in an <RST> segment"
        out.timestamps = true;
        out.ts_val = core_now_.tick + ts_offsets_.of(tuple);
        out.ts_ecr = fx.rst_has_ack ? tcb->ts_recent : 0;
    }
    counters_.add(Counter::resets_sent);
}

/// Room for a reply, to be filled. None while a device takes nothing: the reply is as good as lost on the
/// way, and what the peer sends must not make memory grow.
SegmentOut* Connections::add_control() noexcept {
    if (control_.size() == kMaxControl) [[unlikely]] {
        counters_.drop(DropReason::tx_full);
        return nullptr;
    }
    return &control_.add();
}

void Connections::send_syn_ack(const HalfOpen& h) noexcept {
    SegmentOut* made = add_control();
    if (made == nullptr) return;
    SegmentOut& out = *made;
    static_cast<tcp::Outgoing&>(out) = {};
    out.text = nullptr;
    out.sack_count = 0;
    out.tuple = h.tuple;
    out.seq = h.iss;
    out.ack = h.irs + 1u;
    out.flags = wire::kSyn | wire::kAck;
    out.wnd = static_cast<uint16_t>(std::min(params_.rcv_buffer, 65'535u));
    out.mss = params_.mss;
    out.sack_permitted = (h.flags & tcp::kSack) != 0;
    out.window_scale = (h.flags & tcp::kWindowScale) != 0;
    out.shift = params_.rcv_shift;
    out.timestamps = (h.flags & tcp::kTimestamps) != 0;
    if (out.timestamps) {
        const uint32_t clock = h.is_cookie ? tcp::cookie_timestamp(core_now_.tick, h) : core_now_.tick;
        out.ts_val = clock + ts_offsets_.of(out.tuple);
        out.ts_ecr = h.ts_recent;
    }
}

}  // namespace synfin::stack
