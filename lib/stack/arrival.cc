/// @file
/// Passes a segment from the table to the core.

#include <algorithm>
#include <utility>

#include "stack/perform.hh"

namespace synfin::stack {

using tcp::Effects;
using tcp::Reply;
using tcp::Segment;
using tcp::Seq;
using tcp::Tcb;
using tcp::TimeWait;

/// @note cost: reads the text only where a segment has some.
template <bool kIsV6>
[[gnu::always_inline]] inline void Connections::arrive_open(uint32_t index, const Incoming& in) noexcept {
    const Segment& seg = in.seg;
    Tcb& tcb = tcbs_[index];
    Effects fx;
    const tcp::Conn c{tcb, flow_of(tcb)};  // without its recovery record: see below
    const bool is_predicted =
        kIsV6 ? tcp::predicted_by_call(c, seg, context(), fx) : tcp::predicted(c, seg, context(), fx);
    if (!is_predicted) [[unlikely]] {
        arrive_unpredicted(index, seg, in.text);
        return;
    }
    counters_.add(Counter::predicted);
    perform_inlined<true>(index, in.text, fx);
    if (seg.len != 0 && tcb.quick_acks() == 0) [[unlikely]]
        note_received(index, seg);
}

[[gnu::noinline]] void Connections::arrive_unpredicted(uint32_t index, const Segment& seg,
                                                       Bytes text) noexcept {
    Tcb& tcb = tcbs_[index];
    Effects fx;
    if (tcp::wants_recovery(tcb, flow_of(tcb), seg)) [[unlikely]]
        need_recovery(tcb);
    const tcp::Conn c = conn_of(tcb);
    // The first attempt did without the record. (Here it costs nothing to those that have none.)
    if (c.rec != nullptr && tcp::predicted_by_call(c, seg, context(), fx))
        counters_.add(Counter::predicted);
    else
        tcp::by_steps(c, seg, context(), fx);
    if (c.rec != nullptr) settle_recovery(tcb);
    // In TIME-WAIT, but on_close or held text has not been delivered yet: the peer will try again.
    if (fx.reopen) fx.reply = Reply::challenge_ack;
    perform_outlined(index, text, fx);
    // Not for text that was dropped.
    if ((fx.deliver_len | fx.keep_len) != 0 && tcb.quick_acks() == 0) note_received(index, seg);
}

/// A segment of a connection that has a record.
template <bool kIsV6>
[[gnu::always_inline]] inline void Connections::arrive_at(uint32_t handle, const Incoming& in) noexcept {
    const uint32_t index = handle & kIndexMask;
    if (handle == index) [[likely]] {
        arrive_open<kIsV6>(index, in);
        return;
    }
    switch (kind_of(handle)) {
        case Kind::open: break;
        case Kind::half_open: arrive_half_open(index, in); return;
        case Kind::time_wait: arrive_time_wait(index, in); return;
    }
}

/// A segment without a record, from a source that a peer can have.
[[gnu::always_inline]] inline void Connections::arrive_unknown(const Incoming& in) noexcept {
    if (const uint16_t listener = listeners_.find(in.tuple); listener != 0) {
        arrive_listen(listener, in, std::nullopt);
        return;
    }
    Effects fx;
    tcp::on_closed(in.seg, fx);
    counters_.drop(fx.drop);
    reply_rst(in.tuple, in.remote6, fx);
}

void Connections::arrive(const Incoming& in) noexcept {
    // Earlier segments of this burst may have ended the candidate, or another connection may have its record
    // now.
    const uint32_t h = in.candidate.stands() && *in.record == in.tuple ? in.candidate.handle
                                                                       : find_record(in.tuple, in.hash);
    if (h != net::ConnectionTable::kNone) {
        arrive_at<false>(h, in);
        return;
    }
    // RFC 9293 MUST-57, MUST-63. Checked here and not for each segment: a connection with a record has passed
    // this check.
    const Ipv4 source{in.tuple.remote_addr};
    if (!addresses_.is_unicast(source) || addresses_.find(source) != net::LocalAddresses::kNone) {
        counters_.drop(DropReason::bad_ip_source);
        return;
    }
    arrive_unknown(in);
}

/// The same for IPv6. Two peers may have equal tuples.
/// @note cost: of arrive() and all that is inlined into it, IPv4 keeps the only copy in its burst loop.
void Connections::arrive6(const Incoming& in) noexcept {
    const Ipv6& remote = *in.remote6;
    context_.remote6 = in.remote6;
    const uint32_t candidate = in.candidate.handle;
    const bool is_candidate =
        in.candidate.stands() && *in.record == in.tuple && peers6_.is(candidate, remote);
    const uint32_t h = is_candidate ? candidate : find_record6(in.tuple, remote, in.hash);
    if (h != net::ConnectionTable::kNone) {
        arrive_at<true>(h, in);
        return;
    }
    if (!net::LocalAddresses::is_unicast(remote) || addresses_.find(remote) != net::LocalAddresses::kNone) {
        counters_.drop(DropReason::bad_ip_source);
        return;
    }
    if (addresses_.is_internal(in.tuple.local_index)) {
        counters_.drop(DropReason::not_for_us);
        return;
    }
    arrive_unknown(in);
}

[[gnu::noinline]] void Connections::arrive_time_wait(uint32_t index, const Incoming& in) noexcept {
    const Segment& seg = in.seg;
    const TimeWait& record = time_waits_[index];
    if (tcp::reopens(record, seg, context())) {  // common: each open of a client that has used all its ports
        if (const uint16_t listener = listeners_.find(in.tuple); listener != 0) {
            const Seq after_iss = record.snd_nxt;
            remove_time_wait(index, in.hash);
            counters_.add(Counter::time_wait_reused);
            arrive_listen(listener, in, after_iss);
            return;
        }
    }
    Tcb tcb = tcp::expand(record, params_.rcv_start);
    Effects fx;
    tcp::on_synchronized({tcb}, seg, context(), fx);
    if (fx.reopen) fx.reply = Reply::challenge_ack;  // our side was the client: nobody listens
    if (fx.time_wait_restart) {
        time_waits_.restart(index, core_now_.tick + params_.two_msl);
    }
    if (fx.drop != DropReason::none) counters_.drop(fx.drop);
    reply(handle(Kind::time_wait, index), tcb, fx);
}

void Connections::arrive_error(const net::SegmentError& error) noexcept {
    if (error.kind == net::SegmentError::Kind::too_big)
        arrive_too_big(error);
    else
        arrive_icmp(error);
}

void Connections::arrive_icmp(const net::SegmentError& error) noexcept {
    const uint32_t hash = table_.hash(error.tuple);
    const uint32_t h = find_either(error.tuple, &error.remote6, hash);
    const uint32_t index = h & kIndexMask;
    const bool is_hard = error.kind == net::SegmentError::Kind::hard;
    Effects fx;
    if (h != net::ConnectionTable::kNone && kind_of(h) == Kind::open) {
        tcp::on_icmp_error(tcbs_[index], is_hard, error.quoted_seq, fx);
        if (fx.drop == DropReason::none) counters_.add(Counter::icmp_errors_accepted);
        perform(index, {}, fx);
        return;
    }
    if (h != net::ConnectionTable::kNone && kind_of(h) == Kind::half_open) {
        Tcb tcb = tcp::expand(half_opens_[index], 0, 0);
        tcp::on_icmp_error(tcb, is_hard, error.quoted_seq, fx);
        if (fx.ended) {
            counters_.add(Counter::icmp_errors_accepted);
            free_half_open(index, hash);
            return;
        }
    }
    counters_.drop(DropReason::icmp_ignored);
}

[[gnu::noinline]] void Connections::perform_outlined(uint32_t index, Bytes text, Effects& fx) noexcept {
    perform_inlined<false>(index, text, fx);
}

/// Performs the rare effects.
[[gnu::cold, gnu::noinline]] void Connections::perform_unusual(uint32_t index, Bytes text,
                                                               Effects& fx) noexcept {
    Tcb& tcb = tcbs_[index];
    if (fx.drop != DropReason::none) counters_.drop(fx.drop);
    if (fx.trouble) counters_.add(Counter::r1_exceeded);
    if (fx.duplicate_ack) counters_.add(Counter::duplicate_acks);
    if (fx.retransmit) counters_.add(Counter::fast_retransmits);
    if (fx.tail_loss_probe) counters_.add(Counter::tail_loss_probes);
    if (fx.spurious_timeout) counters_.add(Counter::spurious_timeouts);
    if (fx.spurious_loss) counters_.add(Counter::spurious_retransmits);
    if (fx.reneged) counters_.add(Counter::sack_reneges);
    if (fx.ce_received) counters_.add(Counter::ce_received);
    if (fx.ece_received) counters_.add(Counter::ece_received);
    if (fx.black_hole) note_black_hole(index, fx.path_mtu);
    if (fx.keep_len != 0 || fx.keep_fin) keep_out_of_order(tcb, text, fx);
    if (fx.release_flow) release_flow(tcb);
}

}  // namespace synfin::stack
