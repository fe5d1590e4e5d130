/// @file
/// What leaves: replies first, then each connection that may have something to send, until it says that it
/// has not.

#include <algorithm>

#include "stack/connections.hh"
#include "tcp/isn.hh"

namespace synfin::stack {

using tcp::Effects;
using tcp::Tcb;

/// What every segment of a connection has, beside what the core said.
[[gnu::always_inline]] inline void Connections::complete_here(const Tcb& tcb, SegmentOut& out) noexcept {
    out.tuple = tcb.tuple.get();
    out.text = nullptr;
    out.sack_count = 0;
    out.timestamps = tcb.has(tcp::kTimestamps);
    if ((out.flags & wire::kSyn) != 0) {
        const bool answers = (out.flags & wire::kAck) != 0;  // then only what the peer's SYN offered
        out.mss = params_.mss;
        out.shift = params_.rcv_shift;
        out.timestamps = answers ? tcb.has(tcp::kTimestamps) : params_.timestamps;
        out.window_scale = answers ? tcb.has(tcp::kWindowScale) : params_.window_scale;
        out.sack_permitted = answers ? tcb.has(tcp::kSack) : params_.sack_permitted;
    }
    if (out.timestamps) {
        out.ts_val = core_now_.tick + ts_offsets_.of(out.tuple);
        out.ts_ecr = tcb.ts_recent;
    }
}

void Connections::complete(const Tcb& tcb, SegmentOut& out) noexcept {
    complete_here(tcb, out);
}

const SegmentOut* Connections::next_out() noexcept {
    for (; !output_.empty(); output_.pop()) {
        const uint32_t index = output_.front();
        Tcb& tcb = tcbs_[index];
        if (!tcb.has(tcp::kInOutput)) continue;
        Effects fx;
        tcp::Flow* const flow = flow_of(tcb);
        const bool is_one = tcp::next_segment(tcb, flow, receive_room(tcb), context(), out_, fx);
        if (fx.timer) arm(index, tcb);
        if (!is_one || out_.last) tcb.clear(tcp::kInOutput);
        if (!is_one) continue;
        complete_here(tcb, out_);
        if (flow != nullptr) {
            out_.text = &flow->send_queue;
            if (flow->cold != 0) [[unlikely]]
                add_sack_blocks(tcb, out_);
        }
        if (out_.last) output_.pop();
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

void Connections::add_sack_blocks(const Tcb& tcb, SegmentOut& out) noexcept {
    const Cold* cold = cold_of(tcb);
    if (cold->reassembly == 0 || !tcb.has(tcp::kSack) || out.len != 0) return;
    buf::SackBlock blocks[3];
    out.sack_count = reassembly_.sack_blocks(cold->reassembly, blocks);
    for (unsigned i = 0; i < out.sack_count; ++i) out.sack[i] = {blocks[i].left, blocks[i].right};
}

}  // namespace synfin::stack
