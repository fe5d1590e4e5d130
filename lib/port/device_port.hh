#pragma once
/// @file
/// DevicePort: one engine's view of a device: an Ethernet queue, a memif, a packet socket, a share of one of
/// them, or an end of an in-memory wire. Each burst switches on the kind; packets are always DPDK mbufs.

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "base/published_count.hh"
#include "base/random.hh"
#include "buf/queue_pair.hh"
#include "port/memif_queues.hh"
#include "port/packet_socket.hh"
#include "port/port_impairment.hh"
#include "port/steering.hh"
#include "port/wire_ring.hh"
#include "synfin/device_report.hh"

namespace synfin::port {

/// The counters of one port. Only its engine's core writes them; any thread reads them
/// (Runtime::device_stats).
struct alignas(64) PortCounters {
    PublishedCount steered;       ///< received here, forwarded to another engine (copies for every engine not
                                  ///< counted)
    PublishedCount misdirected;   ///< of these: the RSS prediction had named that engine's queue
    PublishedCount mailbox_full;  ///< dropped because the ring to another engine was full
    PublishedCount tx_refused;    ///< packets that tx_burst refused (the engine still owns them)
    PublishedCount no_buffer;     ///< wire, memif, copies for every engine: no packet buffer was free (copies
                                  ///< are lost, other frames wait)
    PublishedCount cut;           ///< truncated by the driver; passed to the engine, which drops them
    PublishedCount joined;        ///< received in several buffers and copied into one
    PublishedCount giants;        ///< dropped: longer than the longest configured frame
    PublishedCount false_verdicts;  ///< a checksum verdict of the device was wrong: the port ignores verdicts
                                    ///< from then on
    PublishedCount bad_vlan;        ///< dropped: without our tag, where the device removes tags
    PublishedCount untaken_tags;    ///< the device did not remove our tag as configured: removed in software
    PublishedCount tx_unfit;        ///< refused for good by the device's driver: lost
    PublishedCount wire_loss;       ///< wire: lost on purpose
    buf::ImpairmentCounters impaired_rx, impaired_tx;
    /// Wire and memif only; a device counts its own.
    PublishedCount rx_packets, rx_bytes, tx_packets, tx_bytes;
};

/// Checks on received packets before the engine sees them. The fast path needs none: its device has given
/// correct verdicts so far, and its frames fit one buffer.
struct RxScrutiny {
    bool kernel_checksums = false;  ///< the port makes the verdicts, see rx_checksum.hh
    uint64_t forget = 0;            ///< verdict flags to clear: not requested of the device, or not trusted
    uint32_t audits = 0;            ///< this many verdicts are still compared with the packet's bytes
    bool join = false;              ///< long frames arrive in several buffers
    bool retag = false;             ///< reinsert VLAN tags that were removed without a request
    uint16_t vid = 0;  ///< of the tag that the device removes; frames with another are dropped. 0: none

    bool any() const noexcept { return each() || forget != 0 || join; }
    /// Whether every packet needs work. Otherwise only packets whose flags or size show it do.
    bool each() const noexcept { return kernel_checksums || audits != 0 || retag || vid != 0; }
};

/// Models buf::QueuePair. Used by one thread at a time, which has an lcore id (Runtime's threads do).
class alignas(64) DevicePort {
  public:
    using Packet = rte_mbuf;

    /// The queues that this engine may use. kNone: it has none and uses another engine's.
    static constexpr uint16_t kNone = 0xffff;
    struct Queues {
        uint16_t device = 0;  ///< DPDK's port id
        uint16_t rx = 0;
        uint16_t tx = 0;
        std::vector<unsigned> tx_clients{};  ///< the engines that send through our tx queue
        RxScrutiny scrutiny{};
        rte_mempool* large_pool = nullptr;  ///< with QueueCaps::large_frame
        MemifQueues* memif = nullptr;       ///< used instead of a device; outlives the port
        PacketSocket* socket = nullptr;     ///< used instead of a device; outlives the port
    };

