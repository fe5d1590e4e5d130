/// @file
/// "Fragmentation needed": informs the connection that it quotes, and stores the destination's path MTU.

#include <algorithm>

#include "stack/connections.hh"
#include "tcp/congestion.hh"
#include "tcp/pmtu.hh"

namespace synfin::stack {

using tcp::Effects;
using tcp::Tcb;

void Connections::arrive_too_big(const net::SegmentError& error) noexcept {
    const tcp::TooBig message{error.mtu, error.quoted_length, error.quoted_seq};
    const uint32_t h = find_record(error.tuple, table_.hash(error.tuple));
    const uint32_t index = h & kIndexMask;
    Effects fx;
    fx.drop = DropReason::icmp_ignored;
    uint16_t mtu = 0;
    if (h != net::ConnectionTable::kNone && kind_of(h) == Kind::open) {
        need_recovery(tcbs_[index]);
        mtu = tcp::on_too_big(conn_of(tcbs_[index]), message, context(), fx);
        settle_recovery(tcbs_[index]);
    } else if (h != net::ConnectionTable::kNone && kind_of(h) == Kind::half_open) {
        mtu = tcp::on_too_big(half_opens_[index], message, fx);
    }
    if (mtu == 0) {
        counters_.drop(fx.drop);
        return;
    }
    counters_.add(Counter::icmp_too_big_accepted);
    path_mtus_.set(Ipv4{error.tuple.remote_addr}, mtu, now_);
    if (kind_of(h) == Kind::open) perform(index, {}, fx);
}

/// Limits the MSS of a new connection if the path MTU of its destination is known.
void Connections::limit_to_path(Tcb& tcb) noexcept {
    path_mtus_.expire(now_);
    const uint16_t mtu = path_mtus_.find(Ipv4{tcb.tuple.remote_addr}, now_);
    if (mtu == 0 || tcb.mss <= mtu - tcp::kHeaderBytes) return;
    tcb.mss = static_cast<uint16_t>(mtu - tcp::kHeaderBytes);
    if (tcp::Flow* flow = flow_of(tcb)) tcp::congestion::on_smaller_mss(tcb, *flow);
}

uint16_t Connections::path_mtu(const Tcb& tcb) const noexcept {
    const uint16_t known = path_mtus_.find(Ipv4{tcb.tuple.remote_addr}, now_);
    return known != 0 ? std::min(known, config_.mtu) : config_.mtu;
}

}  // namespace synfin::stack
