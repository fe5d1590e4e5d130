/// @file
/// Replies that are sent at once, and their rate limits.

#include "stack/connections.hh"
#include "tcp/ecn.hh"
#include "tcp/isn.hh"
#include "tcp/syn_cookie.hh"

namespace synfin::stack {

using tcp::Effects;
using tcp::HalfOpen;
using tcp::Reply;
using tcp::Tcb;

/// A half-open or TIME-WAIT record is identified by its sequence number: the record's next connection has
/// another.
bool Connections::allow_challenge(uint32_t handle, const Tcb& tcb, bool seldom) noexcept {
    const uint32_t index = handle & kIndexMask, tick = core_now_.tick;
    switch (kind_of(handle)) {
        case Kind::open: break;
        case Kind::half_open: return rate_limits_.allow_half_open(index, tcb.snd.una.value(), tick, seldom);
        case Kind::time_wait: return rate_limits_.allow_time_wait(index, tcb.snd.nxt.value(), tick, seldom);
    }
    return holders_[index].challenges.allow(tick, rate_limits_.challenges_per_s(seldom));
}

void Connections::reply_ack(uint32_t handle, Tcb& tcb, tcp::Seq dup_left, tcp::Seq dup_right) noexcept {
    SegmentOut* out = add_control();
    if (out == nullptr) return;
    tcp::answer(tcb, receive_room(handle, tcb), *out);
    complete(handle, tcb, *out);
    if (dup_left != dup_right || cold_of(tcb) != nullptr) add_sack_blocks(tcb, dup_left, dup_right, *out);
}

void Connections::reply(uint32_t handle, Tcb& tcb, const Effects& fx) noexcept {
    switch (fx.reply) {
        case Reply::none: return;
        case Reply::rst:
            // Limited by the record's own limit: a flood of segments without a connection must not use up the
            // RSTs that this connection needs.
            if (!allow_challenge(handle, tcb, false)) {
                counters_.drop(DropReason::rst_rate_limited);
                return;
            }
            reply_rst(tcb.tuple, remote6_of(tcb.tuple, handle), fx, &tcb);
            if (fx.syn_again) repeat_syn(handle, tcb);
            return;
        case Reply::challenge_ack:
        case Reply::seldom_ack:
            if (!allow_challenge(handle, tcb, fx.reply == Reply::seldom_ack)) {
                counters_.drop(DropReason::rst_rate_limited);
                return;
            }
            counters_.add(Counter::challenge_acks);
            [[fallthrough]];
        case Reply::ack: reply_ack(handle, tcb, fx.dup_left, fx.dup_right); return;
        case Reply::syn_ack:
            if (SegmentOut* out = add_control()) {
                static_cast<tcp::Outgoing&>(*out) = {};
                out->seq = tcb.snd.una;
                out->ack = tcb.rcv.nxt;
                out->flags = wire::kSyn | wire::kAck;
                if (tcb.has(tcp::kEcn)) out->flags |= tcp::ecn_syn_flags(tcb);
                out->wnd = static_cast<uint16_t>(syn_window());
                complete(handle, tcb, *out);
            }
            return;
    }
}

/// Sends the SYN again, behind the RST that ends the peer's older connection.
[[gnu::cold, gnu::noinline]] void Connections::repeat_syn(uint32_t handle, Tcb& tcb) noexcept {
    counters_.add(Counter::stale_syn);
    SegmentOut* out = add_control();
    if (out == nullptr) return;  // the retransmission timer will send it
    static_cast<tcp::Outgoing&>(*out) = {};
    out->seq = tcb.snd.una;
    out->flags = wire::kSyn;
    if (tcb.has(tcp::kEcn)) out->flags |= tcp::ecn_syn_flags(tcb);
    out->wnd = static_cast<uint16_t>(syn_window());
    complete(handle, tcb, *out);
    counters_.add(Counter::syn_retransmitted);
}

void Connections::reply_rst(const Tuple& tuple, const Ipv6* remote6, const Effects& fx,
                            const Tcb* tcb) noexcept {
    if (fx.reply != Reply::rst) return;
    if (tcb == nullptr && !rate_limits_.allow_rst(core_now_.tick)) {
        counters_.drop(DropReason::rst_rate_limited);
        return;
    }
    SegmentOut* made = add_control();
    if (made == nullptr) return;
    SegmentOut& out = *made = SegmentOut{};
    out.tuple = tuple;
    if (is_v6(tuple)) out.remote6 = *remote6;
    out.seq = fx.rst_seq;
    out.flags = wire::kRst;
    if (fx.rst_has_ack) {
        out.flags |= wire::kAck;
        out.ack = fx.rst_ack;
    }
    if (tcb != nullptr && tcb->has(tcp::kTimestamps)) {  // RFC 7323 3.2: "SHOULD be sent in an <RST> segment"
        out.timestamps = true;
        out.ts_val = core_now_.tick + ts_offsets_.of(tuple, remote6);
        out.ts_ecr = fx.rst_has_ack ? tcb->ts_recent : 0;
    }
    counters_.add(Counter::resets_sent);
}

/// Room for a reply, to be filled in. Null while a device takes nothing for long: the reply then counts as
/// lost, because peers must not be able to make memory grow.
SegmentOut* Connections::add_control() noexcept {
    if (control_.size() == kMaxControl) [[unlikely]] {
        counters_.drop(DropReason::tx_full);
        return nullptr;
    }
    return &control_.add();
}

void Connections::send_syn_ack(const HalfOpen& h, const Ipv6* remote6) noexcept {
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
    if ((h.flags & tcp::kEcn) != 0) [[unlikely]]
        out.flags |= wire::kEce;
    out.wnd = static_cast<uint16_t>(syn_window());
    out.mss = params_.mss;
    out.sack_permitted = (h.flags & tcp::kSack) != 0;
    out.window_scale = (h.flags & tcp::kWindowScale) != 0;
    out.shift = params_.rcv_shift;
    out.timestamps = (h.flags & tcp::kTimestamps) != 0;
    if (out.timestamps) {
        out.ts_val = h.is_cookie ? tcp::cookie_timestamp(core_now_.tick, h) : core_now_.tick;
        out.ts_ecr = h.ts_recent;
    }
    if (is_v6(out.tuple)) [[unlikely]]
        add_peer6(out, *remote6);
    else if (out.timestamps)
        out.ts_val += ts_offsets_.of(out.tuple);
}

}  // namespace synfin::stack
