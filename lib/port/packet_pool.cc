#include "port/packet_pool.hh"

#include <rte_errno.h>
#include <rte_mbuf.h>

#include <algorithm>

#include "buf/port.hh"
#include "port/eal.hh"
#include "port/wire_ring.hh"

namespace synfin::port {

static_assert(RTE_PKTMBUF_HEADROOM >= buf::kHeadroom);

namespace {

/// What a core keeps of its pool without touching shared lines; two bursts each way.
constexpr uint32_t kCache = 256;
/// NICs take buffers of whole KiB; less would be rounded down to a size that no full frame fits.
constexpr uint32_t kBufferGrain = 1024;
constexpr uint32_t kLeastBuffer = 2048;

}  // namespace

PacketSize PacketSize::for_frame(uint32_t max_frame, uint32_t least_buffer) noexcept {
    const uint32_t wanted = std::max({max_frame + WireRing::kSlack, least_buffer, kLeastBuffer});
    const uint32_t room = RTE_PKTMBUF_HEADROOM + (wanted + kBufferGrain - 1) / kBufferGrain * kBufferGrain;
    const auto object = static_cast<uint32_t>(sizeof(rte_mbuf)) + room;
    return {room, rte_mempool_calc_obj_size(object, 0, nullptr)};
}

PacketPool make_pool(uint32_t packets, const PacketSize& size, int numa_node, Refusal& refusal) {
    static unsigned made = 0;
    const std::string name = "packets" + std::to_string(made++);
    PacketPool pool(rte_pktmbuf_pool_create(name.c_str(), packets, std::min(kCache, packets / 2), 0,
                                            static_cast<uint16_t>(size.room), numa_node));
    if (!pool)
        refusal.because(Error::no_memory, "no memory for " + std::to_string(packets) + " packets of " +
                                              std::to_string(size.total) + " bytes (" +
                                              rte_strerror(rte_errno) +
                                              "); ask for fewer packets or cores, or free "
                                              "hugepages" +
                                              eal_last_words());
    return pool;
}

}  // namespace synfin::port
