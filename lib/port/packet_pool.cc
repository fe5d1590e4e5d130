#include "port/packet_pool.hh"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>

#include <algorithm>
#include <cerrno>
#include <new>

#include "base/mapped_array.hh"
#include "buf/queue_pair.hh"
#include "port/eal.hh"
#include "port/limits.hh"
#include "port/wire_ring.hh"

namespace synfin::port {

static_assert(RTE_PKTMBUF_HEADROOM >= buf::kHeadroom);

namespace {

/// Packets that a core caches from its pool without touching shared cache lines.
constexpr uint32_t kCache = 256;
/// NICs use buffers of whole KiB. A smaller buffer would be rounded down to a size that holds no full frame.
constexpr uint32_t kBufferGrain = 1024;
constexpr uint32_t kLeastBuffer = 2048;

using Memory = MappedArray<uint8_t>;

/// Fills the pool with packets in our own memory, for which the kernel may use transparent huge pages. DPDK's
/// ordinary memory is a memfd, for which the kernel mostly does not. Returns the number of packets, or a
/// negative errno.
int populate(rte_mempool* pool, uint64_t bytes) {
    std::unique_ptr<Memory> memory;
    try {
        memory = std::make_unique<Memory>(bytes);
    } catch (const std::bad_alloc&) {
        return -ENOMEM;
    }
    auto give_back = [](rte_mempool_memhdr*, void* of) { delete static_cast<Memory*>(of); };
    const int done = rte_mempool_populate_iova(pool, reinterpret_cast<char*>(memory->data()), RTE_BAD_IOVA,
                                               memory->bytes(), give_back, memory.get());
    if (done > 0) static_cast<void>(memory.release());  // the pool owns it now
    return done;
}

}  // namespace

PacketSize PacketSize::for_frame(uint32_t max_frame, uint32_t least_buffer) noexcept {
    const uint32_t wanted = std::max({max_frame + WireRing::kSlack, least_buffer, kLeastBuffer});
    const uint32_t room = RTE_PKTMBUF_HEADROOM + (wanted + kBufferGrain - 1) / kBufferGrain * kBufferGrain;
    const auto object = static_cast<uint32_t>(sizeof(rte_mbuf)) + room;
    return {room, rte_mempool_calc_obj_size(object, 0, nullptr)};
}

/// Like rte_pktmbuf_pool_create(), except for the flag. With 4 KiB pages DPDK would put each packet at the
/// beginning of a page, so that all packets would share a few sets of the L1 cache.
PacketPool make_pool(uint32_t packets, const PacketSize& size, int numa_node, Access access,
                     Refusal& refusal) {
    static unsigned made = 0;
    const std::string name = "packets" + std::to_string(made++);
    rte_pktmbuf_pool_private buffers{};
    buffers.mbuf_data_room_size = static_cast<uint16_t>(size.room);
    const unsigned flags = access == Access::processor ? RTE_MEMPOOL_F_NO_IOVA_CONTIG : 0;
    PacketPool pool(
        rte_mempool_create_empty(name.c_str(), packets, static_cast<unsigned>(sizeof(rte_mbuf)) + size.room,
                                 std::min(kCache, packets / 2), sizeof buffers, numa_node, flags));
    int error = rte_errno;
    if (pool) {
        error = -rte_mempool_set_ops_byname(pool.get(), rte_mbuf_best_mempool_ops(), nullptr);
        if (error == 0) {
            rte_pktmbuf_pool_init(pool.get(), &buffers);
            const int done = access == Access::processor && rte_eal_has_hugepages() == 0
                                 ? populate(pool.get(), (uint64_t{packets} + 1) * size.total)
                                 : rte_mempool_populate_default(pool.get());
            if (done != static_cast<int>(packets)) error = done < 0 ? -done : ENOMEM;
        }
        if (error != 0) pool.reset();
    }
    if (!pool) {
        refusal.because(Error::no_memory, "no memory for " + std::to_string(packets) + " packets of " +
                                              std::to_string(size.total) + " bytes (" + rte_strerror(error) +
                                              "); " + memory_remedy() + eal_hint());
        return pool;
    }
    rte_mempool_obj_iter(pool.get(), rte_pktmbuf_init, nullptr);
    return pool;
}

}  // namespace synfin::port
