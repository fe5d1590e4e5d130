#pragma once
/// @file
/// DevicePort: one engine's view of a device. An Ethernet queue, a memif, a share of one of them, or an end
/// of an in-memory wire; which one is decided per burst, and the packets are DPDK's mbufs in every case.

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "base/published_count.hh"
#include "base/random.hh"
#include "buf/queue_pair.hh"
#include "port/memif_queues.hh"
#include "port/packet_socket.hh"
#include "port/steering.hh"
#include "port/wire_ring.hh"
#include "synfin/device_report.hh"

namespace synfin::port {

/// What one port counts; written by its engine's core alone, read by any thread (Runtime::device_stats).
struct alignas(64) PortCounters {
    PublishedCount steered;  ///< received here, passed to another engine (copies of ARP packets not counted)
    PublishedCount misdirected;   ///< of these: RSS had been predicted to bring it to that engine's queue
    PublishedCount mailbox_full;  ///< dropped because the ring to another engine was full
    PublishedCount tx_refused;    ///< packets that a tx_burst did not take (the engine still has them)
    PublishedCount
        no_buffer;          ///< wire, memif, ARP copies: no packet buffer for it (but for copies, it waits)
    PublishedCount cut;     ///< cut short by the driver; given to the engine, which drops them
    PublishedCount joined;  ///< received in several buffers and copied into one
    PublishedCount giants;  ///< dropped: longer than the longest frame that was asked for
    PublishedCount
        false_verdicts;       ///< a checksum verdict of the device was wrong: none is believed from then on
    PublishedCount bad_vlan;  ///< dropped: without our tag, where the device takes tags off
    PublishedCount untaken_tags;  ///< the device was to take our tag off and did not: taken off in software
    PublishedCount tx_unfit;      ///< given to the device, whose driver would not have it: lost
    PublishedCount wire_loss;     ///< wire: sent, and lost on purpose
    /// Wire and memif; a device counts its own.
    PublishedCount rx_packets, rx_bytes, tx_packets, tx_bytes;
};

/// What received packets go through before the engine sees them. Nothing is the fast path: a device whose
/// verdicts have been found right, and whose frames fit one buffer.
struct RxScrutiny {
    bool kernel_checksums = false;  ///< verdicts are ours to give, see rx_checksum.hh
    uint64_t forget = 0;  ///< verdict flags that nobody asked the device for, or that are not believed
    uint32_t audits = 0;  ///< so many verdicts are compared with the packet's bytes first
    bool join = false;    ///< long frames come in several buffers
    bool retag = false;   ///< VLAN tags that were taken off, though nobody asked for it, are put back
    uint16_t vid = 0;  ///< of the tag that the device takes off; what comes with another is dropped. 0: none

    bool any() const noexcept { return each() || forget != 0 || join; }
    /// Whether there is something to do with each packet; else only with those that show it.
    bool each() const noexcept { return kernel_checksums || audits != 0 || retag || vid != 0; }
};

/// Satisfies buf::QueuePair. Used by one thread at a time, which has an lcore id (Runtime's threads do).
class alignas(64) DevicePort {
  public:
    using Packet = rte_mbuf;

    /// The queues that this engine may use. kNone: it has none and speaks through another engine's.
    static constexpr uint16_t kNone = 0xffff;
    struct Queues {
        uint16_t device = 0;  ///< DPDK's port id
        uint16_t rx = 0;
        uint16_t tx = 0;
        std::vector<unsigned> tx_clients{};  ///< the engines that send through ours
        RxScrutiny scrutiny{};
        rte_mempool* large_pool = nullptr;  ///< with QueueCaps::large_frame
        MemifQueues* memif = nullptr;       ///< instead of a device; outlives the port
        PacketSocket* socket = nullptr;     ///< the same
    };

    /// An Ethernet device's engine `index`. `plan` outlives the port.
    DevicePort(unsigned index, const Queues& queues, SteeringPlan& plan, rte_mempool* pool,
               const buf::QueueCaps& caps);
    /// One end of a wire.
    DevicePort(WireRing& transmit, WireRing& receive, rte_mempool* pool, const buf::QueueCaps& caps);
    /// Wire only, before the first frame: from now on each frame that is sent is lost with this probability
    /// in parts of a million, by the seed's sequence.
    void lose(uint32_t ppm, uint64_t seed) noexcept;
    /// Sends what other engines have handed over for that, as far as the device takes it; frees the rest, and
    /// what is on its way to other engines.
    ~DevicePort();
    DevicePort(const DevicePort&) = delete;
    DevicePort& operator=(const DevicePort&) = delete;

