#pragma once
/// @file
/// MemoryPort: a QueuePair in plain memory. Unit tests, the simulator, the fuzzer and VirtualStack play the
/// wire: they deliver and take packets as bytes. It does what its QueueCaps promise, checksums included, so a
/// test can reach every path of an engine that a NIC can.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "buf/queue_pair.hh"
#include "synfin/units.hh"

namespace synfin::buf {

/// The verdicts and layout with which a packet arrives.
struct Arrival {
    Verdict ip = Verdict::unknown;
    Verdict tcp = Verdict::unknown;
    bool contiguous = true;  ///< false: reported as a packet in several buffers
};

/// One queue pair. Not thread-safe.
class MemoryPort {
  public:
    struct Packet {
        Packet* next = nullptr;
        uint8_t* storage = nullptr;
        uint32_t offset = 0;  ///< of the data in the storage
        uint32_t length = 0;
        Arrival arrival{};
        TxMeta meta{};
        bool allocated = false;
    };

    /// @param caps what the engine sees, and what the port then does. max_frame limits both directions.
    /// @param packets size of the pool.
    explicit MemoryPort(const QueueCaps& caps = {}, uint32_t packets = 4096);
    MemoryPort(const MemoryPort&) = delete;
    MemoryPort& operator=(const MemoryPort&) = delete;

    // -- for the engine: concept QueuePair

    static uint8_t* data(Packet* packet) noexcept { return packet->storage + packet->offset; }
    static uint32_t length(Packet* packet) noexcept { return packet->length; }
    static bool is_contiguous(Packet* packet) noexcept { return packet->arrival.contiguous; }
    static Verdict ip_verdict(Packet* packet) noexcept { return packet->arrival.ip; }
    static Verdict tcp_verdict(Packet* packet) noexcept { return packet->arrival.tcp; }
    uint16_t rx_burst(Packet** packets, uint16_t n) noexcept;
    /// CHECKs the length, and that the caps offer the requested tasks: a NIC would silently send garbage. A
    /// large packet becomes its segments, which take packets from the pool.
    uint16_t tx_burst(Packet** packets, uint16_t n) noexcept;
    Packet* alloc() noexcept;
    Packet* alloc_large() noexcept { return alloc(); }  // all packets have room for a large frame
    void free(Packet* packet) noexcept;
    bool reset(Packet* packet) noexcept;
    static void finish(Packet* packet, uint32_t length, const TxMeta& meta) noexcept {
        packet->length = length;
        packet->meta = meta;
    }
    const QueueCaps& caps() const noexcept { return caps_; }
    uint64_t owned_ports(Ipv4, uint16_t, Ipv4, uint16_t) const noexcept { return ~uint64_t{0}; }
    uint64_t owned_ports(const Ipv6&, uint16_t, const Ipv6&, uint16_t) const noexcept { return ~uint64_t{0}; }

    // -- for the wire

    /// Puts a packet into the receive queue. Returns false when the pool is empty or the packet is longer
    /// than max_frame. With caps().vid set, it drops a packet without that tag and returns true.
    bool deliver(Bytes bytes, const Arrival& arrival = {}) noexcept;
    /// Takes the oldest sent packet, with the checksums that were left to the device filled in.
    std::optional<std::vector<uint8_t>> take();
    /// Packets waiting for take().
    uint32_t sent() const noexcept { return tx_.count; }
    /// Packets that were dropped because their tag was not caps().vid.
    uint64_t bad_vlan() const noexcept { return bad_vlan_; }
    /// Packets not in the pool: in the queues or owned by the engine. 0 when nothing leaks.
    uint32_t in_use() const noexcept { return in_use_; }

    // -- failures to inject

    void refuse_tx(uint32_t packets) noexcept {
        refuse_tx_ = packets;
    }  ///< tx_burst refuses the next n packets
    void refuse_alloc(uint32_t calls) noexcept { refuse_alloc_ = calls; }  ///< the next n alloc() return null
    void refuse_reset(uint32_t calls) noexcept {
        refuse_reset_ = calls;
    }  ///< the next n reset() return false

  private:
    struct Fifo {
        Packet* head = nullptr;
        Packet* tail = nullptr;
        uint32_t count = 0;
        void push(Packet* packet) noexcept;
        Packet* pop() noexcept;
    };

    Packet* take_from_pool() noexcept;
    uint32_t room() const noexcept { return std::max(caps_.max_frame, caps_.large_frame); }
    void send_one(Packet* packet) noexcept;
    bool send_segments(Packet* large) noexcept;
    bool remove_tag(Packet* packet) const noexcept;
    void add_tag(Packet* packet) const noexcept;
    void complete_checksums(Packet* packet) const noexcept;

    QueueCaps caps_;
    std::unique_ptr<uint8_t[]> storage_;
    std::unique_ptr<Packet[]> packets_;
    Packet* free_ = nullptr;
    Fifo rx_, tx_;
    uint32_t in_use_ = 0;
    uint64_t bad_vlan_ = 0;
    uint32_t refuse_tx_ = 0, refuse_alloc_ = 0, refuse_reset_ = 0;
};

static_assert(QueuePair<MemoryPort>);

}  // namespace synfin::buf
