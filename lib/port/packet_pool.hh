#pragma once
/// @file
/// Packet pools: one for each engine, with a cache for its core.

#include <rte_mempool.h>

#include <cstdint>
#include <memory>
#include <string>

#include "port/refusal.hh"

namespace synfin::port {

/// What a pool's packets must hold.
struct PacketSize {
    uint32_t room = 0;   ///< bytes of a buffer, headroom included
    uint32_t total = 0;  ///< bytes of memory for one packet, all told

    /// For frames of `max_frame` bytes, or a driver's own least buffer where that is more.
    static PacketSize for_frame(uint32_t max_frame, uint32_t least_buffer) noexcept;
};

struct PoolFree {
    void operator()(rte_mempool* pool) const noexcept { rte_mempool_free(pool); }
};
using PacketPool = std::unique_ptr<rte_mempool, PoolFree>;

/// Who reads and writes packets.
enum class Access : uint8_t {
    device,     ///< by their physical addresses: none may lie across two pages
    processor,  ///< alone: they lie one behind the other, see README.md
};

/// Null and a refusal when the memory cannot be had. Names are made unique in the process.
PacketPool make_pool(uint32_t packets, const PacketSize& size, int numa_node, Access access,
                     Refusal& refusal);

}  // namespace synfin::port
