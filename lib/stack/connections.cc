/// @file
/// Records: making, finding, counting and freeing them.

#include "stack/connections.hh"

#include <algorithm>

#include "tcp/congestion.hh"
#include "tcp/isn.hh"
#include "tcp/rtt.hh"

namespace synfin::stack {

using tcp::Flow;
using tcp::State;
using tcp::Tcb;

namespace {

/// Largest number of 2 KiB blocks for sending and receiving: twice what all connections could queue, so that
/// a few connections always have their whole buffers; limited by max_text_bytes. This reserves address space;
/// pages are mapped when used.
uint32_t large_blocks(const StackConfig& c) {
    const uint64_t per_connection =
        (uint64_t{c.tcp.send_buffer_bytes} + c.tcp.receive_buffer_bytes) / buf::BlockPool::kLargeBytes + 2;
    return static_cast<uint32_t>(std::min(std::max<uint64_t>(2 * per_connection * c.max_connections, 4096),
                                          c.max_text_bytes / buf::BlockPool::kLargeRecord));
}

/// Most events of one turn, if all are delivered in each turn. For each connection: its end (twice, if
/// TIME-WAIT is cut short in the turn in which it began), text that was left, and the FIN behind it. For each
/// packet and timer of the turn: a few.
size_t events_at_once(const StackConfig& c) {
    return size_t{4} * c.max_connections + 2048;
}

}  // namespace

Connections::Connections(const StackConfig& config, const Keys& keys, Instant start, OwnedPorts owned_ports)
    : Records(config),
      config_(config),
      params_(config.tcp, config.mtu),
      key_(keys.process),
      addresses_(config.addresses, config.gateway, config.gateway6),
      fold_(Keys::derive(key_, 8)),
      table_(config.max_connections + config.max_half_open + config.max_time_wait, Keys::derive(key_, 1),
             config.expected_connections),
      ts_offsets_(keys.timestamps, addresses_.all4(), addresses_.all6()),
      context_{params_, ts_offsets_, {}},
      path_mtus_(Keys::derive(key_, 7), Keys::derive(key_, 10)),
      sources6_(config.addresses),
      owned_ports_(owned_ports),
      blocks_(4 * config.max_connections + 1024, large_blocks(config),
              kLeastShareBlocks * config.max_connections),
      reassembly_(blocks_, std::min(config.max_connections, 65'536u), buf::ReassemblyPool::kMaxRanges,
                  params_.rcv_buffer),
      receive_windows_(config.max_connections),
      first_limit_(params_.rcv_start),
      wheel_(config.max_connections + 1, tcp::Now(start).tick),
      ports_(config.port_low, config.port_high, Keys::derive(key_, 2)),
      rate_limits_(Keys::derive(key_, 12), config.tcp.resets_per_s, config.tcp.challenge_acks_per_s,
                   half_opens_.capacity(), config.max_time_wait),
      isns_(keys.isn, addresses_.all4(), addresses_.all6()),
      application_timers_(config.max_timers, tcp::Now(start).tick),
      mailbox_(config.max_posts),
      paced_(recoveries_.capacity()),
      events_(events_at_once(config)),
      control_(kMaxControl),
      output_(config.max_connections) {
    context_.first_v6 = addresses_.count4();
    timers_ran_at_ = start;
    set_now(start);
}

uint32_t Connections::find_record(const Tuple& tuple, uint32_t hash) const noexcept {
    return table_.find(hash, [&](uint32_t h) noexcept { return *tuple_of(h) == tuple; });
}

/// Equal tuples of IPv6 connections may be those of two peers whose addresses have the same fold.
uint32_t Connections::find_record6(const Tuple& tuple, const Ipv6& remote, uint32_t hash) const noexcept {
    return table_.find(hash,
                       [&](uint32_t h) noexcept { return *tuple_of(h) == tuple && peers6_.is(h, remote); });
}

/// Cannot fail: the pool has one Flow for each control block.
Flow& Connections::need_flow(Tcb& tcb) noexcept {
    if (tcb.flow == 0) {
        tcb.flow = flows_.alloc();
        SYNFIN_CHECK(tcb.flow != 0);
        tcp::start_flow(tcb, flows_[tcb.flow], params_, core_now_);
    }
    return flows_[tcb.flow];
}

[[gnu::cold, gnu::noinline]] void Connections::need_recovery(const Tcb& tcb) noexcept {
    if (tcb.flow == 0) return;
    Flow& flow = flows_[tcb.flow];
    if (flow.recovery != 0) return;
    flow.recovery = recoveries_.alloc();
    if (flow.recovery == 0)
        counters_.add(Counter::no_recovery_record);
    else
        tcp::start_recovery(tcb, flow, recoveries_[flow.recovery], core_now_);
}

[[gnu::cold, gnu::noinline]] void Connections::need_recovery_at_timeout(Tcb& tcb) noexcept {
    if (tcb.flow == 0) return;
    Flow& flow = flows_[tcb.flow];
    // A connection that has given up its record takes one only when half are free. Otherwise connections to
    // dead peers would take the last ones in turn.
    const uint32_t least = recoveries_.capacity() / (flow.recovery != 0 ? 4 : 2);
    if (recoveries_.capacity() - recoveries_.used() >= least || !tcp::yields_recovery(conn_of(tcb))) {
        need_recovery(tcb);
        return;
    }
    counters_.add(Counter::no_recovery_record);
    if (flow.recovery == 0) return;
    tcp::forgo_recovery(flow);
    recoveries_.free(flow.recovery);
    flow.recovery = 0;
}

[[gnu::cold, gnu::noinline]] void Connections::settle_recovery(const Tcb& tcb) noexcept {
    if (tcb.flow == 0) return;
    Flow& flow = flows_[tcb.flow];
    if (flow.recovery == 0 || tcp::keeps_recovery(tcb, flow)) return;
    recoveries_.free(flow.recovery);
    flow.recovery = 0;
}

Cold* Connections::need_cold(Tcb& tcb) noexcept {
    Flow& flow = need_flow(tcb);
    if (flow.cold == 0) {
        flow.cold = colds_.alloc();
        SYNFIN_CHECK(flow.cold != 0);
        colds_[flow.cold] = Cold{};
    }
    return &colds_[flow.cold];
}

void Connections::release_flow(Tcb& tcb) noexcept {
    if (tcb.flow == 0) return;
    Flow& flow = flows_[tcb.flow];
    buf::clear(blocks_, flow.send_queue);
    if (flow.recovery != 0) recoveries_.free(flow.recovery);
    if (flow.cold != 0) {
        Cold& cold = colds_[flow.cold];
        if (cold.waits) stop_waiting(flow.cold);
        buf::clear(blocks_, cold.held);
        reassembly_.release(cold.reassembly);
        colds_.free(flow.cold);
    }
    flows_.free(tcb.flow);
    tcb.flow = 0;
}

/// Increments the record's generation, which invalidates handles to it. Its wheel entry stays for the next
/// user.
void Connections::free_tcb(uint32_t index) noexcept {
    Tcb& tcb = tcbs_[index];
    release_flow(tcb);
    tcb.flags = 0;
    tcb.state_and_quick = 0;
    tcb.clear_deadline();
    Holder& holder = holders_[index];
    holder.user_tag = 0;
    ++holder.generation;
    holder.challenges = {};
    tcbs_.free(index);
}

Occupancy Connections::occupancy() const noexcept {
    Occupancy out;
    for (uint32_t i = 1; i <= tcbs_.high_water(); ++i)
        ++out.by_state[static_cast<unsigned>(tcbs_[i].state())];
    out.by_state[static_cast<unsigned>(State::closed)] = 0;  // free records
    out.by_state[static_cast<unsigned>(State::syn_received)] += half_opens_.used();
    out.by_state[static_cast<unsigned>(State::time_wait)] += time_waits_.used();
    out.half_open = half_opens_.used();
    out.open = tcbs_.used();
    out.time_wait = time_waits_.used();
    out.flow_lines = flows_.used();
    out.recovery_records = recoveries_.used();
    out.send_blocks = blocks_.blocks_in_use();
    out.timers = wheel_.entries();
    return out;
}

MemoryUse Connections::memory() const noexcept {
    MemoryUse out;
    out.open =
        tcbs_.memory_bytes() + size_t{tcbs_.high_water()} * sizeof(Holder) + peers6_.memory_bytes(Kind::open);
    out.flows = flows_.memory_bytes() + recoveries_.memory_bytes() + colds_.memory_bytes() +
                receive_windows_.memory_bytes();
    out.half_open = half_opens_.memory_bytes() + peers6_.memory_bytes(Kind::half_open);
    out.time_wait = time_waits_.memory_bytes() + peers6_.memory_bytes(Kind::time_wait);
    out.table = table_.memory_bytes();
    out.timers = TimerWheel::memory_bytes(tcbs_.high_water()) + delayed_acks_.memory_bytes() +
                 paced_.memory_bytes() + application_timers_.memory_bytes();
    out.text = blocks_.memory_bytes();
    return out;
}

/// Calls visit() for up to at_most open connections from index `from` on (initially 1); visit may close or
/// abort them.
/// @return the index to continue with; 0: all have been visited.
/// @note cost: reads the record's line of each index that it passes, at most 16 times at_most.
uint32_t Connections::visit_open(uint32_t from, uint32_t at_most, void (*visit)(void* context, Connection),
                                 void* context) noexcept {
    uint32_t looks = at_most > UINT32_MAX / 16 ? UINT32_MAX : 16 * at_most;
    uint32_t index = std::max(from, 1u);
    for (; index <= tcbs_.high_water(); ++index, --looks) {
        if (at_most == 0 || looks == 0) return index;
        const Tcb& tcb = tcbs_[index];
        if (!tcb.has(tcp::kOpened) || tcb.state() == State::closed) continue;
        visit(context, Connection(this, index, generation_of(index)));
        --at_most;
    }
    return 0;
}

}  // namespace synfin::stack
