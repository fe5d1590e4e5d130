/// @file
/// Describes connections: ConnectionInfo.

#include <algorithm>

#include "stack/connections.hh"
#include "tcp/congestion.hh"
#include "tcp/loss/rack.hh"
#include "tcp/rtt.hh"

namespace synfin::stack {

using tcp::DeadlineKind;
using tcp::Flow;
using tcp::Recovery;
using tcp::Tcb;

namespace {

static_assert(static_cast<unsigned>(ConnectionTimer::ts_recent) ==
                  static_cast<unsigned>(DeadlineKind::ts_recent) &&
              static_cast<unsigned>(ConnectionTimer::probe) == static_cast<unsigned>(DeadlineKind::probe) &&
              static_cast<unsigned>(ConnectionTimer::keepalive) ==
                  static_cast<unsigned>(DeadlineKind::keepalive));

LossState loss_state(const Flow& flow, const Recovery* rec) noexcept {
    if (flow.has(tcp::kRtoRecovery) || flow.has(tcp::kRetransmitting)) return LossState::loss;
    if (flow.has(tcp::kRecovery)) return LossState::recovery;
    return rec != nullptr && (rec->sacked != 0 || rec->dup_acks != 0) ? LossState::disorder : LossState::open;
}

}  // namespace

Result<ConnectionInfo> Connections::info(uint32_t index, uint32_t generation) const noexcept {
    const Tcb* tcb = find(index, generation);
    if (tcb == nullptr) return Error::gone;
    return describe(index, *tcb);
}

ConnectionInfo Connections::describe(uint32_t handle, const Tcb& tcb) const noexcept {
    const Flow* flow = flow_of(tcb);
    const Cold* cold = cold_of(tcb);
    const unsigned backoff = flow != nullptr ? flow->backoff : 0;
    ConnectionInfo out;
    describe_recovery(tcb, out);
    describe_receiving(handle, tcb, out);
    describe_timers(tcb, out);
    out.state = tcb.state();
    out.local = {addresses_.at(tcb.tuple.local_index), tcb.tuple.local_port};
    out.peer = {remote_of(tcb.tuple, handle), tcb.tuple.remote_port};
    out.snd_una = tcb.snd.una.value();
    out.snd_nxt = tcb.snd.nxt.value();
    out.snd_wnd = tcb.snd.wnd;
    out.rcv_nxt = tcb.rcv.nxt.value();
    out.rcv_wnd = tcb.rcv.wnd;
    out.mss = tcb.mss;
    out.pmtu = path_mtu(out.peer.addr);
    out.cwnd_bytes = flow != nullptr ? flow->cwnd_bytes : tcp::initial_window(tcb);
    out.ssthresh_bytes = flow != nullptr ? flow->ssthresh_bytes : UINT32_MAX;
    out.srtt_us = flow != nullptr ? flow->srtt_us : tcb.srtt.us();
    out.rttvar_us = flow != nullptr ? flow->rttvar_us : tcb.srtt.us() / 2;
    out.rto_ms = tcp::backed_off(tcp::rto_ticks(tcb, flow, params_), backoff, params_);
    out.unacked_bytes = tcb.in_flight();
    if (flow != nullptr && tcp::after(flow->snd_end, tcb.snd.nxt))
        out.unsent_bytes = tcp::distance(tcb.snd.nxt, flow->snd_end);
    out.unread_bytes = cold != nullptr ? cold->held_bytes : 0;
    out.timestamps = tcb.has(tcp::kTimestamps);
    out.window_scale = tcb.has(tcp::kWindowScale);
    out.sack_permitted = tcb.has(tcp::kSack);
    out.ecn = tcb.has(tcp::kEcn) && tcp::is_synchronized(tcb.state());
    return out;
}

void Connections::for_each(void (*visit)(void* context, const ConnectionInfo&), void* context) const {
    table_.for_each([&](uint32_t h) noexcept {
        const uint32_t i = h & kIndexMask;
        switch (kind_of(h)) {
            case Kind::open: visit(context, describe(h, tcbs_[i])); return;
            case Kind::half_open:
                visit(context, describe(h, tcp::expand(half_opens_[i], syn_window(), params_.rcv_shift)));
                return;
            case Kind::time_wait:
                visit(context, describe(h, tcp::expand(time_waits_[i], params_.rcv_start)));
                return;
        }
    });
}

void Connections::describe_recovery(const Tcb& tcb, ConnectionInfo& out) const noexcept {
    out.congestion_control =
        tcb.controller != 0 ? static_cast<CongestionControl>(tcb.controller - 1) : params_.congestion_control;
    out.flight_bytes = tcb.in_flight();
    const Flow* flow = flow_of(tcb);
    out.send_limit_bytes = send_limit(flow);
    if (flow == nullptr) return;
    out.backoff = flow->backoff;
    const Recovery* rec = flow->recovery != 0 ? &recoveries_[flow->recovery] : nullptr;
    out.loss_state = loss_state(*flow, rec);
    if (rec == nullptr) return;
    out.flight_bytes = rec->pipe(tcb);
    out.sacked_bytes = rec->sacked;
    out.lost_bytes = rec->lost;
    out.retransmitted = rec->resent;
    if (rec->min_rtt_us != UINT32_MAX) out.min_rtt_us = rec->min_rtt_us;
    out.reordering_seen = rec->reordering_seen;
    out.reordering_us = tcp::rack::reordering_window(*flow, *rec, tcb.text_mss());
}

void Connections::describe_receiving(uint32_t handle, const Tcb& tcb, ConnectionInfo& out) const noexcept {
    out.rcv_limit_bytes = receive_limit(handle, tcb);
    out.ack_owed = tcb.has(tcp::kAckNow) || tcb.has(tcp::kAckDelayed);
    out.snd_shift = tcb.snd_shift();
    out.rcv_shift = tcb.rcv_shift();
    if (const Cold* cold = cold_of(tcb); cold != nullptr)
        out.out_of_order_bytes = reassembly_.bytes(cold->reassembly);
    if (kind_of(handle) != Kind::open || tcb.quick_acks() != 0) return;
    const tcp::ReceiveTuning* tuning = receive_windows_.find(handle, generation_of(handle));
    if (tuning != nullptr) out.rcv_rtt_us = tuning->rtt_us;
}

void Connections::describe_timers(const Tcb& tcb, ConnectionInfo& out) const noexcept {
    if (tcb.deadline != tcp::kNoDeadline) {
        out.timer = static_cast<ConnectionTimer>(tcb.deadline_kind);
        const auto left = static_cast<int32_t>(tcb.deadline - core_now_.tick);
        out.timer_ms = static_cast<uint32_t>(std::max(left, 0));
    }
    const Cold* cold = cold_of(tcb);
    out.user_timeout_ms =
        cold != nullptr && cold->user_timeout != 0 ? cold->user_timeout : params_.user_timeout;
}

}  // namespace synfin::stack
