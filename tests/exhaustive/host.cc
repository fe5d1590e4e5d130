#include "host.hh"

#include <algorithm>

#include "tcp/congestion.hh"
#include "tcp/isn.hh"

namespace synfin::exhaustive {

using tcp::CloseReason;
using tcp::Effects;
using tcp::Reply;
using tcp::Seq;
using tcp::State;
using tcp::Tcb;

namespace {

/// A deadline so far away that nothing waits for it (RFC 7323 5.5: 24 days).
constexpr uint32_t kNever = 24u * 3600 * 1000;

constexpr uint32_t earlier(uint32_t a, uint32_t b) noexcept {
    return static_cast<int32_t>(a - b) < 0 ? a : b;
}

}  // namespace

State Host::state() const noexcept {
    switch (head_.slot) {
        case kNone: return State::closed;
        case kHalfOpen: return State::syn_received;
        case kOpen: return tcb_.state();
        case kTimeWait: return State::time_wait;
    }
    return State::closed;
}

tcp::Flow& Host::need_flow(const Turn& turn) noexcept {
    if (tcb_.flow == 0) {
        tcb_.flow = 1;
        tcp::start_flow(tcb_, flow_, turn.ground.params, turn.context().now);
    }
    return flow_;
}

void Host::need_recovery(const Turn& turn) noexcept {
    if (tcb_.flow == 0 || flow_.recovery != 0) return;
    flow_.recovery = 1;
    tcp::start_recovery(tcb_, flow_, recovery_, turn.context().now);
}

void Host::settle_recovery() noexcept {
    if (tcb_.flow == 0 || flow_.recovery == 0 || tcp::keeps_recovery(tcb_, flow_)) return;
    flow_.recovery = 0;
    recovery_ = tcp::Recovery{};
}

void Host::release_flow() noexcept {
    tcb_.flow = 0;
    flow_ = tcp::Flow{};
    recovery_ = tcp::Recovery{};
    head_.queued = 0;
    std::ranges::fill(head_.queue, uint8_t{0});
    std::ranges::fill(head_.kept_text, uint8_t{0});
    head_.kept_mask = head_.kept_fin = head_.kept_fin_offset = 0;
}

uint32_t Host::receive_room(const Tcb& tcb, const Ground& ground) const noexcept {
    return tcb.has(tcp::kWindowScale) ? ground.params.rcv_start : std::min(ground.params.rcv_start, 65'535u);
}

// ---- calls (lib/stack/calls.cc)

bool Host::may(Call call, const Ground& ground, uint32_t tick) const noexcept {
    const Side& side = ground.scenario.side[head_.side];
    switch (call) {
        case kConnect:
            if (head_.connects_left == 0 || head_.lives == kMaxLives) return false;
            if (head_.slot == kNone) return true;
            return head_.slot == kTimeWait && ground.params.time_wait_reuse && time_wait_.timestamps != 0 &&
                   time_wait_expiry().remaining(tick) + 32 <= static_cast<int32_t>(ground.params.two_msl);
        case kSend:
            return head_.slot == kOpen && head_.has_connection != 0 && !tcb_.has(tcp::kAppGone) &&
                   tcp::can_send(tcb_.state()) && !tcb_.has(tcp::kFinQueued) &&
                   head_.sent < side.sends * ground.scenario.burst;
        case kShutdown:
            return head_.slot == kOpen && head_.has_connection != 0 && !tcb_.has(tcp::kAppGone) &&
                   !tcb_.has(tcp::kFinQueued);
        case kClose:
        case kAbort: return head_.slot == kOpen && head_.has_connection != 0 && !tcb_.has(tcp::kAppGone);
    }
    return false;
}

void Host::call(Call call, Turn& turn) noexcept {
    Effects fx;
    switch (call) {
        case kConnect: connect(turn); break;
        case kSend: send(turn); break;
        case kShutdown:
            tcp::shutdown(tcb_, turn.context(), fx);
            perform(nullptr, fx, turn);
            break;
        case kClose:
            tcp::close(tcb_, false, turn.context(), fx);
            perform(nullptr, fx, turn);
            break;
        case kAbort:
            tcp::abort(tcb_, fx);
            tcb_.set(tcp::kAppGone);
            perform(nullptr, fx, turn);
            break;
    }
    run_output(turn);
}

void Host::connect(Turn& turn) noexcept {
    --head_.connects_left;
    begin_life(turn);
    head_.slot = kOpen;
    tcb_ = Tcb{};
    time_wait_ = tcp::TimeWait{};
    head_.time_wait_expiry = 0;
    Effects fx;
    tcp::open_active(tcb_, turn.ground.tuple[head_.side], head_.iss, turn.context(), fx);
    tcb_.set(tcp::kOpened);
    head_.has_connection = 1;
    perform(nullptr, fx, turn);
}

void Host::send(Turn& turn) noexcept {
    tcp::Flow& flow = need_flow(turn);
    const unsigned life = head_.lives - 1u;
    for (unsigned i = 0; i < turn.ground.scenario.burst; ++i) {
        head_.queue[head_.queued++] = byte_of(head_.side, life, head_.sent);
        head_.sent_mask |= bit(life, head_.sent);
        ++head_.sent;
        flow.snd_end += 1;
    }
}

void Host::begin_life(Turn& turn) noexcept {
    turn.witness.require(head_.has_connection == 0,
                         "a connection begins whose predecessor's end was not told");
    head_.iss = turn.ground.iss(head_.side, head_.lives++);
    head_.irs = Seq();
    head_.peer_life = head_.synchronised = 0;
    head_.told_open = head_.told_fin = head_.fin_taken = 0;
    head_.sent = head_.received = 0;
}

void Host::synchronise(Seq irs, Turn& turn) noexcept {
    const uint32_t distance = tcp::distance(turn.ground.iss(1u - head_.side, 0), irs);
    turn.witness.require(distance % Ground::kLifeDistance == 0, "IRS is no ISS of the peer");
    head_.irs = irs;
    head_.peer_life = static_cast<uint8_t>(distance / Ground::kLifeDistance);
    head_.synchronised = 1;
}

// ---- arrival (lib/stack/arrival.cc)

/// RFC 9293 3.10.7.3, RFC 5961 3.2 and RFC 1337: whether this RST ends our record.
bool Host::is_ended_by(const Packet& rst) const noexcept {
    const Seq seq(rst.seq);
    switch (head_.slot) {
        case kNone:
        case kTimeWait: return false;
        case kHalfOpen: return seq == half_open_.irs + 1u;
        case kOpen: break;
    }
    if (tcb_.state() == State::syn_sent) return rst.has(wire::kAck) && Seq(rst.ack) == tcb_.snd.nxt;
    return seq == tcb_.rcv.nxt;
}

void Host::arrive(const Packet& packet, Turn& turn) noexcept {
    if (!packet.has(wire::kRst)) {
        receive(packet, turn);
        return;
    }
    const Slot before = head_.slot;
    const bool ends = is_ended_by(packet);
    receive(packet, turn);
    turn.witness.require(
        head_.slot == (ends ? kNone : before),
        ends ? "a valid RST does not end the connection" : "an RST that is not valid is believed");
}

void Host::receive(const Packet& packet, Turn& turn) noexcept {
    switch (head_.slot) {
        case kNone:
            if (listens(turn.ground)) {
                arrive_listen(packet, turn);
            } else {
                Effects fx;
                tcp::on_closed(packet.segment(), fx);
                reply_rst(fx, turn);
            }
            break;
        case kHalfOpen: arrive_half_open(packet, turn); break;
        case kTimeWait: arrive_time_wait(packet, turn); break;
        case kOpen: {
            Effects fx;
            const State before = tcb_.state();
            if (tcp::wants_recovery(tcb_, conn().flow, packet.segment())) need_recovery(turn);
            tcp::segment_arrives(conn(), packet.segment(), turn.context(), fx);
            settle_recovery();
            turn.witness.require(!fx.reopen, "a connection that is not in TIME-WAIT is to be opened anew");
            if (before == State::syn_sent && tcb_.state() != State::syn_sent &&
                tcb_.state() != State::closed) {
                synchronise(Seq(packet.seq), turn);
            }
            perform(&packet, fx, turn);
            break;
        }
    }
    run_output(turn);
}

void Host::arrive_listen(const Packet& packet, Turn& turn) noexcept {
    Effects fx;
    if (!tcp::on_listen(packet.segment(), fx)) {
        reply_rst(fx, turn);
        return;
    }
    if (head_.lives == kMaxLives) return;  // as a full backlog
    begin_life(turn);
    head_.slot = kHalfOpen;
    half_open_ =
        tcp::half_open(turn.ground.tuple[head_.side], packet.segment(), head_.iss, 1, turn.context());
    head_.half_open_due = turn.tick + turn.ground.params.rto_initial;
    synchronise(Seq(packet.seq), turn);
    send_syn_ack(turn);
}

void Host::arrive_half_open(const Packet& packet, Turn& turn) noexcept {
    const tcp::Params& params = turn.ground.params;
    Tcb tcb = tcp::expand(half_open_, std::min(params.rcv_start, 65'535u), params.rcv_shift);
    Effects fx;
    tcp::on_synchronized({tcb}, packet.segment(), turn.context(), fx);
    if (fx.to_listen) {
        free_record(true);
        turn.returned_to_listen = true;
        return;
    }
    turn.witness.require(!fx.ended, "a half-open record ends where it should return to LISTEN");
    if (!fx.opened) {
        if (fx.reply == Reply::syn_ack) {
            half_open_.flags |= tcp::kSynResent;
            send_syn_ack(turn);
        } else {
            reply(tcb, fx, turn);
        }
        return;
    }
    half_open_ = tcp::HalfOpen{};
    head_.half_open_due = 0;
    head_.slot = kOpen;
    tcb_ = tcb;
    tcb_.set(tcp::kOpened);
    head_.has_connection = 1;
    perform(&packet, fx, turn);
}

void Host::arrive_time_wait(const Packet& packet, Turn& turn) noexcept {
    const tcp::Params& params = turn.ground.params;
    Tcb tcb = tcp::expand(time_wait_, params.rcv_start);
    Effects fx;
    tcp::on_synchronized({tcb}, packet.segment(), turn.context(), fx);
    if (fx.reopen) {
        if (listens(turn.ground)) {
            turn.witness.require(
                tcp::after(turn.ground.iss(head_.side, head_.lives), time_wait_.snd_nxt + 65'536u),
                "a new ISS lies in its predecessor's window");
            free_record(false);
            arrive_listen(packet, turn);
            return;
        }
        fx.reply = Reply::challenge_ack;
    }
    if (fx.time_wait_restart) set_time_wait_expiry(turn.tick + params.two_msl);
    turn.witness.require(tcb.state() == State::time_wait, "a segment ends TIME-WAIT");
    reply(tcb, fx, turn);
}

// ---- effects (lib/stack/arrival.cc, events.cc)

void Host::perform(const Packet* packet, Effects& fx, Turn& turn) noexcept {
    if (fx.acked_bytes != 0) take_acked(fx.acked_bytes, turn);
    if (fx.opened) {
        turn.witness.require(head_.told_open == 0, "told twice that the connection is open");
        head_.told_open = 1;
        if (turn.ground.scenario.burst > 1) {
            tcb_.mss = static_cast<uint16_t>(tcb_.mss - tcb_.text_mss() + 1);
            if (tcb_.flow != 0) tcp::congestion::on_smaller_mss(tcb_, flow_);
        }
    }
    if (fx.deliver_len != 0) {
        turn.witness.require(packet != nullptr && fx.deliver_offset + fx.deliver_len <= packet->len,
                             "delivers text that the segment does not have");
        deliver(packet->text + fx.deliver_offset, fx.deliver_len, turn);
    }
    if (fx.keep_len != 0 || fx.keep_fin) keep(*packet, fx, turn);
    if (fx.peer_fin) {
        const unsigned peer = 1u - head_.side;
        turn.witness.require(head_.fin_taken == 0, "the peer's FIN is taken twice");
        turn.witness.require(head_.synchronised != 0 && peer < 2, "FIN before the handshake");
        head_.fin_taken = 1;
        if (!tcb_.has(tcp::kAppGone)) head_.told_fin = 1;
    }
    if (fx.reply != Reply::none) reply(tcb_, fx, turn);
    if (fx.delayed_ack) head_.delayed_ack_due = turn.tick + turn.ground.params.delayed_ack;
    if (fx.release_flow) {
        turn.witness.require(head_.queued == 0, "gives up the second line with text in the send queue");
        release_flow();
    }
    if (fx.deliver_len != 0 && !fx.ended && !fx.time_wait) {
        take_reassembled(turn);
        if (head_.slot != kOpen) return;
    }
    if (fx.ended) {
        tell_end(fx.reason, turn);
        free_record(fx.reason != CloseReason::fin);
        return;
    }
    if (fx.time_wait) {
        tell_end(CloseReason::fin, turn);
        turn.witness.require(tcb_.deadline == turn.tick + turn.ground.params.two_msl,
                             "TIME-WAIT does not last 2MSL");
        const tcp::TimeWait record = tcp::shrink(tcb_);
        const uint32_t expiry = tcb_.deadline;
        const Seq iss = head_.iss, irs = head_.irs;
        free_record(false);
        head_.slot = kTimeWait;
        head_.iss = iss;
        head_.irs = irs;
        head_.synchronised = 1;
        time_wait_ = record;
        set_time_wait_expiry(expiry);
    }
}

void Host::take_acked(uint32_t bytes, Turn& turn) noexcept {
    turn.witness.require(bytes <= head_.queued, "more text is acknowledged than was queued");
    bytes = std::min<uint32_t>(bytes, head_.queued);
    std::ranges::copy(head_.queue + bytes, head_.queue + head_.queued, head_.queue);
    std::fill(head_.queue + head_.queued - bytes, head_.queue + head_.queued, uint8_t{0});
    head_.queued = static_cast<uint8_t>(head_.queued - bytes);
}

void Host::deliver(const uint8_t* text, uint32_t len, Turn& turn) noexcept {
    const unsigned peer = 1u - head_.side;
    turn.witness.require(head_.told_open != 0, "text before the connection is open");
    turn.witness.require(head_.fin_taken == 0, "text after the peer's FIN");
    turn.witness.require(!tcb_.has(tcp::kAppGone), "text for an application that is gone");
    for (uint32_t i = 0; i < len; ++i) {
        turn.witness.require(
            head_.received < kMaxText && text[i] == byte_of(peer, head_.peer_life, head_.received),
            "text is lost, doubled, out of order or of another connection");
        if (head_.received >= kMaxText) return;
        head_.delivered_mask |= bit(head_.peer_life, head_.received);
        ++head_.received;
    }
}

void Host::keep(const Packet& packet, const Effects& fx, Turn& turn) noexcept {
    need_cold(turn);
    const uint32_t offset = tcp::distance(head_.irs + 1u, fx.keep_seq);
    turn.witness.require(offset + fx.keep_len <= kMaxText, "keeps text that nobody sent");
    if (offset + fx.keep_len > kMaxText) return;
    for (uint32_t i = 0; i < fx.keep_len; ++i) {
        head_.kept_text[offset + i] = packet.text[fx.keep_offset + i];
        head_.kept_mask = static_cast<uint8_t>(head_.kept_mask | 1u << (offset + i));
    }
    if (fx.keep_fin) {
        head_.kept_fin = 1;
        head_.kept_fin_offset = static_cast<uint8_t>(offset + fx.keep_len);
    }
}

void Host::take_reassembled(Turn& turn) noexcept {
    if (tcb_.flow == 0 || (head_.kept_mask == 0 && head_.kept_fin == 0)) return;
    Effects fx;
    const uint32_t first = tcp::distance(head_.irs + 1u, tcb_.rcv.nxt);
    uint32_t at = first;
    while (at < kMaxText && (head_.kept_mask >> at & 1u) != 0) deliver(head_.kept_text + at++, 1, turn);
    const auto old = static_cast<uint8_t>((1u << at) - 1u);
    head_.kept_mask = static_cast<uint8_t>(head_.kept_mask & ~old);
    for (unsigned i = 0; i < kMaxText; ++i)
        if ((head_.kept_mask >> i & 1u) == 0) head_.kept_text[i] = 0;
    tcp::on_reassembled(tcb_, at - first, false, turn.context(), fx);
    if (head_.kept_fin != 0 && head_.kept_fin_offset == at) {
        head_.kept_fin = head_.kept_fin_offset = 0;
        tcp::on_reassembled(tcb_, 0, true, turn.context(), fx);
    }
    perform(nullptr, fx, turn);
}

/// Reports the end to the application; no event of this connection may follow.
void Host::tell_end(CloseReason reason, Turn& turn) noexcept {
    Witness& w = turn.witness;
    w.require(head_.has_connection != 0, "the end is told twice");
    head_.has_connection = 0;
    ++w.ends[static_cast<unsigned>(reason)];
    const bool by_rst = turn.input.kind == Input::Kind::segment && (turn.input.flags & wire::kRst) != 0;
    switch (reason) {
        case CloseReason::fin:
            w.require(head_.fin_taken != 0, "an end by FIN without the peer's FIN");
            w.require(tcb_.fin_acked(), "an end by FIN before our FIN is acknowledged");
            w.require(head_.queued == 0, "an end by FIN with text that is not acknowledged");
            break;
        case CloseReason::reset_by_peer: w.require(by_rst, "reset by the peer without RST"); break;
        case CloseReason::refused:
            w.require(by_rst && head_.told_open == 0, "refused, but not by RST in the handshake");
            break;
        case CloseReason::timed_out:
            w.require(turn.input.kind == Input::Kind::time_out && head_.synchronised != 0, "times out early");
            break;
        case CloseReason::syn_timed_out:
            w.require(turn.input.kind == Input::Kind::time_out && head_.told_open == 0,
                      "an open connection's SYN times out");
            break;
        case CloseReason::fin_wait_2_timed_out:
            w.require(turn.input.kind == Input::Kind::time_out && tcb_.fin_acked() && head_.fin_taken == 0,
                      "gives up FIN-WAIT-2 in another state");
            break;
        case CloseReason::aborted:
            w.require(turn.input.kind == Input::Kind::call || (turn.input.text && tcb_.has(tcp::kAppGone)),
                      "aborted by nobody");
            break;
        case CloseReason::unreachable:
        case CloseReason::kCount: w.require(false, "an end for a reason that does not occur here"); break;
    }
}

void Host::free_record(bool abruptly) noexcept {
    release_flow();
    head_.slot = kNone;
    head_.ended_abruptly = abruptly ? 1 : 0;
    head_.delayed_ack_due = head_.half_open_due = 0;
    head_.time_wait_expiry = 0;
    head_.iss = head_.irs = Seq();
    head_.peer_life = head_.synchronised = 0;
    head_.told_open = head_.told_fin = head_.fin_taken = 0;
    head_.sent = head_.received = 0;
    half_open_ = tcp::HalfOpen{};
    time_wait_ = tcp::TimeWait{};
    tcb_ = Tcb{};
}

Host::Progress Host::progress() const noexcept {
    if (head_.slot != kOpen) return {.state = state(), .una = {}, .rcv_nxt = {}};
    return {.state = state(), .una = tcb_.snd.una, .rcv_nxt = tcb_.rcv.nxt};
}

// ---- time (lib/stack/timers.cc)

/// Half-open records are looked at every rto_initial; the first look that does something.
uint32_t Host::half_open_deadline(const Ground& ground) const noexcept {
    const uint32_t at = earlier(half_open_.deadline, half_open_.started + ground.params.syn_ack_timeout);
    uint32_t due = head_.half_open_due;
    while (static_cast<int32_t>(due - at) < 0) due += ground.params.rto_initial;
    return due;
}

std::optional<uint32_t> Host::next_deadline(const Ground& ground, uint32_t tick) const noexcept {
    switch (head_.slot) {
        case kNone: return std::nullopt;
        case kHalfOpen: return half_open_deadline(ground);
        case kTimeWait: return tick + static_cast<uint32_t>(std::max(time_wait_expiry().remaining(tick), 0));
        case kOpen: break;
    }
    std::optional<uint32_t> first;
    if (tcb_.deadline != tcp::kNoDeadline && static_cast<int32_t>(tcb_.deadline - tick) < int32_t{kNever})
        first = tcb_.deadline;
    if (tcb_.has(tcp::kAckDelayed))
        first = first ? earlier(*first, head_.delayed_ack_due) : head_.delayed_ack_due;
    return first;
}

void Host::fire(Turn& turn) noexcept {
    const tcp::Params& params = turn.ground.params;
    switch (head_.slot) {
        case kNone: return;
        case kTimeWait: free_record(false); return;
        case kHalfOpen: {
            bool expired = false;
            if (tcp::on_half_open_deadline(half_open_, turn.context(), expired)) {
                send_syn_ack(turn);
            } else if (expired) {
                free_record(true);
                return;
            }
            head_.half_open_due = turn.tick + params.rto_initial;
            return;
        }
        case kOpen: break;
    }
    if (tcb_.has(tcp::kAckDelayed) && static_cast<int32_t>(turn.tick - head_.delayed_ack_due) >= 0) {
        tcb_.set(tcp::kAckNow);
    } else {
        if (tcb_.flow == 0 && tcp::needs_flow_at_timeout(tcb_, params)) {
            tcp::Flow& made = need_flow(turn);
            if (tcb_.in_flight() == 0) made.set(tcp::kKeepalive);
        }
        if (tcp::wants_recovery_at_timeout(tcb_)) need_recovery(turn);
        Effects fx;
        tcp::on_deadline(conn(), params.user_timeout, turn.context(), fx);
        settle_recovery();
        perform(nullptr, fx, turn);
    }
    run_output(turn);
}

// ---- sending (lib/stack/output.cc)

void Host::run_output(Turn& turn) noexcept {
    while (head_.slot == kOpen && turn.out_count < std::size(turn.out)) {
        Effects fx;
        tcp::Outgoing out;
        if (!tcp::next_segment(conn(), receive_room(tcb_, turn.ground), turn.context(), out, fx)) return;
        emit(tcb_, out, turn);
        if (!out.last && tcb_.flow != 0 && tcp::wants_recovery_to_send(tcb_, flow_)) need_recovery(turn);
    }
}

void Host::reply(Tcb& tcb, const Effects& fx, Turn& turn) noexcept {
    switch (fx.reply) {
        case Reply::none: return;
        case Reply::seldom_ack: return;  // no peer waits for it; the limit of one a second is the stack's
        case Reply::rst: {
            reply_rst(fx, turn);
            if (!fx.syn_again) return;
            tcp::Outgoing out;
            out.seq = tcb.snd.una;
            out.flags = wire::kSyn;
            out.wnd = static_cast<uint16_t>(std::min(turn.ground.params.rcv_start, 65'535u));
            emit(tcb, out, turn);
            return;
        }
        case Reply::challenge_ack:  // the rate limit is the stack's
        case Reply::ack: {
            tcp::Outgoing out;
            tcp::answer(tcb, receive_room(tcb, turn.ground), out);
            emit(tcb, out, turn, fx);
            return;
        }
        case Reply::syn_ack: {
            tcp::Outgoing out;
            out.seq = tcb.snd.una;
            out.ack = tcb.rcv.nxt;
            out.flags = wire::kSyn | wire::kAck;
            out.wnd = static_cast<uint16_t>(std::min(turn.ground.params.rcv_start, 65'535u));
            emit(tcb, out, turn);
            return;
        }
    }
}

void Host::reply_rst(const Effects& fx, Turn& turn) noexcept {
    if (fx.reply != Reply::rst) return;
    Packet p;
    p.seq = fx.rst_seq.value();
    p.flags = wire::kRst;
    if (fx.rst_has_ack) {
        p.flags |= wire::kAck;
        p.ack = fx.rst_ack.value();
    }
    put(p, turn);
}

void Host::send_syn_ack(Turn& turn) noexcept {
    const tcp::Params& params = turn.ground.params;
    Tcb tcb = tcp::expand(half_open_, std::min(params.rcv_start, 65'535u), params.rcv_shift);
    Effects fx;
    fx.reply = Reply::syn_ack;
    reply(tcb, fx, turn);
}

/// RFC 2018 3 and RFC 2883 4, as Connections::add_sack_blocks(). Text of three bytes has one hole's worth of
/// blocks at most.
void Host::add_blocks(const Tcb& tcb, Seq dup_left, Seq dup_right, Packet& packet) const noexcept {
    if (!tcb.has(tcp::kSack)) return;
    if (dup_left != dup_right) packet.add_block(dup_left.value(), dup_right.value());
    for (unsigned i = 0; i < kMaxText; ++i) {
        if ((head_.kept_mask >> i & 1u) == 0) continue;
        unsigned end = i;
        while (end < kMaxText && (head_.kept_mask >> end & 1u) != 0) ++end;
        packet.add_block((head_.irs + 1u + i).value(), (head_.irs + 1u + end).value());
        i = end;
    }
}

void Host::emit(const Tcb& tcb, const tcp::Outgoing& out, Turn& turn, const Effects& fx) noexcept {
    const tcp::Params& params = turn.ground.params;
    Packet p;
    p.seq = out.seq.value();
    p.ack = out.ack.value();
    p.wnd = out.wnd;
    p.flags = out.flags;
    p.len = static_cast<uint8_t>(out.len);
    bool timestamps = tcb.has(tcp::kTimestamps);
    if (p.has(wire::kSyn)) {
        const bool answers = p.has(wire::kAck);
        p.mss = turn.ground.mss();
        timestamps = answers ? timestamps : params.timestamps;
        if (answers ? tcb.has(tcp::kWindowScale) : params.window_scale) {
            p.options |= Packet::kScale;
            p.shift = params.rcv_shift;
        }
        if (answers ? tcb.has(tcp::kSack) : params.sack_permitted) p.options |= Packet::kSackPermitted;
    }
    if (timestamps) {
        p.options |= Packet::kTs;
        p.ts_val = turn.tick + turn.ground.ts_offset[head_.side];
        p.ts_ecr = p.has(wire::kAck) ? tcb.ts_recent : 0;
    }
    if (!p.has(wire::kSyn)) add_blocks(tcb, fx.dup_left, fx.dup_right, p);
    Witness& w = turn.witness;
    w.require(out.len == 0 || out.offset + out.len <= head_.queued,
              "sends text that is not in the send queue");
    for (uint32_t i = 0; i < out.len && out.offset + i < head_.queued; ++i)
        p.text[i] = head_.queue[out.offset + i];
    w.require(p.has(wire::kAck) || p.has(wire::kSyn), "sends a segment without ACK that is no SYN");
    w.require(!p.has(wire::kAck) || out.ack == tcb.rcv.nxt, "sends an ACK that is not RCV.NXT");
    const Seq end = out.seq + (p.len + (p.has(wire::kSyn) ? 1u : 0u) + (p.has(wire::kFin) ? 1u : 0u));
    w.require(!tcp::after(end, tcb.snd.nxt), "sends beyond SND.NXT");
    w.require(tcb.state() != State::closed, "sends from a connection that has ended");
    put(p, turn);
}

/// Onto the wire, by the rules that hold for every answer.
void Host::put(const Packet& packet, Turn& turn) noexcept {
    Witness& w = turn.witness;
    if (turn.input.kind == Input::Kind::segment && (turn.input.flags & wire::kRst) != 0) {
        // RFC 9293 3.10.7: no RST in answer to RST; RFC 5961 3.2: a challenge ACK at most.
        w.require(packet.flags == wire::kAck && packet.len == 0 && turn.out_count == 0,
                  "answers RST with more than one challenge ACK");
    }
    if (turn.out_count == std::size(turn.out)) {
        w.require(false, "answers one input with a flood");
        return;
    }
    turn.out[turn.out_count++] = packet;
    w.require(turn.out_count <= 1u + turn.ground.scenario.burst,
              "answers one input with more segments than the application sends at once, and an ACK");
}

// ---- what must hold

bool Host::is_peer_of(const Host& other) const noexcept {
    return head_.slot != kNone && other.head_.slot != kNone && head_.synchronised != 0 &&
           other.head_.synchronised != 0 && head_.iss == other.head_.irs && other.head_.iss == head_.irs;
}

void Host::check_state(Witness& w) const noexcept {
    const State s = tcb_.state();
    using enum State;
    const bool fin_queued = tcb_.has(tcp::kFinQueued);
    w.require(s != closed && s != listen, "a record is kept for a connection that has ended");
    if (s == syn_sent || s == syn_received) {
        w.require(tcb_.has(tcp::kSynUnacked), "unopened with the SYN acknowledged");
    } else if (s != fin_wait_1) {  // reached by CLOSE from SYN-RECEIVED
        w.require(!tcb_.has(tcp::kSynUnacked), "synchronised with the SYN not acknowledged");
    }
    if (s == syn_sent || s == established || (s == close_wait && !has_unsent()))
        w.require(!fin_queued, "the application has closed, but the state does not show it");
    if (s == fin_wait_1 || s == closing || s == last_ack)
        w.require(fin_queued && !tcb_.fin_acked(), "waits for an ACK of FIN that has come");
    if (s == fin_wait_2) w.require(tcb_.fin_acked(), "FIN-WAIT-2 with FIN not acknowledged");
    const bool fin_seen = s == close_wait || s == closing || s == last_ack;
    w.require((head_.fin_taken != 0) == fin_seen, "the state does not show the peer's FIN");
    w.require((head_.told_open != 0) == (s != syn_sent && s != syn_received) || tcb_.has(tcp::kSynUnacked),
              "open, but the application was not told");
}

/// The scoreboard covers everything in flight, its sums are right, and it reports no octet that the peer does
/// not have.
void Host::check_scoreboard(const Host& peer, Witness& w) const noexcept {
    const tcp::Recovery& rec = recovery_;
    uint32_t sacked = 0, lost = 0;
    Seq at = rec.edge;
    for (uint32_t i = rec.first; i < uint32_t{rec.first} + rec.count; ++i) {
        const tcp::SentRun& run = rec.runs[i];
        w.require(tcp::before(at, run.end), "a run in the scoreboard is empty");
        const uint32_t length = tcp::distance(at, run.end);
        if ((run.flags & tcp::kLost) != 0) lost += length;
        if ((run.flags & tcp::kSacked) != 0) {
            sacked += length;
            w.require(run.flags == tcp::kSacked, "reported, and lost or sent again");
            if (is_peer_of(peer) && peer.head_.slot == kOpen) {
                for (Seq octet = at; tcp::before(octet, run.end); octet += 1) {
                    const uint32_t offset = tcp::distance(head_.iss + 1u, octet);
                    w.require(tcp::before(octet, peer.tcb_.rcv.nxt) ||
                                  (offset < kMaxText && (peer.head_.kept_mask >> offset & 1u) != 0),
                              "an octet counts as reported that the peer does not have");
                }
            }
        }
        at = run.end;
    }
    w.require(rec.edge == tcb_.snd.una, "the scoreboard does not begin at SND.UNA");
    w.require(rec.count == 0 ? tcb_.in_flight() == 0 : at == tcb_.snd.nxt,
              "the scoreboard does not end at SND.NXT");
    w.require(sacked == rec.sacked && lost == rec.lost, "the scoreboard's sums are wrong");
    w.require(rec.lost == 0 || flow_.has(tcp::kRecovery) || flow_.has(tcp::kRtoRecovery),
              "text is lost, and nobody repairs it");
}

void Host::check(const Host& peer, const Ground& ground, Witness& w) const noexcept {
    static_cast<void>(ground);
    if (head_.slot != kOpen) {
        w.require(head_.queued == 0 && head_.kept_mask == 0 && head_.kept_fin == 0,
                  "text is held for no connection");
        w.require(head_.has_connection == 0, "the connection is gone, and its end was not told");
    }
    if (head_.slot == kOpen) {
        check_state(w);
        w.require(head_.has_connection != 0, "the end was told of a connection that lives on");
        w.require(tcp::at_or_before(tcb_.snd.una, tcb_.snd.nxt), "SND.UNA is beyond SND.NXT");
        w.require((tcb_.in_flight() == 0 && !has_unsent()) || tcb_.deadline != tcp::kNoDeadline,
                  "something is unacknowledged or unsent, and no timer runs");
        w.require(!tcb_.has(tcp::kAckNow), "an ACK that is due was not sent");
        if (tcb_.flow != 0 && flow_.recovery != 0) check_scoreboard(peer, w);
        if (head_.queued != 0) {
            w.require(tcb_.flow != 0 && tcp::distance(tcb_.snd.una, flow_.snd_end) -
                                                (tcb_.has(tcp::kSynUnacked) ? 1u : 0u) ==
                                            head_.queued,
                      "the send queue does not begin at SND.UNA");
        }
    }
    // Whatever is acknowledged has been delivered: to a peer that may have ended since.
    if (head_.slot == kOpen && head_.sent != 0) {
        for (unsigned i = 0; i + head_.queued < head_.sent; ++i)
            w.require((peer.head_.delivered_mask & bit(head_.lives - 1u, i)) != 0,
                      "text is acknowledged that the peer did not take");
    }
    if (head_.fin_taken != 0) {
        for (unsigned i = 0; i < kMaxText; ++i)
            w.require((peer.head_.sent_mask & bit(head_.peer_life, i)) == 0 ||
                          (head_.delivered_mask & bit(head_.peer_life, i)) != 0,
                      "the peer's FIN is taken before its text");
    }
    if (!is_peer_of(peer) || head_.slot != kOpen || peer.head_.slot != kOpen) return;
    w.require(tcp::at_or_before(tcb_.snd.una, peer.tcb_.rcv.nxt), "SND.UNA is beyond the peer's RCV.NXT");
    w.require(tcp::at_or_before(tcb_.rcv.nxt, peer.tcb_.snd.nxt), "RCV.NXT is beyond the peer's SND.NXT");
    if (tcb_.fin_acked())
        w.require(peer.head_.fin_taken != 0, "FIN is acknowledged that the peer did not take");
}

bool Host::all_delivered_to(const Host& peer) const noexcept {
    return head_.sent == peer.head_.received;
}

void Host::check_rest(const Host& peer, Witness& w) const noexcept {
    using enum State;
    const State s = state();
    w.require(s == closed || s == established || s == fin_wait_2 || s == close_wait,
              "rests for ever in a state that must pass");
    if (s == closed) return;
    if (is_peer_of(peer)) {
        const State p = peer.state();
        w.require((s == established && p == established) || (s == fin_wait_2 && p == close_wait) ||
                      (s == close_wait && p == fin_wait_2),
                  "the two ends rest in states that do not belong together");
        w.require(all_delivered_to(peer), "text was sent and never arrives");
    } else {
        // Half-open by RFC 9293 3.5.1: only an end that was not by FIN can leave the other side behind.
        w.require(peer.ended_abruptly(), "the peer has ended in order, and this side does not know");
    }
}

// ---- normal form

void Host::normalise(uint32_t ticks) noexcept {
    const auto move = [ticks](uint32_t& tick) noexcept {
        if (tick != 0) tick -= ticks;
    };
    switch (head_.slot) {
        case kNone: return;
        case kHalfOpen:
            move(half_open_.deadline);
            half_open_.started -= ticks;
            move(head_.half_open_due);
            if ((half_open_.flags & tcp::kTimestamps) != 0) half_open_.ts_recent -= ticks;
            return;
        case kTimeWait: {
            head_.time_wait_expiry = static_cast<uint16_t>(head_.time_wait_expiry - (ticks >> 4));
            if (time_wait_.timestamps != 0) time_wait_.ts_recent -= ticks;
            return;
        }
        case kOpen: break;
    }
    move(tcb_.deadline);
    if (tcb_.has(tcp::kTimestamps)) tcb_.ts_recent -= ticks;
    if (!tcb_.has(tcp::kAckDelayed)) head_.delayed_ack_due = 0;
    move(head_.delayed_ack_due);
    if (tcb_.flow == 0) return;
    const bool waits = tcb_.in_flight() != 0 || tcb_.has(tcp::kSynUnacked) || has_unsent();
    flow_.unacked_since_s =
        waits ? static_cast<uint16_t>(flow_.unacked_since_s - (ticks >> 10)) : uint16_t{0};
    if (flow_.has(tcp::kTiming)) {
        flow_.rtt_start_us -= ticks * 1000;
    } else {
        flow_.rtt_start_us = 0;
        flow_.rtt_seq = Seq();
    }
    if (!flow_.has(tcp::kRetransmitting) && !flow_.has(tcp::kSmallInFlight)) flow_.mark = Seq();
    if (flow_.recovery != 0)
        normalise_recovery(ticks);
    else
        recovery_ = tcp::Recovery{};
}

void Host::normalise_recovery(uint32_t ticks) noexcept {
    tcp::Recovery& rec = recovery_;
    const uint32_t us = ticks * 1000;
    for (uint32_t i = rec.first; i < uint32_t{rec.first} + rec.count; ++i)
        rec.runs[i].sent_us = (rec.runs[i].flags & tcp::kSacked) != 0 ? 0 : rec.runs[i].sent_us - us;
    if (rec.rack_rtt_us != 0) rec.rack_sent_us -= us;
    rec.rto_at -= ticks;
    rec.min_rtt_since_s = static_cast<uint16_t>(rec.min_rtt_since_s - (ticks >> 10));
    rec.grown_at = rec.cubic.in_epoch ? rec.grown_at - ticks : 0;
    if (rec.cubic.in_epoch) rec.cubic.epoch_start -= ticks;
    if (rec.undo.cause == tcp::UndoState::none) {
        rec.undo = tcp::UndoState{};
    } else {
        rec.undo.resent_at -= ticks;
        if (rec.undo.cubic.in_epoch) rec.undo.cubic.epoch_start -= ticks;
    }
    if (!flow_.has(tcp::kRecoverSet) && !flow_.has(tcp::kRecovery) && !flow_.has(tcp::kRtoRecovery))
        rec.recover = tcb_.snd.una;
    if (!rec.tlp_pending) rec.tlp_end = Seq();
    if (!rec.in_dsack_round) rec.dsack_round = Seq();
}

}  // namespace synfin::exhaustive
