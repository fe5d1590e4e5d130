#pragma once
/// @file
/// Engine: one core's whole endpoint. PortEngine brings packets from its port to Connections and back, in
/// bursts.
///
/// A turn: begin() receives a burst and takes it through three passes (parse and prefetch the table's bucket;
/// prefetch the record; TCP), then fires timers. The caller then handles events. end() recycles the burst's
/// packets, builds what is to be sent into them, and gives it to the port. Time is read once per turn, by the
/// caller.

#include <array>
#include <cstring>
#include <optional>

#include "buf/port.hh"
#include "net/neighbours.hh"
#include "stack/connections.hh"
#include "wire/arp.hh"
#include "wire/checksum.hh"
#include "wire/ether.hh"
#include "wire/icmp.hh"
#include "wire/ipv4.hh"
#include "wire/tcp.hh"
#include "wire/tcp_options.hh"

namespace synfin::stack {

class Engine : public Connections {
  public:
    using Connections::Connections;
    /// First half of a turn. True when packets or timers were there.
    virtual bool begin(Instant now) noexcept = 0;
    /// Second half. True when packets were sent.
    virtual bool end() noexcept = 0;
    /// When begin() has something to do next at the latest, if nothing arrives. Walks all records: for
    /// virtual time.
    virtual std::optional<Instant> next_deadline() noexcept = 0;
    /// Whether the next hop towards a destination is known by its MAC address; asks for it if not.
    virtual Reach reach(Ipv4 destination) noexcept = 0;
    /// Whether another turn at the same time would do something: events to tell, segments to send.
    virtual bool has_work() const noexcept = 0;
    /// Packet buffers that are on their way somewhere: 0 when nothing is going on.
    virtual uint32_t packets_held() const noexcept = 0;
    /// Packet buffers that are kept for reuse.
    virtual uint32_t packets_spare() const noexcept = 0;
    /// Gives every packet back to the port. The engine is not used after that.
    virtual void release_packets() noexcept = 0;
    Occupancy occupancy() const noexcept {
        Occupancy out = Connections::occupancy();
        out.held_packets = packets_held();
        out.packets_in_use = out.held_packets + packets_spare();
        return out;
    }
};

template <buf::Port P>
class PortEngine final : public Engine {
  public:
    using Packet = typename P::Packet;

    PortEngine(const StackConfig& config, P& port, HashKey key)
        : Engine(config, key), port_(port), neighbours_(neighbour_config(key, port.caps().ethernet)) {}
    ~PortEngine() override { release_packets(); }

    bool begin(Instant now) noexcept override;
    bool end() noexcept override;
    std::optional<Instant> next_deadline() noexcept override;
    Reach reach(Ipv4 destination) noexcept override {
        const std::optional<Ipv4> next_hop = addresses_.next_hop(destination);
        if (!next_hop) return Reach::no_route;
        if (!port_.caps().ethernet || neighbours_.lookup(*next_hop, now_) != nullptr) return Reach::yes;
        return neighbours_.is_failed(*next_hop) ? Reach::no_answer : Reach::resolving;
    }
    bool has_work() const noexcept override { return has_output() || has_events() || tx_count_ != 0; }
    uint32_t packets_held() const noexcept override { return burst_count_ + tx_count_ + neighbours_.held(); }
    uint32_t packets_spare() const noexcept override { return spare_count_; }
    void release_packets() noexcept override;

  private:
    static constexpr uint16_t kBurst = 32;
    static constexpr uint16_t kTxBurst = 32;
    static constexpr uint16_t kSpare = 64;

    struct Parsed {
        Tuple tuple;
        uint32_t hash = 0;
        tcp::Segment seg;
        Bytes text;
    };

    static net::NeighbourConfig neighbour_config(HashKey key, bool is_ethernet) {
        net::NeighbourConfig out;
        if (!is_ethernet) out.capacity = 1;
        out.key = {siphash(key, 4, 0), siphash(key, 4, 1)};
        return out;
    }

    uint64_t owned_ports(const Tuple& t, uint16_t first) const noexcept override {
        return port_.owned_ports(addresses_[t.local_addr], first, Ipv4{t.remote_addr}, t.remote_port);
    }

