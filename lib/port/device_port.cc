#include "port/device_port.hh"

#include <rte_ether.h>

#include <utility>

#include "port/ether_payload.hh"
#include "port/rx_checksum.hh"

namespace synfin::port {

DevicePort::DevicePort(unsigned index, const Queues& queues, SteeringPlan& plan, rte_mempool* pool,
                       const buf::QueueCaps& caps)
    : path_(plan.engines() != 1        ? Path::shared
            : queues.memif != nullptr  ? Path::memif
            : queues.socket != nullptr ? Path::socket
                                       : Path::queue),
      has_scrutiny_(queues.scrutiny.any()),
      looks_at_each_(queues.scrutiny.each()),
      has_tx_work_(caps.vid != 0 || caps.large_frame != 0),
      device_(queues.device),
      rx_queue_(queues.rx),
      tx_queue_(queues.tx),
      index_(index),
      pool_(pool),
      large_pool_(queues.large_pool),
      memif_(queues.memif),
      socket_(queues.socket),
      plan_(&plan),
      caps_(caps),
      scrutiny_(queues.scrutiny),
      tx_clients_(queues.tx_clients) {
    caps_.first = index == 0;
}

DevicePort::DevicePort(WireRing& transmit, WireRing& receive, rte_mempool* pool, const buf::QueueCaps& caps)
    : path_(Path::wire), pool_(pool), wire_tx_(&transmit), wire_rx_(&receive), caps_(caps) {}

DevicePort::~DevicePort() {
    if (impairment_) path_ = unimpaired_;
    // The last packets of a run, such as a RST, may come from an engine that ended after this port's last
    // poll.
    while (path_ == Path::shared && send_for_clients() != 0) {
    }
    while (spare_count_ > 0) free(spare_[--spare_count_]);
    while (pending_begin_ < pending_end_) free(pending_[pending_begin_++]);
    if (path_ != Path::shared) return;
    for (unsigned other = 0; other < plan_->engines(); ++other)
        if (other != index_)
            while (const auto packet = plan_->received(other, index_).pop()) free(*packet);
    for (unsigned client : tx_clients_)
        while (const auto packet = plan_->to_send(client).pop()) free(*packet);
}

void add_impairment_counters(const PortCounters& port, DeviceStats& sum) noexcept {
    sum.impaired_rx += port.impaired_rx.stats();
    sum.impaired_tx += port.impaired_tx.stats();
    for (const buf::ImpairmentCounters* each : {&port.impaired_rx, &port.impaired_tx})
        sum.wire_loss += each->lost + each->queue_dropped;
}

void add_port_counters(const PortCounters& port, DeviceStats& sum) noexcept {
    sum.rx_packets += port.rx_packets;
    sum.rx_bytes += port.rx_bytes;
    sum.tx_packets += port.tx_packets;
    sum.tx_bytes += port.tx_bytes;
    sum.steered += port.steered;
    sum.misdirected += port.misdirected;
    sum.mailbox_full += port.mailbox_full;
    sum.tx_refused += port.tx_refused;
    add_impairment_counters(port, sum);
    sum.rx_no_buffer += port.no_buffer;
    sum.cut += port.cut;
    sum.joined += port.joined;
    sum.giants += port.giants;
    sum.false_verdicts += port.false_verdicts;
    sum.bad_vlan += port.bad_vlan;
    sum.untaken_tags += port.untaken_tags;
    sum.tx_errors += port.tx_unfit;
}

// -- checks of received packets

/// Moves the packets that pass to the front, frees the others, and returns how many passed.
uint16_t DevicePort::inspect(Packet** packets, uint16_t n) noexcept {
    uint16_t passed = 0;
    for (uint16_t i = 0; i < n; ++i) {
        if (is_plain(packets[i]) || pass(packets[i]))
            packets[passed++] = packets[i];
        else
            free(packets[i]);
    }
    return passed;
}

/// Returns false when the packet is to be dropped; it is then counted.
bool DevicePort::pass(Packet* packet) noexcept {
    if (scrutiny_.kernel_checksums) {
        if (!judge_local_checksums(packet)) ++counters_.cut;
        return true;
    }
    // The first of several buffers has room for the longest frame, because the driver does not fill it.
    const bool is_in_parts = packet->nb_segs > 1;
    if (packet->pkt_len > caps_.max_frame || (is_in_parts && rte_pktmbuf_linearize(packet) != 0)) {
        ++counters_.giants;
        return false;
    }
    if (is_in_parts) ++counters_.joined;
    if (scrutiny_.vid != 0 && !has_our_tag(packet)) {
        ++counters_.bad_vlan;
        return false;
    }
    if (scrutiny_.retag && (packet->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0)
        (void)rte_vlan_insert(&packet);  // the headroom has room for the tag
    packet->ol_flags &= ~scrutiny_.forget;
    if (scrutiny_.audits != 0) audit(packet);
    return true;
}

/// For a device that strips tags: whether the frame had our tag. It removes a tag that the driver left on.
/// The stack counts a frame that ends within its header.
bool DevicePort::has_our_tag(Packet* packet) noexcept {
    if ((packet->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) == 0) {
        if (ether_payload(data(packet), packet->data_len).type == 0) return true;
        if (rte_vlan_strip(packet) != 0) return false;  // none
        ++counters_.untaken_tags;
    }
    return (packet->vlan_tci & RTE_VLAN_ID_MASK) == scrutiny_.vid;
}

/// A driver may report every checksum as good, or sum other bytes than we do. The first verdicts are compared
/// with the packets; after a false one the port ignores all verdicts.
void DevicePort::audit(Packet* packet) noexcept {
    if ((packet->ol_flags & kVerdicts) == 0) return;
    --scrutiny_.audits;
    if (has_false_verdict(packet)) {
        ++counters_.false_verdicts;
        scrutiny_.audits = 0;
        scrutiny_.forget = kVerdicts;
        packet->ol_flags &= ~kVerdicts;
    }
    has_scrutiny_ = scrutiny_.any();
    looks_at_each_ = scrutiny_.each();
}

// -- the in-memory wire, and memif

template <typename Reader>
uint16_t DevicePort::copy_out(Reader& reader, Packet** packets, uint16_t n) noexcept {
    uint16_t count = 0,
             left =
                 spare_count_;  // locals, because the compiler would reload members after every copied byte
    uint64_t bytes = 0;
    for (; count < n; ++count) {
        uint32_t length = 0;
        const uint8_t* frame = reader.peek(length);
        if (frame == nullptr) break;
        if (left == 0 && (left = refill_spare()) == 0) [[unlikely]] {
            ++counters_.no_buffer;
            break;
        }
        Packet* packet = spare_[--left];
        copy_frame(data(packet), frame, length);
        reader.take(length);
        packet->data_len = static_cast<uint16_t>(length);
        packet->pkt_len = length;
        bytes += length;
        packets[count] = packet;
    }
    spare_count_ = left;
    if (count != 0) {
        reader.release();
        counters_.rx_bytes += bytes;
        counters_.rx_packets += count;
    }
    return count;
}

uint16_t DevicePort::rx_wire(Packet** packets, uint16_t n) noexcept {
    WireRing::Reader reader(*wire_rx_);
    return copy_out(reader, packets, n);
}

uint16_t DevicePort::rx_memif(Packet** packets, uint16_t n) noexcept {
    MemifQueues::Reader reader(*memif_);
    return copy_out(reader, packets, n);
}

/// Returns how many packets it allocated: a burst, one, or none.
[[gnu::cold, gnu::noinline]] uint16_t DevicePort::refill_spare() noexcept {
    if (rte_pktmbuf_alloc_bulk(pool_, spare_.data(), kBurst) == 0) return kBurst;
    spare_[0] = alloc();
    return spare_[0] != nullptr ? 1 : 0;
}

void DevicePort::lose(uint32_t ppm, uint64_t seed) noexcept {
    path_ = Path::lossy_wire;
    loss_ppm_ = ppm;
    loss_ = Random(seed);
}

template <bool kLossy, typename Writer>
uint16_t DevicePort::copy_in(Writer& writer, Packet** packets, uint16_t n) noexcept {
    uint16_t count = 0;
    uint64_t bytes = 0;
    for (; count < n; ++count) {
        Packet* packet = packets[count];
        const uint32_t length = packet->data_len;
        if (kLossy && loss_.chance_ppm(loss_ppm_)) {  // the sender does not notice
            ++counters_.wire_loss;
            bytes += length;
            continue;
        }
        if (!writer.put(data(packet), length)) break;
        bytes += length;
    }
    if (count != 0) {
        writer.publish();
        counters_.tx_packets += count;
        counters_.tx_bytes += bytes;
        keep_spare({packets, count});
    }
    return count;
}

template <bool kLossy>
uint16_t DevicePort::tx_wire(Packet** packets, uint16_t n) noexcept {
    WireRing::Writer writer(*wire_tx_);
    return copy_in<kLossy>(writer, packets, n);
}
template uint16_t DevicePort::tx_wire<false>(Packet** packets, uint16_t n) noexcept;
template uint16_t DevicePort::tx_wire<true>(Packet** packets, uint16_t n) noexcept;

uint16_t DevicePort::tx_memif(Packet** packets, uint16_t n) noexcept {
    MemifQueues::Writer writer(*memif_);
    return copy_in<false>(writer, packets, n);
}

// -- impaired links

void DevicePort::impair(const Impairments& faults, unsigned engine) {
    impairment_ = std::make_unique<PortImpairment>(faults, engine, pool_);
    unimpaired_ = std::exchange(path_, Path::impaired);
    caps_.large_frame = 0;  // a fault concerns one packet, not what the device makes of it
}

/// Polls the device as long as it has packets, at most kPolls times, so that a slow engine does not make the
/// device's queue the bottleneck.
uint16_t DevicePort::rx_impaired(Packet** packets, uint16_t n) noexcept {
    constexpr unsigned kPolls = 2;
    const int64_t now = impairment_->now();
    send_due(now);
    std::array<Packet*, kBurst> fresh;
    for (unsigned i = 0; i < kPolls; ++i) {
        const uint16_t got = rx_by(unimpaired_, fresh.data(), kBurst);
        for (uint16_t k = 0; k < got; ++k)
            impairment_->rx.take(fresh[k], now, impairment_->actions, counters_.impaired_rx);
        if (got < kBurst) break;
    }
    return impairment_->rx.give(packets, n, now);
}

uint16_t DevicePort::tx_impaired(Packet** packets, uint16_t n) noexcept {
    const int64_t now = impairment_->now();
    for (uint16_t i = 0; i < n; ++i)
        impairment_->tx.take(packets[i], now, impairment_->actions, counters_.impaired_tx);
    send_due(now);
    return n;
}

/// Sends what is due, as far as the device takes it.
void DevicePort::send_due(int64_t now) noexcept {
    PortImpairment& own = *impairment_;
    for (;;) {
        if (own.staged_begin == own.staged_end) {
            own.staged_begin = 0;
            own.staged_end = own.tx.give(own.staged.data(), PortImpairment::kBurst, now);
            if (own.staged_end == 0) return;
        }
        const auto left = static_cast<uint16_t>(own.staged_end - own.staged_begin);
        const uint16_t sent = tx_by(unimpaired_, own.staged.data() + own.staged_begin, left);
        own.staged_begin = static_cast<uint16_t>(own.staged_begin + sent);
        if (sent < left) return;
    }
}

// -- several engines on one device

uint16_t DevicePort::rx_shared(Packet** packets, uint16_t n) noexcept {
    if (!tx_clients_.empty()) send_for_clients();
    // Half of the room is kept for our own queue, so that neither source starves the other.
    const bool has_queue = rx_queue_ != kNone;
    uint16_t count = take_mail(packets, has_queue ? static_cast<uint16_t>(n - n / 2) : n);
    if (!has_queue || count == n) return count;
    const uint16_t room = std::min<uint16_t>(static_cast<uint16_t>(n - count), 2 * kBurst);
    uint16_t got = poll_queue(packets + count, room);
    if (has_scrutiny_) got = inspect(packets + count, got);
    return static_cast<uint16_t>(count + keep_ours(packets + count, got));
}

uint16_t DevicePort::take_mail(Packet** packets, uint16_t n) noexcept {
    const unsigned engines = plan_->engines();
    uint16_t count = 0;
    for (unsigned i = 0; i < engines && count < n; ++i) {
        const unsigned source = (next_source_ + i) % engines;
        if (source == index_) continue;
        count = static_cast<uint16_t>(
            count + plan_->received(source, index_).pop({packets + count, static_cast<size_t>(n - count)}));
    }
    next_source_ = (next_source_ + 1) % engines;
    for (uint16_t i = 0; i < count; ++i) __builtin_prefetch(data(packets[i]));
    return count;
}

/// Moves our packets to the front and returns how many there are. Forwards the others in order.
uint16_t DevicePort::keep_ours(Packet** packets, uint16_t n) noexcept {
    std::array<unsigned, 2 * kBurst> engine;
    std::array<Packet*, 2 * kBurst> batch;
    uint16_t ours = 0;
    bool foreign = false;
    for (uint16_t i = 0; i < n; ++i) {
        engine[i] = engine_of(packets[i]);
        foreign |= engine[i] != index_;
    }
    if (!foreign) return n;
    for (unsigned to = 0; to < plan_->engines(); ++to) {
        if (to == index_) continue;
        uint16_t size = 0;
        for (uint16_t i = 0; i < n; ++i)
            if (engine[i] == to) batch[size++] = packets[i];
        if (size != 0) pass_on({batch.data(), size}, to);
    }
    for (uint16_t i = 0; i < n; ++i)
        if (engine[i] == index_) packets[ours++] = packets[i];
    return ours;
}

unsigned DevicePort::engine_of(Packet* packet) noexcept {
    const Destination to = classify(data(packet), packet->data_len);
    if (to.kind != DestinationKind::ipv6) return engine_at(to, packet);
    return engine_at(classify_v6(data(packet), packet->data_len), packet);
}

template <typename Tuple>
unsigned DevicePort::engine_at(const BasicDestination<Tuple>& to, Packet* packet) noexcept {
    switch (to.kind) {
        case DestinationKind::ipv6:
        case DestinationKind::first: return 0;
        case DestinationKind::everyone: copy_to_others(packet); return index_;
        case DestinationKind::unhashed:
        case DestinationKind::quoted: return plan_->engine_of(to.tuple);
        case DestinationKind::segment: break;
    }
    if (!plan_->predicts(to.tuple)) return plan_->engine_of(to.tuple);
    if (!to.opens && !plan_->check_all()) return index_;
    const unsigned engine = plan_->engine_of(to.tuple);
    if (engine != index_) {
        ++counters_.misdirected;
        plan_->distrust();
    }
    return engine;
}

void DevicePort::pass_on(std::span<Packet* const> packets, unsigned engine) noexcept {
    counters_.steered += hand_over(packets, engine);
}

/// Gives packets to another engine, and frees those that do not fit into its ring. Returns how many fit.
uint32_t DevicePort::hand_over(std::span<Packet* const> packets, unsigned engine) noexcept {
    const uint32_t taken = plan_->received(index_, engine).push(packets);
    for (size_t i = taken; i < packets.size(); ++i) {
        ++counters_.mailbox_full;
        free(packets[i]);
    }
    return taken;
}

void DevicePort::copy_to_others(Packet* packet) noexcept {
    for (unsigned engine = 0; engine < plan_->engines(); ++engine) {
        if (engine == index_) continue;
        // A copy, not a clone: each engine may write into its packet and send it back.
        Packet* copy = rte_pktmbuf_copy(packet, pool_, 0, UINT32_MAX);
        if (copy == nullptr) {
            ++counters_.no_buffer;
            continue;
        }
        hand_over({&copy, 1}, engine);
    }
}

uint16_t DevicePort::tx_shared(Packet** packets, uint16_t n) noexcept {
    if (tx_queue_ != kNone) return tx_prepared(packets, n);
    return static_cast<uint16_t>(plan_->to_send(index_).push({packets, n}));
}

/// Sends to the device, with the tag that it inserts, and with the fields that its driver needs for TSO.
uint16_t DevicePort::tx_prepared(Packet** packets, uint16_t n) noexcept {
    if (memif_ != nullptr) return tx_memif(packets, n);
    if (socket_ != nullptr) return socket_->send(packets, n);
    if (caps_.vid != 0) {
        for (uint16_t i = 0; i < n; ++i) {
            packets[i]->ol_flags |= RTE_MBUF_F_TX_VLAN;
            packets[i]->vlan_tci = caps_.vid;
        }
    }
    if (large_pool_ == nullptr) return rte_eth_tx_burst(device_, tx_queue_, packets, n);
    const uint16_t fit = rte_eth_tx_prepare(device_, tx_queue_, packets, n);
    const uint16_t sent = rte_eth_tx_burst(device_, tx_queue_, packets, fit);
    if (sent != fit || fit == n) return sent;
    ++counters_.tx_unfit;  // it would block the queue for ever
    free(packets[fit]);
    return static_cast<uint16_t>(sent + 1);
}

/// Returns how many packets the device accepted.
uint32_t DevicePort::send_for_clients() noexcept {
    uint32_t sent = 0;
    for (unsigned client : tx_clients_) {
        if (pending_begin_ == pending_end_) {
            pending_begin_ = 0;
            pending_end_ =
                static_cast<uint16_t>(plan_->to_send(client).pop({pending_.data(), caps_.tx_burst}));
        }
        if (pending_begin_ == pending_end_) continue;
        const uint16_t taken = tx_prepared(pending_.data() + pending_begin_,
                                           static_cast<uint16_t>(pending_end_ - pending_begin_));
        pending_begin_ = static_cast<uint16_t>(pending_begin_ + taken);
        sent += taken;
        if (pending_begin_ != pending_end_) break;  // the device is full: try again later
    }
    return sent;
}

}  // namespace synfin::port