    static uint8_t* data(Packet* p) noexcept { return rte_pktmbuf_mtod(p, uint8_t*); }
    static uint32_t length(Packet* p) noexcept { return p->pkt_len; }
    static bool is_contiguous(Packet* p) noexcept { return p->nb_segs == 1; }
    static buf::Verdict ip_verdict(Packet* p) noexcept {
        if ((p->ol_flags & kVerdicts) == 0)
            return buf::Verdict::unknown;  // asked of both alike: compiled once
        const uint64_t flags = p->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
        return verdict(flags == RTE_MBUF_F_RX_IP_CKSUM_BAD,
                       flags == RTE_MBUF_F_RX_IP_CKSUM_GOOD || flags == RTE_MBUF_F_RX_IP_CKSUM_NONE);
    }
    /// DPDK's "none" is: the field is not filled, the data is known to be intact (virtio's partial
    /// checksums).
    static buf::Verdict tcp_verdict(Packet* p) noexcept {
        if ((p->ol_flags & kVerdicts) == 0) return buf::Verdict::unknown;
        const uint64_t flags = p->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
        return verdict(flags == RTE_MBUF_F_RX_L4_CKSUM_BAD,
                       flags == RTE_MBUF_F_RX_L4_CKSUM_GOOD || flags == RTE_MBUF_F_RX_L4_CKSUM_NONE);
    }

    uint16_t rx_burst(Packet** packets, uint16_t n) noexcept {
        switch (path_) {
            case Path::wire:
            case Path::lossy_wire: return rx_wire(packets, n);
            case Path::queue: {
                const uint16_t got = rx_device(packets, n);
                return has_scrutiny_ ? inspect(packets, got) : got;
            }
            case Path::memif: return rx_memif(packets, n);
            case Path::socket: return socket_->receive(pool_, packets, n);
            case Path::shared: return rx_shared(packets, n);
        }
        return 0;
    }

    uint16_t tx_burst(Packet** packets, uint16_t n) noexcept {
        uint16_t sent = 0;
        switch (path_) {
            case Path::wire: sent = tx_wire<false>(packets, n); break;
            case Path::lossy_wire: sent = tx_wire<true>(packets, n); break;
            case Path::queue:
                sent =
                    has_tx_work_ ? tx_prepared(packets, n) : rte_eth_tx_burst(device_, tx_queue_, packets, n);
                break;
            case Path::memif: sent = tx_memif(packets, n); break;
            case Path::socket: sent = socket_->send(packets, n); break;
            case Path::shared: sent = tx_shared(packets, n); break;
        }
        counters_.tx_refused += static_cast<uint16_t>(n - sent);
        return sent;
    }

    Packet* alloc() noexcept { return rte_pktmbuf_alloc(pool_); }
    Packet* alloc_large() noexcept { return rte_pktmbuf_alloc(large_pool_); }
    void free(Packet* p) noexcept { rte_pktmbuf_free(p); }

    /// The fields that finish() does not set. Those that only flags of ol_flags give a meaning keep what they
    /// were.
    bool reset(Packet* p) noexcept {
        uint32_t counts;  // refcnt and nb_segs, side by side (static_assert below)
        std::memcpy(&counts, &p->refcnt, sizeof counts);
        if (counts != kAlone || !RTE_MBUF_DIRECT(p)) return false;
        p->data_off = RTE_PKTMBUF_HEADROOM;
        return true;
    }

    static void finish(Packet* p, uint32_t length, const buf::TxMeta& meta) noexcept {
        p->data_len = static_cast<uint16_t>(length);
        p->pkt_len = length;
        p->ol_flags = 0;
        if (!meta.ip_checksum && !meta.tcp_checksum) return;
        p->tx_offload =
            rte_mbuf_tx_offload(meta.l2_len, meta.l3_len, meta.l4_len, meta.segment_bytes, 0, 0, 0);
        p->ol_flags = RTE_MBUF_F_TX_IPV4 | (meta.ip_checksum ? RTE_MBUF_F_TX_IP_CKSUM : 0) |
                      (meta.tcp_checksum ? RTE_MBUF_F_TX_TCP_CKSUM : 0) |
                      (meta.segment_bytes != 0 ? RTE_MBUF_F_TX_TCP_SEG : 0);
    }

    const buf::QueueCaps& caps() const noexcept { return caps_; }

    uint64_t owned_ports(Ipv4 local, uint16_t first, Ipv4 remote, uint16_t remote_port) const noexcept {
        if (plan_ == nullptr) return ~uint64_t{0};
        return plan_->owned_ports(index_, FlowTuple{remote.value, local.value, remote_port, first});
    }
    uint64_t owned_ports(const Ipv6& local, uint16_t first, const Ipv6& remote,
                         uint16_t remote_port) const noexcept {
        if (plan_ == nullptr) return ~uint64_t{0};
        return plan_->owned_ports(index_, FlowTuple6{remote, local, remote_port, first});
    }

    const PortCounters& counters() const noexcept { return counters_; }
    rte_mempool* pool() const noexcept { return pool_; }
    /// Packets out of the pool that nobody has: kept for what is received next (wire and memif).
    uint32_t spare() const noexcept { return spare_count_; }

  private:
    enum class Path : uint8_t {
        wire,
        lossy_wire,
        queue,   ///< its own queues, and nobody else's frames in them
        memif,   ///< the same of a memif
        socket,  ///< the same of a packet socket
        shared,  ///< several engines: frames are looked at, and some passed on
    };