    /// The port of engine `index` of a device. `plan` outlives the port.
    DevicePort(unsigned index, const Queues& queues, SteeringPlan& plan, rte_mempool* pool,
               const buf::QueueCaps& caps);
    /// One end of an in-memory wire.
    DevicePort(WireRing& transmit, WireRing& receive, rte_mempool* pool, const buf::QueueCaps& caps);
    /// Wire only, to be called before the first frame: each frame sent is lost with this probability in parts
    /// per million, by the seed's sequence.
    void lose(uint32_t ppm, uint64_t seed) noexcept;
    /// Gives the port these faults, before its first packet. It then offers no large packets.
    /// @param engine selects the random sequences, with the seed
    void impair(const Impairments& faults, unsigned engine);
    /// Sends the packets that other engines have handed over, as far as the device accepts them. Frees the
    /// rest, and the packets on their way to other engines.
    ~DevicePort();
    DevicePort(const DevicePort&) = delete;
    DevicePort& operator=(const DevicePort&) = delete;

    static uint8_t* data(Packet* p) noexcept { return rte_pktmbuf_mtod(p, uint8_t*); }
    static uint32_t length(Packet* p) noexcept { return p->pkt_len; }
    static bool is_contiguous(Packet* p) noexcept { return p->nb_segs == 1; }
    static buf::Verdict ip_verdict(Packet* p) noexcept {
        if ((p->ol_flags & kVerdicts) == 0)
            return buf::Verdict::unknown;  // the same test in both functions: compiled once
        const uint64_t flags = p->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
        return verdict(flags == RTE_MBUF_F_RX_IP_CKSUM_BAD,
                       flags == RTE_MBUF_F_RX_IP_CKSUM_GOOD || flags == RTE_MBUF_F_RX_IP_CKSUM_NONE);
    }
    /// DPDK's "none" means: the field is not filled in, but the data is known to be intact (virtio's partial
    /// checksums).
    static buf::Verdict tcp_verdict(Packet* p) noexcept {
        if ((p->ol_flags & kVerdicts) == 0) return buf::Verdict::unknown;
        const uint64_t flags = p->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
        return verdict(flags == RTE_MBUF_F_RX_L4_CKSUM_BAD,
                       flags == RTE_MBUF_F_RX_L4_CKSUM_GOOD || flags == RTE_MBUF_F_RX_L4_CKSUM_NONE);
    }

    uint16_t rx_burst(Packet** packets, uint16_t n) noexcept { return rx_by(path_, packets, n); }
    uint16_t tx_burst(Packet** packets, uint16_t n) noexcept {
        const uint16_t sent = tx_by(path_, packets, n);
        counters_.tx_refused += static_cast<uint16_t>(n - sent);
        return sent;
    }

    Packet* alloc() noexcept { return rte_pktmbuf_alloc(pool_); }
    Packet* alloc_large() noexcept { return rte_pktmbuf_alloc(large_pool_); }
    void free(Packet* p) noexcept { rte_pktmbuf_free(p); }

    /// Resets the fields that finish() does not set. Fields that are valid only with a flag in ol_flags keep
    /// their old values.
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
        p->ol_flags = (meta.is_v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4) |
                      (meta.ip_checksum ? RTE_MBUF_F_TX_IP_CKSUM : 0) |
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
    /// Packets out of the pool that the port keeps for the next frames received (wire and memif).
    uint32_t spare() const noexcept { return spare_count_; }

  private:
    enum class Path : uint8_t {
        wire,
        lossy_wire,
        queue,    ///< its own Ethernet queues, with only its own frames
        memif,    ///< its own memif, likewise
        socket,   ///< its own packet socket, likewise
        shared,   ///< several engines: the port examines frames and forwards some
        impaired  ///< one of the others, behind impaired links
    };

