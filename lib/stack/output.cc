/// @file
/// What leaves: replies first, then each connection that may have something to send, until it says that it
/// has not.

#include <algorithm>

#include "stack/connections.hh"
#include "tcp/isn.hh"

namespace synfin::stack {

using tcp::Effects;
using tcp::Tcb;

void Connections::to_wire(const Tcb& tcb, const tcp::Outgoing& out, SegmentOut& s) noexcept {
    s.tuple = tcb.tuple.get();
    s.seq = out.seq;
    s.ack = out.ack;
    s.len = out.len;
    s.offset = out.offset;
    s.connection = 0;
    s.wnd = out.wnd;
    s.flags = out.flags;
    s.sack_count = 0;
    s.timestamps = tcb.has(tcp::kTimestamps);
    if ((out.flags & wire::kSyn) != 0) {
        const bool answers = (out.flags & wire::kAck) != 0;  // then only what the peer's SYN offered
        s.mss = params_.mss;
        s.shift = params_.rcv_shift;
        s.timestamps = answers ? tcb.has(tcp::kTimestamps) : params_.timestamps;
        s.window_scale = answers ? tcb.has(tcp::kWindowScale) : params_.window_scale;
        s.sack_permitted = answers ? tcb.has(tcp::kSack) : params_.sack_permitted;
    }
    if (s.timestamps) {
        s.ts_val = core_now_.tick + ts_offsets_.of(s.tuple);
        s.ts_ecr = tcb.ts_recent;
    }
}

const SegmentOut* Connections::next_out() noexcept {
    if (next_control_ < control_.size()) return &control_[next_control_++];
    while (next_output_ < output_.size()) {
        const uint32_t index = output_[next_output_];
        Tcb& tcb = tcbs_[index];
        if (tcb.has(tcp::kInOutput)) {
            Effects fx;
            tcp::Outgoing segment;
            const bool more = tcp::next_segment(tcb, flow_of(tcb), receive_room(tcb), context(), segment, fx);
            if (fx.timer) arm(index, tcb);
            if (more) {
                to_wire(tcb, segment, out_);
                out_.connection = index;
                if (segment.last) {
                    tcb.clear(tcp::kInOutput);
                    ++next_output_;
                }
                if (segment.retransmission) [[unlikely]] {
                    counters_.add(Counter::retransmitted);
                    if ((out_.flags & wire::kSyn) != 0) counters_.add(Counter::syn_retransmitted);
                }
                if (segment.probe) [[unlikely]]
                    counters_.add(Counter::zero_window_probes);
                if (const Cold* cold = cold_of(tcb);
                    cold != nullptr && cold->reassembly != 0 && tcb.has(tcp::kSack) && out_.len == 0) {
                    buf::SackBlock blocks[3];
                    out_.sack_count = reassembly_.sack_blocks(cold->reassembly, blocks);
                    for (unsigned i = 0; i < out_.sack_count; ++i)
                        out_.sack[i] = {blocks[i].left, blocks[i].right};
                }
                return &out_;
            }
            tcb.clear(tcp::kInOutput);
        }
        ++next_output_;
    }
    output_.clear();
    next_output_ = 0;
    return nullptr;
}

void Connections::copy_text(const SegmentOut& out, MutableBytes into) noexcept {
    buf::copy_out(blocks_, flows_[tcbs_[out.connection].flow].send_queue, out.offset, into);
}

}  // namespace synfin::stack