    static constexpr uint32_t kAlone = 1u << 16 | 1;  ///< one segment, which nobody else refers to
    static_assert(offsetof(rte_mbuf, nb_segs) == offsetof(rte_mbuf, refcnt) + 2);
    static constexpr uint64_t kVerdicts = RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK;
    static buf::Verdict verdict(bool bad, bool good) noexcept {
        return bad ? buf::Verdict::bad : good ? buf::Verdict::good : buf::Verdict::unknown;
    }
    uint16_t inspect(Packet** packets, uint16_t n) noexcept;
    /// Whether pass() would leave it as it is.
    bool is_plain(const Packet* packet) const noexcept {
        return !looks_at_each_ && (packet->ol_flags & scrutiny_.forget) == 0 && packet->nb_segs == 1 &&
               packet->pkt_len <= caps_.max_frame;
    }
    bool pass(Packet* packet) noexcept;
    bool has_our_tag(Packet* packet) noexcept;
    void audit(Packet* packet) noexcept;
    uint16_t rx_wire(Packet** packets, uint16_t n) noexcept;
    template <bool kLossy>
    uint16_t tx_wire(Packet** packets, uint16_t n) noexcept;
    uint16_t rx_memif(Packet** packets, uint16_t n) noexcept;
    uint16_t tx_memif(Packet** packets, uint16_t n) noexcept;
    template <typename Reader>
    uint16_t copy_out(Reader& reader, Packet** packets, uint16_t n) noexcept;
    template <bool kLossy, typename Writer>
    uint16_t copy_in(Writer& writer, Packet** packets, uint16_t n) noexcept;
    uint16_t poll_queue(Packet** packets, uint16_t n) noexcept {
        if (socket_ != nullptr) return socket_->receive(pool_, packets, n);
        return memif_ != nullptr ? rx_memif(packets, n) : rx_device(packets, n);
    }
    /// What a device has written is in no cache of this core, other than what we have copied ourselves.
    uint16_t rx_device(Packet** packets, uint16_t n) noexcept {
        const uint16_t got = rte_eth_rx_burst(device_, rx_queue_, packets, n);
        for (uint16_t i = 0; i < got; ++i) __builtin_prefetch(data(packets[i]));
        return got;
    }
    uint16_t rx_shared(Packet** packets, uint16_t n) noexcept;
    uint16_t tx_shared(Packet** packets, uint16_t n) noexcept;
    uint16_t tx_prepared(Packet** packets, uint16_t n) noexcept;
    uint16_t take_mail(Packet** packets, uint16_t n) noexcept;
    uint16_t keep_ours(Packet** packets, uint16_t n) noexcept;
    unsigned engine_of(Packet* packet) noexcept;
    void pass_on(std::span<Packet* const> packets, unsigned engine) noexcept;
    uint32_t hand_over(std::span<Packet* const> packets, unsigned engine) noexcept;
    void copy_to_others(Packet* packet) noexcept;
    uint32_t send_for_clients() noexcept;
    uint16_t refill_spare() noexcept;
    /// What an engine sends is its alone, in one piece, and was alloc()'s or reset().
    void keep_spare(std::span<Packet* const> packets) noexcept {
        const size_t kept = std::min<size_t>(packets.size(), kSpare - spare_count_);
        std::copy_n(packets.begin(), kept, spare_.data() + spare_count_);
        spare_count_ = static_cast<uint16_t>(spare_count_ + kept);
        for (Packet* packet : packets.subspan(kept)) free(packet);
    }

    Path path_;
    bool has_scrutiny_ = false;
    bool looks_at_each_ = false;  ///< received packet: scrutiny_.each()
    bool has_tx_work_ = false;    ///< packets are not given to the device as the engine made them
    uint16_t device_ = 0;
    uint16_t rx_queue_ = kNone;
    uint16_t tx_queue_ = kNone;
    unsigned index_ = 0;
    rte_mempool* pool_;
    rte_mempool* large_pool_ = nullptr;
    WireRing* wire_tx_ = nullptr;
    WireRing* wire_rx_ = nullptr;
    MemifQueues* memif_ = nullptr;
    PacketSocket* socket_ = nullptr;
    uint32_t loss_ppm_ = 0;
    Random loss_{0};
    SteeringPlan* plan_ = nullptr;
    buf::QueueCaps caps_;
    RxScrutiny scrutiny_;
    unsigned next_source_ = 0;  ///< whose mailbox is looked at first: each in turn
    std::vector<unsigned> tx_clients_;
    static constexpr uint16_t kBurst = 32;
    /// Wire and memif: what was sent carries what is received next, without a way through the pool.
    static constexpr uint16_t kSpare = 64;
    std::array<Packet*, kSpare> spare_{};
    uint16_t spare_count_ = 0;
    std::array<Packet*, kBurst> pending_{};  ///< clients' packets that the device did not take yet
    uint16_t pending_begin_ = 0, pending_end_ = 0;
    PortCounters counters_;
};

/// Adds what one port has counted.
void add_port_counters(const PortCounters& port, DeviceStats& sum) noexcept;

static_assert(buf::QueuePair<DevicePort>);

}  // namespace synfin::port
