#pragma once
/// @file
/// PacketSocket: one AF_PACKET queue pair on an interface of the kernel. Frames are received from a ring that
/// the kernel fills (PACKET_RX_RING, TPACKET_V2), and sent in batches (sendmmsg).
///
/// Ours rather than DPDK's net_af_packet, which puts every socket into a fanout group whose number is made of
/// the process id and the interface index: two processes may meet in one, and the second is refused. It also
/// loses what the kernel says of a frame (checksum left open, kind of VLAN tag), and blocks while the kernel
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

/// Copies the frame of a slot into a packet: with the VLAN tag that the kernel took off, of the kind that it
/// was, and with the kernel's word on the TCP checksum as the verdict. A sender on this host leaves the
/// checksum open (CHECKSUM_PARTIAL): the segment never left this host's memory, and is good.
/// @return false when the packet has no room for it, or it is no frame
bool copy_from_slot(const tpacket2_hdr& header, rte_mbuf& packet) noexcept;

class PacketSocket {
  public:
    /// Frames that the kernel keeps for us: it fills the ring while our core waits to be scheduled, and 1,000
    /// busy connections overflowed 1,024.
    static constexpr uint32_t kRing = 4096;
    static constexpr uint16_t kBurst = 32;  ///< frames of a batch at most

    struct Setup {
        std::string name;        ///< of the interface
        int index = 0;           ///< of the interface
        uint32_t max_frame = 0;  ///< bytes, VLAN tags included
        /// Several sockets share what is received, by the flow's hash; the first of them makes the group.
        const PacketSocket* group = nullptr;
        bool makes_group = false;
    };
    /// Null and a refusal when the kernel does not give it.
    static std::unique_ptr<PacketSocket> open(const Setup& setup, Refusal& refusal);
    ~PacketSocket();
    PacketSocket(const PacketSocket&) = delete;
    PacketSocket& operator=(const PacketSocket&) = delete;

    /// At most `n` frames, each copied into a packet of `pool`.
    uint16_t receive(rte_mempool* pool, rte_mbuf** packets, uint16_t n) noexcept;
    /// Sends and frees the first of `packets`, as far as the kernel has room; frames that it will not have
    /// are lost and counted.
    /// @return how many were taken
    uint16_t send(rte_mbuf** packets, uint16_t n) noexcept;

    /// Written by the thread that receives and sends.
    struct Counters {
        PublishedCount rx_packets, rx_bytes, tx_packets, tx_bytes;
        PublishedCount no_buffer;  ///< frames that waited in the ring for a packet
        PublishedCount cut;        ///< longer than a slot of the ring: given on, cut
        PublishedCount giants;     ///< longer than a packet: dropped
        PublishedCount tx_lost;    ///< refused for good: the interface is down or gone, or the frame too long
    };
    const Counters& counters() const noexcept { return counters_; }
    /// Frames for which the ring had no room, since the socket was opened. One thread at a time may ask.
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
    uint32_t at_ = 0;  ///< the slot that is filled next
    Counters counters_;
    mutable uint64_t missed_ = 0;  ///< the kernel forgets when it has told
};

}  // namespace synfin::port
