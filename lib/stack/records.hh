#pragma once
/// @file
/// Records: the pools that hold the records of connections, and the way from one record to the others.

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/mapped_array.hh"
#include "base/record_pool.hh"
#include "stack/half_opens.hh"
#include "stack/holder.hh"
#include "stack/peers6.hh"
#include "stack/record_handle.hh"
#include "stack/time_waits.hh"
#include "synfin/stack_config.hh"
#include "tcp/cold.hh"
#include "tcp/conn.hh"
#include "tcp/params.hh"

namespace synfin::stack {

using tcp::Cold;

/// The base of Connections, which alone makes and frees records.
class Records {
  protected:
    using Kind = RecordKind;

    /// @throws std::bad_alloc
    explicit Records(const StackConfig& config)
        : tcbs_(config.max_connections),
          holders_(size_t{config.max_connections} + 1),
          flows_(config.max_connections),
          recoveries_(std::min(config.max_connections, config.max_recoveries)),
          colds_(config.max_connections),
          half_opens_(config.max_half_open + config.max_time_wait,  // see alloc_half_open()
                      tcp::to_ticks(config.tcp.syn_ack_timeout)),
          time_waits_(config.max_time_wait) {
        const auto is_v6 = [](const Cidr& each) { return each.addr.is_v6(); };
        if (std::any_of(config.addresses.begin(), config.addresses.end(), is_v6))
            peers6_ = Peers6(tcbs_.capacity(), half_opens_.capacity(), config.max_time_wait);
    }

    /// Every kind of record begins with its tuple. For kNone: an address that may only be prefetched.
    const Tuple* tuple_of(uint32_t handle) const noexcept {
        const uint32_t index = handle & kIndexMask;
        if (handle == index) [[likely]]
            return &tcbs_.at(index)->tuple;
        switch (kind_of(handle)) {
            case Kind::open: break;
            case Kind::half_open: return &half_opens_.at(index)->tuple;
            case Kind::time_wait: return &time_waits_.at(index)->tuple;
        }
        return nullptr;
    }
    tcp::Flow* flow_of(tcp::Tcb& tcb) noexcept { return tcb.flow != 0 ? &flows_[tcb.flow] : nullptr; }
    const tcp::Flow* flow_of(const tcp::Tcb& tcb) const noexcept {
        return tcb.flow != 0 ? &flows_[tcb.flow] : nullptr;
    }
    tcp::Conn conn_of(tcp::Tcb& tcb) noexcept {
        if (tcb.flow == 0) return {tcb};
        tcp::Flow& flow = flows_[tcb.flow];
        return {tcb, &flow, flow.recovery != 0 ? &recoveries_[flow.recovery] : nullptr};
    }
    Cold* cold_of(const tcp::Tcb& tcb) noexcept {
        return const_cast<Cold*>(std::as_const(*this).cold_of(tcb));  // NOLINT(*-const-cast)
    }
    const Cold* cold_of(const tcp::Tcb& tcb) const noexcept {
        if (colds_.used() == 0 || tcb.flow == 0) return nullptr;  // usually no connection has one
        const uint32_t cold = flows_[tcb.flow].cold;
        return cold != 0 ? &colds_[cold] : nullptr;
    }
    uint32_t generation_of(uint32_t index) const noexcept { return holders_[index].generation; }

    RecordPool<tcp::Tcb> tcbs_;
    MappedArray<Holder> holders_;  ///< of tcbs_, by index
    RecordPool<tcp::Flow> flows_;
    RecordPool<tcp::Recovery> recoveries_;
    RecordPool<Cold> colds_;
    HalfOpens half_opens_;
    TimeWaits time_waits_;
    Peers6 peers6_;
};

}  // namespace synfin::stack