    // input
    bool parse(Packet* packet, Parsed& out) noexcept;
    bool parse_ip(Packet* packet, Bytes ip, Parsed& out) noexcept;
    bool parse_tcp(Packet* packet, const wire::Ipv4Header& ip, Bytes segment, uint32_t local,
                   Parsed& out) noexcept;
    void take_arp(Bytes arp) noexcept;
    void take_icmp(Bytes ip_packet, const wire::Ipv4Header& ip) noexcept;
    bool refuse(DropReason reason) noexcept {
        counters_.drop(reason);
        return false;
    }

    // output
    Packet* take_packet() noexcept;
    void give_back(Packet* packet) noexcept;
    void build(Packet* packet, const SegmentOut& out) noexcept;
    void send_ip(Packet* packet, uint32_t ip_offset, uint32_t length, Ipv4 destination,
                 const buf::TxMeta& meta) noexcept;
    void send_arp(uint16_t operation, Ipv4 target, std::optional<Mac> target_mac, Ipv4 sender) noexcept;
    void queue(Packet* packet) noexcept;
    bool flush() noexcept;
    uint8_t link_bytes() const noexcept {
        return port_.caps().ethernet ? static_cast<uint8_t>(config_.vlan ? 18 : 14) : uint8_t{0};
    }

    P& port_;
    net::Neighbours neighbours_;
    uint32_t last_tick_ = 0;
    bool timers_behind_ = true;
    uint16_t burst_count_ = 0, spare_count_ = 0, tx_count_ = 0;
    std::array<Packet*, kBurst> burst_{};
    std::array<Packet*, kSpare> spare_{};
    std::array<Packet*, kTxBurst> tx_{};
    std::array<Parsed, kBurst> parsed_{};
};

// ---- input
// ------------------------------------------------------------------------------------------------------------

template <buf::Port P>
bool PortEngine<P>::begin(Instant now) noexcept {
    set_now(now);
    burst_count_ = port_.rx_burst(burst_.data(), kBurst);
    uint32_t parsed = 0;
    for (uint16_t i = 0; i < burst_count_; ++i) {
        if (i + 2 < burst_count_) __builtin_prefetch(P::data(burst_[i + 2]));
        if (!parse(burst_[i], parsed_[parsed])) continue;
        table_.prefetch(parsed_[parsed].hash);
        ++parsed;
    }
    if (parsed > 1)
        for (uint32_t i = 0; i < parsed; ++i) prefetch_record(parsed_[i].hash);
    for (uint32_t i = 0; i < parsed; ++i) {
        const Parsed& p = parsed_[i];
        arrive(p.tuple, p.hash, p.seg, p.text);
    }
    uint32_t fired = 0;
    if (const uint32_t tick = now.tick(); tick != last_tick_ || timers_behind_) {
        last_tick_ = tick;
        fired = run_timers();
        timers_behind_ = timers_behind();
    }
    return burst_count_ != 0 || fired != 0;
}

template <buf::Port P>
bool PortEngine<P>::parse(Packet* packet, Parsed& out) noexcept {
    counters_.add(Counter::rx_packets);
    counters_.add(Counter::rx_bytes, P::length(packet));
    if (!P::is_contiguous(packet)) [[unlikely]]
        return refuse(DropReason::multi_segment);
    const Bytes frame(P::data(packet), P::length(packet));
    if (!port_.caps().ethernet) return parse_ip(packet, frame, out);
    wire::EtherHeader ether;
    if (!wire::parse_ether(frame, ether)) [[unlikely]]
        return refuse(DropReason::runt);
    if (ether.vid != config_.vlan.value_or(0)) [[unlikely]]
        return refuse(DropReason::bad_vlan);
    const Bytes payload = frame.subspan(ether.length);
    if (ether.ethertype == wire::kEtherTypeIpv4) [[likely]] {
        // What came by broadcast is not answered by TCP (RFC 1122 4.2.3.10) or ICMP (3.2.2.6).
        if (ether.destination != port_.caps().mac) return refuse(DropReason::not_for_us);
        return parse_ip(packet, payload, out);
    }
    if (ether.ethertype != wire::kEtherTypeArp) return refuse(DropReason::bad_ethertype);
    if (ether.destination != port_.caps().mac && ether.destination != Mac::broadcast())
        return refuse(DropReason::not_for_us);
    take_arp(payload);
    return false;
}

template <buf::Port P>
bool PortEngine<P>::parse_ip(Packet* packet, Bytes bytes, Parsed& out) noexcept {
    const buf::Verdict verdict = P::ip_verdict(packet);
    if (verdict == buf::Verdict::bad) return refuse(DropReason::bad_ip_checksum);
    wire::Ipv4Header ip;
    switch (wire::parse_ipv4(bytes, verdict == buf::Verdict::unknown, ip)) {
        case wire::Ipv4Check::ok: break;
        case wire::Ipv4Check::runt: return refuse(DropReason::runt);
        case wire::Ipv4Check::bad_header: return refuse(DropReason::bad_ip_header);
        case wire::Ipv4Check::bad_checksum: return refuse(DropReason::bad_ip_checksum);
    }
    const uint32_t local = addresses_.find(ip.destination);
    if (local == net::LocalAddresses::kNone) return refuse(DropReason::not_for_us);
    // DEVIATION: RFC 1122 3.3.2 wants reassembly of fragments; TCP with path MTU discovery sends none.
    if (ip.fragment) return refuse(DropReason::ip_fragment);
    // DEVIATION: RFC 9293 MUST-51 wants source routes honoured; RFC 7126 4.3 advises to drop them.
    if (ip.source_route) return refuse(DropReason::ip_source_route);
    if (!addresses_.is_unicast(ip.source) || addresses_.find(ip.source) != net::LocalAddresses::kNone)
        return refuse(DropReason::bad_ip_source);
    const Bytes packet_bytes = bytes.first(ip.total_length);
    if (ip.protocol == wire::kProtocolTcp) [[likely]]
        return parse_tcp(packet, ip, packet_bytes.subspan(ip.header_length), local, out);
    if (ip.protocol == wire::kProtocolIcmp) {
        take_icmp(packet_bytes, ip);
        return false;
    }
    return refuse(DropReason::bad_protocol);
}

template <buf::Port P>
bool PortEngine<P>::parse_tcp(Packet* packet, const wire::Ipv4Header& ip, Bytes segment, uint32_t local,
                              Parsed& out) noexcept {
    wire::TcpHeader tcp;
    if (!wire::parse_tcp(segment, tcp)) return refuse(DropReason::bad_tcp_header);
    const buf::Verdict verdict = P::tcp_verdict(packet);
    if (verdict == buf::Verdict::bad ||
        (verdict == buf::Verdict::unknown && !wire::tcp_checksum_ok(ip.source, ip.destination, segment)))
        return refuse(DropReason::bad_tcp_checksum);
    constexpr uint8_t kControl = wire::kSyn | wire::kFin | wire::kRst | wire::kAck;
    const uint8_t control = tcp.flags & kControl;
    if (control == 0 || (control & (wire::kSyn | wire::kFin)) == (wire::kSyn | wire::kFin) ||
        (control & (wire::kSyn | wire::kRst)) == (wire::kSyn | wire::kRst)) [[unlikely]]
        return refuse(DropReason::bad_tcp_flags);
    out.seg = tcp::Segment{};
    if (tcp.header_length != wire::kTcpBytes) {
        wire::TcpOptions options;
        if (!wire::parse_tcp_options(segment.subspan(wire::kTcpBytes, tcp.header_length - wire::kTcpBytes),
                                     options))
            return refuse(DropReason::bad_tcp_options);
        out.seg.has_ts = options.has_timestamps;
        out.seg.ts_val = options.ts_val;
        out.seg.ts_ecr =
            (control & wire::kAck) != 0 ? options.ts_ecr : 0;  // RFC 7323 3.2: valid with ACK only
        if ((control & wire::kSyn) != 0) {
            out.seg.mss = options.has_mss ? options.mss : uint16_t{0};
            out.seg.has_wscale = options.has_window_scale;
            out.seg.wscale = options.window_scale;
            out.seg.sack_permitted = options.sack_permitted;
        }
    }
    out.seg.seq = tcp::Seq(tcp.seq);
    out.seg.ack = tcp::Seq(tcp.ack);
    out.seg.wnd = tcp.window;
    out.seg.flags = tcp.flags;
    out.text = segment.subspan(tcp.header_length);
    out.seg.len = static_cast<uint32_t>(out.text.size());
    out.tuple = {ip.source.value, tcp.source_port, tcp.destination_port, static_cast<uint16_t>(local)};
    out.hash = table_.hash(out.tuple);
    return true;
}

template <buf::Port P>
void PortEngine<P>::take_arp(Bytes bytes) noexcept {
    wire::ArpPacket arp;
    if (!wire::parse_arp(bytes, arp) || arp.sender_mac.is_multicast()) {
        counters_.drop(DropReason::bad_arp);
        return;
    }
    const bool for_us = addresses_.find(arp.target_ip) != net::LocalAddresses::kNone;
    if (addresses_.find(arp.sender_ip) != net::LocalAddresses::kNone) {  // somebody else claims our address
        counters_.drop(DropReason::bad_arp);
        return;
    }
    neighbours_.learn(arp.sender_ip, arp.sender_mac, now_, for_us);
    if (for_us && arp.operation == wire::kArpRequest)
        send_arp(wire::kArpReply, arp.sender_ip, arp.sender_mac, arp.target_ip);
}

template <buf::Port P>
void PortEngine<P>::take_icmp(Bytes ip_packet, const wire::Ipv4Header& ip) noexcept {
    const Bytes icmp = ip_packet.subspan(ip.header_length);
    if (!wire::icmp_checksum_ok(icmp)) {
        counters_.drop(DropReason::bad_icmp);
        return;
    }
    if (wire::is_echo_request(icmp)) {
        const uint8_t l2 = link_bytes();
        const auto length = static_cast<uint32_t>(wire::kIpv4Bytes + icmp.size());
        Packet* packet = l2 + length <= port_.caps().max_frame ? take_packet() : nullptr;
        if (packet == nullptr) {
            counters_.drop(DropReason::no_packet);
            return;
        }
        uint8_t* out = P::data(packet) + l2;
        std::memcpy(out + wire::kIpv4Bytes, icmp.data(), icmp.size());
        wire::turn_echo_request_into_reply(MutableBytes(out + wire::kIpv4Bytes, icmp.size()));
        wire::Ipv4Emit header;
        header.source = ip.destination;
        header.destination = ip.source;
        header.total_length = static_cast<uint16_t>(length);
        header.protocol = wire::kProtocolIcmp;
        header.ttl = config_.tcp.ttl;
        header.tos = ip.tos;
        wire::write_ipv4(out, header, true);
        counters_.add(Counter::icmp_echo_replies);
        send_ip(packet, l2, length, ip.source, {});
        return;
    }
    wire::IcmpError error;
    if (!wire::parse_icmp_error(icmp, error) || !error.quoted_tcp) {
        counters_.drop(DropReason::icmp_ignored);
        return;
    }
    const uint32_t local = addresses_.find(error.quoted_source);
    if (local == net::LocalAddresses::kNone) {
        counters_.drop(DropReason::icmp_ignored);
        return;
    }
    const Tuple tuple{error.quoted_destination.value, error.quoted_destination_port, error.quoted_source_port,
                      static_cast<uint16_t>(local)};
    arrive_icmp(tuple, error.type, error.code, tcp::Seq(error.quoted_seq));
}

// ---- output
// -----------------------------------------------------------------------------------------------------------

template <buf::Port P>
bool PortEngine<P>::end() noexcept {
    for (uint16_t i = 0; i < burst_count_; ++i) give_back(burst_[i]);
    burst_count_ = 0;
    bool sent = false;
    while (has_output()) {
        if (tx_count_ == kTxBurst && !flush()) break;  // the device is full: what is not built cannot be lost
        Packet* packet = take_packet();
        if (packet == nullptr) break;  // none now; what is owed stays listed
        SegmentOut out;
        if (!next_out(out)) {
            give_back(packet);
            break;
        }
        build(packet, out);
        sent = true;
    }
    if (port_.caps().ethernet) {  // after the output, so that what it asks for is asked at once
        neighbours_.poll(
            now_,
            [this](Ipv4 target, std::optional<Mac> to) noexcept {
                send_arp(wire::kArpRequest, target, to, addresses_.towards(target));
            },
            [this](void* held, Mac mac) noexcept {
                auto* packet = static_cast<Packet*>(held);
                std::memcpy(P::data(packet), mac.octets.data(), 6);
                queue(packet);
            },
            [this](Ipv4 next_hop, void* held) noexcept {
                if (held != nullptr) {
                    counters_.drop(DropReason::neighbour_failed);
                    give_back(static_cast<Packet*>(held));
                } else {
                    neighbour_failed(next_hop);
                }
            });
    }
    if (tx_count_ != 0) flush();
    return sent;
}

/// A packet to build in: one that was received lately if possible, which is in the cache and takes no pool
/// operation. The SYN becomes the SYN-ACK this way, and the FIN its ACK; so setup and teardown need no new
/// packets, and since nothing in the engine keeps packets, overload always drains.
template <buf::Port P>
typename P::Packet* PortEngine<P>::take_packet() noexcept {
    if (spare_count_ != 0) return spare_[--spare_count_];
    return port_.alloc();
}

template <buf::Port P>
void PortEngine<P>::give_back(Packet* packet) noexcept {
    if (spare_count_ < kSpare && port_.reset(packet)) {
        spare_[spare_count_++] = packet;
    } else {
        port_.free(packet);
    }
}

template <buf::Port P>
void PortEngine<P>::build(Packet* packet, const SegmentOut& s) noexcept {
    const uint8_t l2 = link_bytes();
    uint8_t* ip = P::data(packet) + l2;
    uint8_t* tcp = ip + wire::kIpv4Bytes;
    uint8_t options = 0;
    if (s.is_syn) {
        options = wire::write_syn_options(tcp + wire::kTcpBytes, {s.mss, s.timestamps, s.ts_val, s.ts_ecr,
                                                                  s.sack_permitted, s.window_scale, s.shift});
    } else {
        if (s.timestamps) {
            wire::write_timestamps(tcp + wire::kTcpBytes, s.ts_val, s.ts_ecr);
            options = wire::kPaddedTimestampsBytes;
        }
        if (s.sack_count != 0)
            options = static_cast<uint8_t>(
                options + wire::write_sack(tcp + wire::kTcpBytes + options, std::span(s.sack, s.sack_count)));
    }
    const auto header = static_cast<uint8_t>(wire::kTcpBytes + options);
    if (s.len != 0) copy_text(s, MutableBytes(tcp + header, s.len));
    const Ipv4 source = addresses_[s.tuple.local_addr];
    const Ipv4 destination{s.tuple.remote_addr};
    const auto tcp_length = static_cast<uint16_t>(header + s.len);
    wire::TcpHeader h;
    h.source_port = s.tuple.local_port;
    h.destination_port = s.tuple.remote_port;
    h.seq = s.seq.value();
    h.ack = s.ack.value();
    h.header_length = header;
    h.flags = s.flags;
    h.window = s.wnd;
    wire::write_tcp(tcp, h);
    buf::TxMeta meta{.l2_len = l2,
                     .l3_len = wire::kIpv4Bytes,
                     .ip_checksum = port_.caps().tx_ip_checksum,
                     .tcp_checksum = port_.caps().tx_tcp_checksum};
    const uint64_t pseudo = wire::pseudo_header_sum(source, destination, wire::kProtocolTcp, tcp_length);
    const uint16_t checksum =
        meta.tcp_checksum
            ? wire::fold(pseudo)
            : static_cast<uint16_t>(~wire::fold(wire::sum_bytes(Bytes(tcp, tcp_length), pseudo)));
    wire::store_be16(tcp + wire::kTcpChecksumAt, checksum);
    wire::Ipv4Emit emit;
    emit.source = source;
    emit.destination = destination;
    emit.total_length = static_cast<uint16_t>(wire::kIpv4Bytes + tcp_length);
    emit.ttl = config_.tcp.ttl;
    emit.tos = static_cast<uint8_t>(config_.tcp.dscp << 2);
    wire::write_ipv4(ip, emit, !meta.ip_checksum);
    send_ip(packet, l2, emit.total_length, destination, meta);
}

template <buf::Port P>
void PortEngine<P>::send_ip(Packet* packet, uint32_t l2, uint32_t length, Ipv4 destination,
                            const buf::TxMeta& meta) noexcept {
    P::finish(packet, l2 + length, meta);
    if (!port_.caps().ethernet) {
        queue(packet);
        return;
    }
    const std::optional<Ipv4> next_hop = addresses_.next_hop(destination);
    if (!next_hop) {
        counters_.drop(DropReason::no_route);
        give_back(packet);
        return;
    }
    const Mac* mac = neighbours_.lookup(*next_hop, now_);
    wire::write_ether(P::data(packet), mac != nullptr ? *mac : Mac{}, port_.caps().mac, config_.vlan,
                      wire::kEtherTypeIpv4);
    if (mac != nullptr) [[likely]] {
        queue(packet);
    } else if (!neighbours_.hold(*next_hop, packet)) {
        const bool failed = neighbours_.is_failed(*next_hop);
        counters_.drop(failed ? DropReason::neighbour_failed : DropReason::neighbour_queue_full);
        give_back(packet);
    }
}

template <buf::Port P>
void PortEngine<P>::send_arp(uint16_t operation, Ipv4 target, std::optional<Mac> target_mac,
                             Ipv4 sender) noexcept {
    Packet* packet = take_packet();
    if (packet == nullptr) {
        counters_.drop(DropReason::no_packet);
        return;
    }
    uint8_t* out = P::data(packet);
    const uint8_t l2 = wire::write_ether(out, target_mac.value_or(Mac::broadcast()), port_.caps().mac,
                                         config_.vlan, wire::kEtherTypeArp);
    wire::ArpPacket arp;
    arp.operation = operation;
    arp.sender_mac = port_.caps().mac;
    arp.sender_ip = sender;
    arp.target_mac = operation == wire::kArpReply ? target_mac.value_or(Mac{}) : Mac{};
    arp.target_ip = target;
    wire::write_arp(out + l2, arp);
    P::finish(packet, l2 + wire::kArpBytes, {});
    counters_.add(operation == wire::kArpReply ? Counter::arp_replies_sent : Counter::arp_requests_sent);
    queue(packet);
}

/// Into the burst that leaves. Full: the device gets it now; what it refuses even then is dropped.
template <buf::Port P>
void PortEngine<P>::queue(Packet* packet) noexcept {
    if (tx_count_ == kTxBurst && !flush()) {
        counters_.drop(DropReason::tx_full);
        give_back(packet);
        return;
    }
    tx_[tx_count_++] = packet;
    counters_.add(Counter::tx_packets);
    counters_.add(Counter::tx_bytes, P::length(packet));
}

/// False when the device took nothing.
template <buf::Port P>
bool PortEngine<P>::flush() noexcept {
    const uint16_t taken = port_.tx_burst(tx_.data(), tx_count_);
    if (taken != tx_count_) std::copy(tx_.begin() + taken, tx_.begin() + tx_count_, tx_.begin());
    tx_count_ = static_cast<uint16_t>(tx_count_ - taken);
    return taken != 0;
}

template <buf::Port P>
std::optional<Instant> PortEngine<P>::next_deadline() noexcept {
    if (has_work()) return now_;
    std::optional<Instant> best = port_.caps().ethernet ? neighbours_.next_deadline() : std::nullopt;
    if (const auto tick = next_timer_tick()) {
        const auto ahead = std::max(static_cast<int32_t>(*tick - core_now_.tick), 0);
        const Instant at = Instant::from_ns((now_.ns() / 1'000'000 + ahead) * 1'000'000);
        if (!best || at < *best) best = at;
    }
    return best;
}

template <buf::Port P>
void PortEngine<P>::release_packets() noexcept {
    while (burst_count_ != 0) port_.free(burst_[--burst_count_]);
    while (spare_count_ != 0) port_.free(spare_[--spare_count_]);
    while (tx_count_ != 0) port_.free(tx_[--tx_count_]);
    neighbours_.for_each_held([this](void* packet) { port_.free(static_cast<Packet*>(packet)); });
}

}  // namespace synfin::stack
