/// @file
/// Active opens (RFC 9293 3.10.1): the checks of connect(), the choice of addresses and port, the record.

#include <algorithm>
#include <type_traits>

#include "stack/connections.hh"
#include "tcp/isn.hh"

namespace synfin::stack {

using tcp::Effects;
using tcp::Seq;
using tcp::Tcb;

Result<Connection> Connections::connect(const Endpoint& peer, const ConnectOptions& options) noexcept {
    if (!peer.addr.is_v4()) [[unlikely]]
        return connect6(peer, options);
    const Ipv4 remote = peer.addr.v4;
    if (peer.port == 0 || !addresses_.is_unicast(remote)) return Error::invalid;  // RFC 9293 MUST-46
    if (addresses_.count4() == 0 || addresses_.next_hop(remote).is_unspecified()) return Error::no_route;
    Tuple tuple;
    tuple.remote_addr = remote.value;
    tuple.remote_port = peer.port;
    if (options.source) {  // RFC 9293 MUST-43
        if (!options.source->is_v4()) return Error::invalid;
        const uint32_t found = addresses_.find(options.source->v4);
        if (found == net::LocalAddresses::kNone) return Error::invalid;
        tuple.local_index = found;
    }
    if (addresses_[tuple.local_index] == remote) return Error::invalid;  // packets do not loop back on a wire
    return open(tuple, remote, options);
}

/// The same for an IPv6 peer. Without a source, RFC 6724 chooses it.
/// @note cost: the arguments are copies, because references would keep those of connect() out of registers.
[[gnu::noinline]] Result<Connection> Connections::connect6(
    Endpoint peer, ConnectOptions options) noexcept {  // NOLINT(performance-unnecessary-value-param)
    const Ipv6& remote = peer.addr.v6;
    if (peer.port == 0 || !net::LocalAddresses::is_unicast(remote)) return Error::invalid;
    if (addresses_.find(remote) != net::LocalAddresses::kNone) return Error::invalid;
    if (addresses_.next_hop(remote).is_unspecified()) return Error::no_route;
    Tuple tuple;
    tuple.remote_addr = fold_(remote);
    tuple.remote_port = peer.port;
    if (options.source) {
        if (!options.source->is_v6()) return Error::invalid;
        tuple.local_index = addresses_.find(options.source->v6);
        if (tuple.local_index == net::LocalAddresses::kNone) return Error::invalid;
    } else {
        const uint32_t source = sources6_.towards(remote);
        if (source == net::SourceAddresses::kNone) return Error::no_route;
        tuple.local_index = addresses_.count4() + source;
    }
    return open(tuple, remote, options);
}

/// Chooses the port, then makes the record. `tuple` has everything but the local port.
/// @tparam Address Ipv4 or Ipv6.
/// @note cost: inlined, because most connections of a client are IPv4 ones.
template <typename Address>
[[gnu::always_inline]] inline Result<Connection> Connections::open(Tuple tuple, const Address& remote,
                                                                   const ConnectOptions& options) noexcept {
    constexpr bool kIsV6 = std::is_same_v<Address, Ipv6>;
    const uint32_t index = tcbs_.alloc();
    if (index == 0) {
        counters_.drop(DropReason::connections_full);
        return Error::no_memory;
    }

    // A tuple in TIME-WAIT may be reused when our timestamp clock has advanced since its last segment (RFC
    // 6191 2). The expiry has units of 16 ticks, so wait one more unit.
    uint32_t hash = 0;
    uint32_t old = net::ConnectionTable::kNone;
    auto own = [&](uint16_t first) noexcept {
        if constexpr (kIsV6)
            return owned_ports_(addresses_.v6(tuple.local_index), first, remote, tuple.remote_port);
        else
            return owned_ports_(addresses_[tuple.local_index], first, remote, tuple.remote_port);
    };
    auto is_free = [&](uint16_t port) noexcept {
        tuple.local_port = port;
        hash = table_.hash(tuple);
        if constexpr (kIsV6)
            old = find_record6(tuple, remote, hash);
        else
            old = find_record(tuple, hash);
        if (old == net::ConnectionTable::kNone) return true;
        if (kind_of(old) != Kind::time_wait || !params_.time_wait_reuse) return false;
        const uint32_t record = old & kIndexMask;
        return time_waits_[record].timestamps != 0 &&
               time_waits_.remaining(record, core_now_.tick) + 32 <= static_cast<int32_t>(params_.two_msl);
    };
    auto choose = [&]() noexcept {
        if constexpr (kIsV6)
            return ports_.choose(tuple, remote, own, is_free);
        else
            return ports_.choose(tuple, own, is_free);
    };
    // TIME-WAIT tuples become free with time alone, without note_release(). So the refused ports are
    // forgotten when no port was found.
    auto forget_refusals = [&]() noexcept {
        if (!params_.time_wait_reuse || core_now_.tick - ports_forgotten_ < 32) return false;
        ports_forgotten_ = core_now_.tick;
        ports_.note_release();
        return true;
    };
    if (options.source_port != 0) {
        const bool comes_back = (own(options.source_port & 0xffc0) >> options.source_port % 64 & 1) != 0;
        if (!comes_back || !is_free(options.source_port)) {
            tcbs_.free(index);
            return Error::in_use;
        }
    } else {
        // At most two rounds; a single call site, so that choose() is inlined.
        while (choose() == 0) {
            if (forget_refusals()) continue;
            tcbs_.free(index);
            counters_.drop(DropReason::no_port);
            return Error::no_port;
        }
    }
    Seq iss;
    if constexpr (kIsV6)
        iss = isns_.of(tuple, remote, now_);
    else
        iss = isns_.of(tuple, now_);
    if (old != net::ConnectionTable::kNone) {
        const Seq last = time_waits_[old & kIndexMask].snd_nxt;
        if (!tcp::after(iss, last + 65'536u)) iss = last + 65'537u;
        remove_time_wait(old & kIndexMask, hash);
        counters_.add(Counter::time_wait_reused_active);
    }
    if (!add_to_table(hash, handle(Kind::open, index))) {
        tcbs_.free(index);
        counters_.drop(DropReason::connections_full);
        return Error::no_memory;
    }
    if constexpr (kIsV6) peers6_.set(index, remote);
    // A later open to this destination will most likely use this port. Eight ports ahead is early enough that
    // the line is in the cache by then, when opens follow each other.
    Tuple next = tuple;
    next.local_port = static_cast<uint16_t>(next.local_port + 8);
    table_.prefetch(table_.hash(next));
    Tcb& tcb = tcbs_[index];
    Effects fx;
    tcp::open_active(tcb, tuple, iss, context(), fx);
    tcb.controller = tcp::controller_of(options.congestion_control) & tcp::kControllerMask;
    holders_[index].user_tag = options.user_tag;
    tcb.set(tcp::kOpened);
    counters_.add(Counter::active_opens);
    arm(index, tcb);  // the effects of open_active()
    want_output(index, tcb);
    return Connection(this, index, generation_of(index));
}

}  // namespace synfin::stack
