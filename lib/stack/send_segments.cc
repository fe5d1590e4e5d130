/// @file
/// Chooses the next segment to send: each listed connection in turn, until it has nothing more to send.

#include <algorithm>

#include "stack/connections.hh"
#include "tcp/congestion.hh"
#include "tcp/isn.hh"

namespace synfin::stack {

using tcp::Effects;
using tcp::Tcb;

/// Fills in the fields that the core does not set: the tuple and the options.
[[gnu::always_inline]] inline void Connections::complete_inlined(uint32_t handle, const Tcb& tcb,
                                                                 SegmentOut& out) noexcept {
    out.tuple = tcb.tuple;
    out.text = nullptr;
    out.sack_count = 0;
    out.timestamps = tcb.has(tcp::kTimestamps);
    if ((out.flags & wire::kSyn) != 0) {
        // A SYN-ACK carries only options that the SYN offered.
        const bool answers = (out.flags & wire::kAck) != 0;
        out.mss = params_.mss;
        out.shift = params_.rcv_shift;
        out.timestamps = answers ? tcb.has(tcp::kTimestamps) : params_.timestamps;
        out.window_scale = answers ? tcb.has(tcp::kWindowScale) : params_.window_scale;
        out.sack_permitted = answers ? tcb.has(tcp::kSack) : params_.sack_permitted;
    }
    if (is_v6(out.tuple)) [[unlikely]] {
        out.ts_val = core_now_.tick;
        out.ts_ecr = tcb.ts_recent;
        add_peer6(out, peers6_[handle]);
    } else if (out.timestamps) {
        out.ts_val = core_now_.tick + ts_offsets_.of(out.tuple);
        out.ts_ecr = tcb.ts_recent;
    }
}

void Connections::complete(uint32_t handle, const Tcb& tcb, SegmentOut& out) noexcept {
    complete_inlined(handle, tcb, out);
}

/// Fills in what an IPv6 segment has in place of IPv4's values. ts_val is the clock without an offset so far.
[[gnu::noinline]] void Connections::add_peer6(SegmentOut& out, const Ipv6& remote) const noexcept {
    out.remote6 = remote;
    if (out.timestamps) out.ts_val += ts_offsets_.of(out.tuple, remote);
    if ((out.flags & wire::kSyn) != 0) out.mss = params_.mss6;
}

/// A call of its own, so that connections without a record and without ECN pay two compares for both.
[[gnu::noinline]] bool Connections::next_by_call(uint32_t index, tcp::Tcb& tcb) noexcept {
    Effects fx;
    const bool is_one = tcp::next_segment(conn_of(tcb), receive_room(index, tcb), context(), out_, fx);
    if (fx.timer) arm(index, tcb);
    return is_one;
}

/// The first connection has more to send. After kMostInARow segments the others come first: a peer with an
/// MSS of 1 has a thousand segments in a window of 64 KiB.
void Connections::take_turns(uint32_t index) noexcept {
    if (index != sends_in_a_row_) {
        sends_in_a_row_ = index;
        in_a_row_ = 1;
        return;
    }
    if (++in_a_row_ < kMostInARow || output_.size() == 1) return;
    in_a_row_ = 0;
    output_.pop();
    output_.add() = index;
}

const SegmentOut* Connections::next_out() noexcept {
    for (; !output_.empty(); output_.pop()) {
        const uint32_t index = output_.front();
        Tcb& tcb = tcbs_[index];
        if (!tcb.has(tcp::kInOutput)) continue;
        Effects fx;
        tcp::Flow* const flow = flow_of(tcb);
        const bool has_record = flow != nullptr && flow->recovery != 0;
        bool is_one;
        if (has_record || tcb.has(tcp::kEcn)) [[unlikely]]
            is_one = next_by_call(index, tcb);
        else
            is_one = tcp::next_plain_segment({tcb, flow}, receive_room(index, tcb), context(), out_, fx);
        if (fx.timer) arm(index, tcb);
        if (!is_one || out_.last) {
            tcb.clear(tcp::kInOutput);
            if (has_record && recoveries_[flow->recovery].pace_waits) [[unlikely]]
                wait_for_burst(index, recoveries_[flow->recovery]);
        } else if (flow != nullptr && tcp::wants_recovery_to_send(tcb, *flow) &&
                   !flow->has(tcp::kRetransmitting) && recoveries_.used() != recoveries_.capacity()) {
            // Not while a timeout without a record sends everything again: the peer may be dead.
            need_recovery(tcb);
        }
        if (!is_one) continue;
        complete_inlined(index, tcb, out_);
        if (flow != nullptr) {
            out_.text = &flow->send_queue;
            if (flow->cold != 0) [[unlikely]]
                add_sack_blocks(tcb, {}, {}, out_);
        }
        if (out_.last)
            output_.pop();
        else
            take_turns(index);
        if (out_.retransmission | out_.probe) [[unlikely]] {
            if (out_.retransmission) counters_.add(Counter::retransmitted);
            if (out_.retransmission && (out_.flags & wire::kSyn) != 0)
                counters_.add(Counter::syn_retransmitted);
            if (out_.probe) counters_.add(Counter::zero_window_probes);
        }
        return &out_;
    }
    return nullptr;
}

/// Pacing forbids the next segment until Recovery::pace_at_us. Without room in the list it leaves now.
[[gnu::cold, gnu::noinline]] void Connections::wait_for_burst(uint32_t index, tcp::Recovery& rec) noexcept {
    rec.pace_waits = false;
    if (rec.is_listed) return;
    rec.is_listed = paced_.add(index, rec.pace_at_us);
    if (rec.is_listed) return;
    rec.pace_at_us = core_now_.us;
    want_output(index, tcbs_[index]);
}

/// Lists the connections whose next burst is due.
[[gnu::cold, gnu::noinline]] uint32_t Connections::release_bursts() noexcept {
    uint32_t released = 0;
    while (released < kTimersPerTurn) {
        const uint32_t index = paced_.take_due(core_now_.us);
        if (index == 0) break;
        ++released;
        Tcb& tcb = tcbs_[index];
        tcp::Recovery* const rec = conn_of(tcb).rec;
        if (rec == nullptr || !rec->is_listed) continue;  // the entry is of a record that has been freed
        rec->is_listed = false;
        want_output(index, tcb);
    }
    return released;
}

/// Adds the duplicate text, if any (RFC 2883 4), then the held blocks (RFC 2018 4): as many as fit into the
/// header, and into the segment with its text. A segment that the device cuts carries none.
[[gnu::cold, gnu::noinline]] void Connections::add_sack_blocks(const Tcb& tcb, tcp::Seq dup_left,
                                                               tcp::Seq dup_right,
                                                               SegmentOut& out) const noexcept {
    if (!tcb.has(tcp::kSack)) return;
    constexpr uint32_t kHeader = 4, kBlock = 8;  // NOP, NOP, kind, length
    const uint32_t beside = tcb.text_mss() - std::min(out.len, tcb.text_mss());
    const uint32_t in_header =
        wire::kMaxTcpOptionBytes - (out.timestamps ? uint32_t{wire::kPaddedTimestampsBytes} : 0);
    const uint32_t room = std::min(beside, in_header);
    if (room < kHeader + kBlock) return;
    const uint32_t most = (room - kHeader) / kBlock;
    if (dup_left != dup_right) out.sack[out.sack_count++] = {dup_left.value(), dup_right.value()};
    const Cold* cold = cold_of(tcb);
    if (cold == nullptr || cold->reassembly == 0) return;
    buf::SackBlock blocks[wire::kMaxSackBlocks];
    const uint8_t held = reassembly_.sack_blocks(cold->reassembly, std::span(blocks, most - out.sack_count));
    for (unsigned i = 0; i < held; ++i) out.sack[out.sack_count++] = {blocks[i].left, blocks[i].right};
}

}  // namespace synfin::stack
