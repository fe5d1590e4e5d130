#pragma once
/// @file
/// PacketSocket: one AF_PACKET queue pair on an interface of the kernel. Frames are received from a ring that
/// the kernel fills (PACKET_RX_RING, TPACKET_V2), and sent in batches (sendmmsg).
///
/// It replaces DPDK's net_af_packet, which puts every socket into a fanout group numbered by process id and
/// interface index: two processes can collide, and the kernel then refuses the second. That driver also drops
/// the kernel's information about a frame (partial checksum, kind of VLAN tag), and blocks while the kernel
/// has no room.

#include <linux/if_packet.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/published_count.hh"
#include "port/refusal.hh"

namespace synfin::port {

/// Copies the frame of a slot into a packet. It reinserts the VLAN tag that the kernel removed, with its
/// original kind, and turns the kernel's checksum status into the verdict on the TCP checksum. A partial
/// checksum (CHECKSUM_PARTIAL) comes from a sender on this host: the segment never left this host's memory,
/// so the verdict is good.
/// @return false when the packet has no room for the frame, or the slot holds no frame
bool copy_from_slot(const tpacket2_hdr& header, rte_mbuf& packet) noexcept;

class PacketSocket {
  public:
    /// Frames that the kernel's ring holds. The kernel fills it while our core waits to be scheduled; 1,000
    /// busy connections overflowed a ring of 1,024.
    static constexpr uint32_t kRing = 4096;
    static constexpr uint16_t kBurst = 32;  ///< the most frames in a batch

    struct Setup {
        std::string name;        ///< of the interface
        int index = 0;           ///< of the interface
        uint32_t max_frame = 0;  ///< bytes, VLAN tags included
        /// Several sockets share the received frames by flow hash; the first socket makes the group.
        const PacketSocket* group = nullptr;
        bool makes_group = false;
    };
    /// Returns null and a refusal when the kernel refuses.
    static std::unique_ptr<PacketSocket> open(const Setup& setup, Refusal& refusal);
    ~PacketSocket();
    PacketSocket(const PacketSocket&) = delete;
    PacketSocket& operator=(const PacketSocket&) = delete;

    /// Receives at most `n` frames, each copied into a packet of `pool`.
    uint16_t receive(rte_mempool* pool, rte_mbuf** packets, uint16_t n) noexcept;
    /// Sends and frees the first of `packets`, as many as the kernel has room for. Frames that the kernel
    /// refuses for good are lost and counted.
    /// @return how many packets were consumed
    uint16_t send(rte_mbuf** packets, uint16_t n) noexcept;

    /// Written by the thread that receives and sends.
    struct Counters {
        PublishedCount rx_packets, rx_bytes, tx_packets, tx_bytes;
        PublishedCount no_buffer;  ///< frames that waited in the ring for a packet
        PublishedCount cut;        ///< longer than a slot of the ring: passed on, truncated
        PublishedCount giants;     ///< longer than a packet: dropped
        PublishedCount tx_lost;    ///< refused for good: the interface is down or gone, or the frame too long
    };
    const Counters& counters() const noexcept { return counters_; }
    /// Frames lost because the ring was full, since the socket was opened. Only one thread at a time may call
    /// it.
    uint64_t missed() const noexcept;

  private:
    PacketSocket(int fd, uint32_t slot_bytes) : fd_(fd), slot_bytes_(slot_bytes) {}
    bool make_ring(const std::string& name, Refusal& refusal);
    bool join(const Setup& setup, Refusal& refusal);
    tpacket2_hdr* slot(uint32_t at) const noexcept;

    int fd_;
    uint32_t slot_bytes_, slots_in_block_ = 1, block_bytes_ = 0, slots_ = 0;
    uint8_t* ring_ = nullptr;
    size_t ring_bytes_ = 0;
    uint32_t at_ = 0;  ///< the slot that the kernel fills next
    Counters counters_;
    mutable uint64_t missed_ = 0;  ///< the kernel's count restarts at every read
};

}  // namespace synfin::port
