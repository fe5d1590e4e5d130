#pragma once
/// @file
/// Packet pools: one for each engine, with a cache for its core.

#include <rte_mempool.h>

#include <cstdint>
#include <memory>
#include <string>

#include "port/refusal.hh"

namespace synfin::port {

/// The size of a pool's packets.
struct PacketSize {
    uint32_t room = 0;   ///< bytes of a buffer, headroom included
    uint32_t total = 0;  ///< bytes of memory for one packet, all headers included

    /// For frames of `max_frame` bytes, or a driver's smallest buffer where that is larger.
    static PacketSize for_frame(uint32_t max_frame, uint32_t least_buffer) noexcept;
};

struct PoolFree {
    void operator()(rte_mempool* pool) const noexcept { rte_mempool_free(pool); }
};
using PacketPool = std::unique_ptr<rte_mempool, PoolFree>;

/// Who accesses packets.
enum class Access : uint8_t {
    device,     ///< by physical address: no packet may cross a page boundary
    processor,  ///< processors only: packets lie one behind the other, see README.md
};

/// Returns null and a refusal when the memory is not available. Gives each pool a name that is unique in the
/// process.
PacketPool make_pool(uint32_t packets, const PacketSize& size, int numa_node, Access access,
                     Refusal& refusal);

}  // namespace synfin::port
