/// @file
/// Opens that wait for the MAC address of their next hop: naming them, and ending them when it does not
/// answer.

#include "stack/connections.hh"

namespace synfin::stack {

using tcp::Effects;
using tcp::State;
using tcp::Tcb;

uint32_t Connections::open_of(const Tuple& tuple, const Ipv6* remote6) const noexcept {
    const uint32_t h = find_either(tuple, remote6, table_.hash(tuple));
    if (h == net::ConnectionTable::kNone) return 0;
    const uint32_t index = h & kIndexMask;
    if (kind_of(h) == Kind::half_open) return tcbs_.capacity() + index;
    return kind_of(h) == Kind::open && tcbs_[index].state() == State::syn_sent ? index : 0;
}

std::optional<IpAddress> Connections::peer_of_open(uint32_t open) const noexcept {
    if (open <= tcbs_.capacity()) {
        const Tcb& tcb = tcbs_[open];
        if (tcb.state() != State::syn_sent) return std::nullopt;
        return remote_of(tcb.tuple, open);
    }
    const uint32_t index = open - tcbs_.capacity();
    const uint32_t record = handle(Kind::half_open, index);
    const Tuple tuple = half_opens_[index].tuple;  // in a free record: find_either() does not return it
    if (find_either(tuple, remote6_of(tuple, record), table_.hash(tuple)) != record) return std::nullopt;
    return remote_of(tuple, record);
}

void Connections::end_unreachable(uint32_t open) noexcept {
    if (open > tcbs_.capacity()) {
        const uint32_t index = open - tcbs_.capacity();
        counters_.add(Counter::half_open_expired);
        free_half_open(index, table_.hash(half_opens_[index].tuple));
        return;
    }
    tcp::set_state(tcbs_[open], State::closed);
    Effects fx;
    fx.ended = true;
    fx.reason = tcp::CloseReason::unreachable;
    perform(open, {}, fx);
}

}  // namespace synfin::stack