    static constexpr uint32_t kAlone = 1u << 16 | 1;  ///< one segment with one reference
    static_assert(offsetof(rte_mbuf, nb_segs) == offsetof(rte_mbuf, refcnt) + 2);
    static constexpr uint64_t kVerdicts = RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK;
    static buf::Verdict verdict(bool bad, bool good) noexcept {
        return bad ? buf::Verdict::bad : good ? buf::Verdict::good : buf::Verdict::unknown;
    }
    uint16_t rx_by(Path path, Packet** packets, uint16_t n) noexcept {
        switch (path) {
            case Path::wire:
            case Path::lossy_wire: return rx_wire(packets, n);
            case Path::queue: {
                const uint16_t got = rx_device(packets, n);
                return has_scrutiny_ ? inspect(packets, got) : got;
            }
            case Path::memif: return rx_memif(packets, n);
            case Path::socket: return socket_->receive(pool_, packets, n);
            case Path::shared: return rx_shared(packets, n);
            case Path::impaired: return rx_impaired(packets, n);
        }
        return 0;
    }
    uint16_t tx_by(Path path, Packet** packets, uint16_t n) noexcept {
        switch (path) {
            case Path::wire: return tx_wire<false>(packets, n);
            case Path::lossy_wire: return tx_wire<true>(packets, n);
            case Path::queue:
                return has_tx_work_ ? tx_prepared(packets, n)
                                    : rte_eth_tx_burst(device_, tx_queue_, packets, n);
            case Path::memif: return tx_memif(packets, n);
            case Path::socket: return socket_->send(packets, n);
            case Path::shared: return tx_shared(packets, n);
            case Path::impaired: return tx_impaired(packets, n);
        }
        return 0;
    }
    uint16_t rx_impaired(Packet** packets, uint16_t n) noexcept;
    uint16_t tx_impaired(Packet** packets, uint16_t n) noexcept;
    void send_due(int64_t now) noexcept;
    uint16_t inspect(Packet** packets, uint16_t n) noexcept;
    /// Whether pass() would not change the packet.
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
    /// Prefetches: frames that a device has written are in no cache of this core, unlike those that we copy.
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
    template <typename Tuple>
    unsigned engine_at(const BasicDestination<Tuple>& to, Packet* packet) noexcept;
    void pass_on(std::span<Packet* const> packets, unsigned engine) noexcept;
    uint32_t hand_over(std::span<Packet* const> packets, unsigned engine) noexcept;
    void copy_to_others(Packet* packet) noexcept;
    uint32_t send_for_clients() noexcept;
    uint16_t refill_spare() noexcept;
    /// Sent packets have one reference and one segment, and come from alloc() or reset().
    void keep_spare(std::span<Packet* const> packets) noexcept {
        const size_t kept = std::min<size_t>(packets.size(), kSpare - spare_count_);
        std::copy_n(packets.begin(), kept, spare_.data() + spare_count_);
        spare_count_ = static_cast<uint16_t>(spare_count_ + kept);
        for (Packet* packet : packets.subspan(kept)) free(packet);
    }

    Path path_;
    bool has_scrutiny_ = false;
    bool looks_at_each_ = false;  ///< received packet; equals scrutiny_.each()
    bool has_tx_work_ = false;    ///< packets need tx_prepared() before the device gets them
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
    std::unique_ptr<PortImpairment> impairment_;
    Path unimpaired_ = Path::wire;  ///< with impairment_: what path_ was
    uint32_t loss_ppm_ = 0;
    Random loss_{0};
    SteeringPlan* plan_ = nullptr;
    buf::QueueCaps caps_;
    RxScrutiny scrutiny_;
    unsigned next_source_ = 0;  ///< the mailbox to poll first; rotates
    std::vector<unsigned> tx_clients_;
    static constexpr uint16_t kBurst = 32;
    /// Wire and memif: sent packets are reused for the next frames received, without going through the pool.
    static constexpr uint16_t kSpare = 64;
    std::array<Packet*, kSpare> spare_{};
    uint16_t spare_count_ = 0;
    std::array<Packet*, kBurst> pending_{};  ///< clients' packets that the device has not accepted yet
    uint16_t pending_begin_ = 0, pending_end_ = 0;
    PortCounters counters_;
};

/// Adds the counters of one port to the sum.
/// The part of it that impaired links count.
void add_impairment_counters(const PortCounters& port, DeviceStats& sum) noexcept;
void add_port_counters(const PortCounters& port, DeviceStats& sum) noexcept;

static_assert(buf::QueuePair<DevicePort>);

}  // namespace synfin::port
