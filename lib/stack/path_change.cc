/// @file
/// "Fragmentation needed" and "packet too big": informs the connection that it quotes, and stores the
/// destination's path MTU.

#include <algorithm>

#include "stack/connections.hh"
#include "tcp/congestion.hh"
#include "tcp/pmtu.hh"

namespace synfin::stack {

using tcp::Effects;
using tcp::Tcb;

void Connections::arrive_too_big(const net::SegmentError& error) noexcept {
    const tcp::TooBig message{error.mtu, error.quoted_length, error.quoted_seq, is_v6(error.tuple)};
    const uint32_t h = find_either(error.tuple, &error.remote6, table_.hash(error.tuple));
    const uint32_t index = h & kIndexMask;
    Effects fx;
    fx.drop = DropReason::icmp_ignored;
    uint16_t mtu = 0;
    if (h != net::ConnectionTable::kNone && kind_of(h) == Kind::open) {
        if (tcp::quotes_flight(tcbs_[index], message.quoted_seq)) need_recovery(tcbs_[index]);
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
    const Ipv4 remote{error.tuple.remote_addr};
    path_mtus_.set(message.is_v6 ? IpAddress(error.remote6) : IpAddress(remote), mtu, now_);
    if (kind_of(h) == Kind::open) perform(index, {}, fx);
}

/// Limits the MSS of a new connection if the path MTU of its destination is known.
void Connections::limit_to_path(uint32_t index) noexcept {
    path_mtus_.expire(now_);
    Tcb& tcb = tcbs_[index];
    const uint16_t headers = tcp::header_bytes(is_v6(tcb.tuple));
    const uint16_t mtu = path_mtu(remote_of(tcb.tuple, index));
    if (tcb.mss <= mtu - headers) return;
    tcb.mss = static_cast<uint16_t>(mtu - headers);
    if (tcp::Flow* flow = flow_of(tcb)) tcp::congestion::on_smaller_mss(tcb, *flow);
}

/// The core has found a black hole: connections opened later, and after idling this one, ask the memory of
/// path MTUs.
void Connections::note_black_hole(uint32_t index, uint16_t mtu) noexcept {
    const Tuple& tuple = tcbs_[index].tuple;
    counters_.add(Counter::black_holes);
    path_mtus_.set(remote_of(tuple, index), mtu, now_);
}

/// After idling: tries the MSS from before the black hole again, as far as the remembered path MTU permits.
void Connections::restore_mss(uint32_t index) noexcept {
    Tcb& tcb = tcbs_[index];
    const int most = path_mtu(remote_of(tcb.tuple, index)) - tcp::header_bytes(is_v6(tcb.tuple));
    tcb.mss = static_cast<uint16_t>(std::min<int>(tcb.full_mss, most));
    if (tcb.mss != tcb.full_mss) return;
    tcb.full_mss = 0;
    tcb.is_black_hole = 0;
}

/// The path MTU of a destination, the interface's if no router reported a smaller one.
uint16_t Connections::path_mtu(const IpAddress& remote) const noexcept {
    const uint16_t known = path_mtus_.find(remote, now_);
    return known != 0 ? std::min(known, config_.mtu) : config_.mtu;
}

}  // namespace synfin::stack
