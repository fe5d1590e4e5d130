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
#include <utility>

#include "buf/queue_pair.hh"
#include "net/neighbour_waits.hh"
#include "net/neighbours.hh"
#include "stack/connections.hh"
#include "synfin/ledger.hh"
#include "wire/arp.hh"
#include "wire/checksum.hh"
#include "wire/ether.hh"
#include "wire/frame_pattern.hh"
#include "wire/icmp.hh"
#include "wire/ipv4.hh"
#include "wire/tcp.hh"
#include "wire/tcp_options.hh"
#include "wire/word_writer.hh"

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
    virtual Reach reach(const IpAddress& destination) noexcept = 0;
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
    Ledger& ledger() noexcept { return ledger_; }

  protected:
    Ledger ledger_;
};

template <buf::QueuePair P>
class PortEngine final : public Engine {
  public:
    using Packet = typename P::Packet;

    PortEngine(const StackConfig& config, P& port, const Keys& keys, Instant start = {})
        : Engine(without_ports_tag(config, port.caps()), keys, start),
          port_(port),
          neighbours_(neighbour_config(keys.process, port.caps().ethernet)),
          waits_(neighbours_.capacity(), opens()),
          l2_(port.caps().ethernet ? header_bytes(config_) : uint8_t{0}) {
        if (config_.gateway && config_.gateway_mac) neighbours_.pin(*config_.gateway, *config_.gateway_mac);
        make_head();
        make_usual();
    }
    ~PortEngine() override { release_packets(); }

    bool begin(Instant now) noexcept override;
    bool end() noexcept override;
    std::optional<Instant> next_deadline() noexcept override;
    Reach reach(const IpAddress& destination) noexcept override {
        if (!destination.is_v4()) return Reach::no_route;
        const Ipv4 next_hop = addresses_.next_hop(destination.v4);
        if (next_hop.is_unspecified()) return Reach::no_route;
        if (!port_.caps().ethernet || neighbours_.lookup(next_hop, now_) != nullptr) return Reach::yes;
        return neighbours_.is_failed(next_hop) ? Reach::no_answer : Reach::resolving;
    }
    bool has_work() const noexcept override {
        return has_replies() || has_output() || has_events() || tx_count_ != 0 || waits_.has_failed();
    }
    /// Opens that were looked at because a next hop failed.
    uint64_t neighbour_failure_visits() const noexcept { return waits_.visited(); }
    uint32_t packets_held() const noexcept override { return burst_count_ + tx_count_ + neighbours_.held(); }
    uint32_t packets_spare() const noexcept override { return spare_count_ + (large_ != nullptr ? 1u : 0u); }
    void release_packets() noexcept override;

  private:
    static constexpr uint16_t kBurst = 32;  ///< at most; a port may like less
    static constexpr uint16_t kSpare = 64;
    static constexpr uint32_t kFailuresPerTurn = 256;  ///< opens whose next hop does not answer

    struct Parsed {
        Lookup lookup;
        tcp::Segment seg;
        Bytes text;
    };

    /// Where the port sees to the tag, there is none here.
    static StackConfig without_ports_tag(StackConfig config, const buf::QueueCaps& caps) {
        if (caps.vid != 0) config.vlan.reset();
        return config;
    }

    static uint8_t header_bytes(const StackConfig& config) noexcept {
        const int tags = (config.vlan ? 1 : 0) + (config.outer_vlan ? 1 : 0);
        return static_cast<uint8_t>(wire::kEtherBytes + tags * wire::kVlanTagBytes);
    }

    /// A place for every address on link, as far as a neighbour's number reaches: made-up ones then take
    /// nobody's.
    net::NeighbourConfig neighbour_config(HashKey key, bool is_ethernet) const {
        net::NeighbourConfig out;
        const auto on_link = static_cast<uint32_t>(std::min<uint64_t>(addresses_.on_link(), 1u << 16));
        out.capacity = is_ethernet ? std::max(out.capacity, on_link) : 1;
        out.key = {siphash(key, 4, 0), siphash(key, 4, 1)};
        return out;
    }

    uint64_t owned_ports(const Tuple& t, uint16_t first) const noexcept override {
        return port_.owned_ports(addresses_[t.local_index], first, Ipv4{t.remote_addr}, t.remote_port);
    }

    // input
    void make_usual() noexcept;
    bool parse_usual(Packet* packet, Parsed& out) noexcept;
    bool parse(Packet* packet, Parsed& out) noexcept;
    bool parse_ip(Packet* packet, Bytes ip, Parsed& out) noexcept;
    bool parse_tcp(Packet* packet, const wire::Ipv4Header& ip, Bytes segment, uint32_t local,
                   Parsed& out) noexcept;
    bool parse_segment(const uint8_t* tcp, uint32_t length, Parsed& out) noexcept;
    static bool parse_options(Bytes bytes, tcp::Segment& seg) noexcept;
    static void take_timestamps(uint32_t ts_val, uint32_t ts_ecr, tcp::Segment& seg) noexcept {
        seg.has_ts = true;
        seg.ts_val = ts_val;
        seg.ts_ecr = (seg.flags & wire::kAck) != 0 ? ts_ecr : 0;  // RFC 7323 3.2: valid with ACK only
    }
    void take_arp(Bytes arp) noexcept;
    void take_icmp(Bytes ip_packet, const wire::Ipv4Header& ip) noexcept;
    bool refuse(DropReason reason) noexcept {
        counters_.drop(reason);
        return false;
    }

    // output
    /// Which checksums the port computes. One byte: it is asked several times for each segment.
    struct Sums {
        uint8_t bits;
        explicit Sums(const buf::QueueCaps& caps) noexcept
            : bits(static_cast<uint8_t>((caps.tx_ip_checksum ? 1 : 0) | (caps.tx_tcp_checksum ? 2 : 0))) {}
        bool ip() const noexcept { return (bits & 1) != 0; }
        bool tcp() const noexcept { return (bits & 2) != 0; }
    };
    Packet* place_for_frame() noexcept;
    Packet* recycle_packet() noexcept;
    Packet* take_packet() noexcept;
    void give_back(Packet* packet) noexcept;
    void make_head() noexcept;
    uint32_t build(uint8_t* frame, const SegmentOut& out, Sums by_port) noexcept;
    void send(Packet* packet, const SegmentOut& out) noexcept;
    void send_large(const SegmentOut& out) noexcept;
    void get_large() noexcept;
    void send_frame(Packet* packet, uint8_t* frame, Ipv4 destination) noexcept;
    void send_unresolved(Packet* packet, Ipv4 next_hop) noexcept;
    void note_wait(const uint8_t* frame, Ipv4 next_hop) noexcept;
    void fail_waiting() noexcept;
    void send_arp(uint16_t operation, Ipv4 target, std::optional<Mac> target_mac, Ipv4 sender) noexcept;
    void queue(Packet* packet) noexcept;
    bool flush() noexcept;
    bool has_room(uint16_t packets) noexcept;
    void poll_neighbours() noexcept;

    /// What every segment's frame begins with: Ethernet and IPv4 header, the destination's MAC, the length,
    /// the addresses and the checksum left zero. At most 42 bytes, and what makes whole moves of it.
    static constexpr uint32_t kHeadBytes = 48;
    static_assert(kHeadBytes >= wire::kEtherBytes + 2 * wire::kVlanTagBytes + wire::kIpv4Bytes);

    P& port_;
    net::Neighbours neighbours_;
    net::NeighbourWaits waits_;
    const uint8_t l2_;          ///< bytes before the IPv4 header
    wire::FramePattern usual_;  ///< what parse_usual() takes
    alignas(8) std::array<uint8_t, kHeadBytes> head_{};
    uint64_t head_sum_ = 0;  ///< of the IPv4 header in it, as a number
    uint32_t last_tick_ = 0;
    bool timers_behind_ = true;
    bool is_busy_ = false;  ///< the first half of this turn had something to do
    uint16_t burst_count_ = 0, spare_count_ = 0, tx_count_ = 0;
    std::array<Packet*, kBurst> burst_{};
    std::array<Packet*, kSpare> spare_{};
    const Sums by_port_{port_.caps()};
    const uint16_t rx_burst_ = std::min(port_.caps().rx_burst, kBurst);
    const uint16_t tx_burst_ = std::min(port_.caps().tx_burst, kBurst);
    Packet* large_ = nullptr;  ///< TSO: the next packet for several segments; null: none now
    std::array<Packet*, kBurst> tx_{};
    std::array<Parsed, kBurst> parsed_{};
};

// ---- input
// ------------------------------------------------------------------------------------------------------------

template <buf::QueuePair P>
bool PortEngine<P>::begin(Instant now) noexcept {
    set_now(now);
    ledger_.begin_turn();
    burst_count_ = port_.rx_burst(burst_.data(), rx_burst_);
    ledger_.stamp(Stage::rx);
    counters_.add(Counter::rx_packets, burst_count_);
    Parsed* end = parsed_.data();
    uint64_t bytes = 0;
    for (uint16_t i = 0; i < burst_count_; ++i) {
        bytes += P::length(burst_[i]);
        if (!parse_usual(burst_[i], *end) && !parse(burst_[i], *end)) continue;
        end->lookup.home = table_.prefetch(end->lookup.hash);
        ++end;
    }
    counters_.add(Counter::rx_bytes, bytes);
    ledger_.stamp(Stage::parse);
    for (Parsed* p = parsed_.data(); p != end; ++p) look_ahead(p->lookup);
    ledger_.stamp(Stage::lookup);
    for (const Parsed* p = parsed_.data(); p != end; ++p) arrive(p->lookup, p->seg, p->text);
    ledger_.stamp(Stage::core);
    uint32_t fired = 0;
    if (const uint32_t tick = now.tick(); tick != last_tick_ || timers_behind_) {
        last_tick_ = tick;
        fired = run_timers();
        if (waits_.has_failed()) [[unlikely]]
            fail_waiting();
        timers_behind_ = timers_behind() || waits_.has_failed();
    }
    ledger_.stamp(Stage::timers);
    is_busy_ = burst_count_ != 0 || fired != 0;
    return is_busy_;
}

/// A segment with a right checksum. False: its length or options are wrong; refused by parse_tcp().
template <buf::QueuePair P>
[[gnu::always_inline]] inline bool PortEngine<P>::parse_segment(const uint8_t* tcp, uint32_t length,
                                                                Parsed& out) noexcept {
    const uint32_t header = (tcp[12] >> 4) * 4u;
    if (header < wire::kTcpBytes || header > length) return false;
    tcp::Segment& seg = out.seg;
    seg.seq = tcp::Seq(wire::load_be32(tcp + 4));
    seg.ack = tcp::Seq(wire::load_be32(tcp + 8));
    seg.flags = tcp[13];
    seg.wnd = wire::load_be16(tcp + 14);
    seg.len = length - header;
    out.text = Bytes(tcp + header, seg.len);
    const uint8_t* options = tcp + wire::kTcpBytes;
    constexpr uint32_t kWithTimestamps = wire::kTcpBytes + wire::kPaddedTimestampsBytes;
    if (header == kWithTimestamps && wire::load_be32(options) == wire::kTimestampsPrefix) [[likely]] {
        take_timestamps(wire::load_be32(options + 4), wire::load_be32(options + 8), seg);
        if ((seg.flags & wire::kSyn) == 0) return true;  // what counts on SYN only is not looked at
    }
    return parse_options(Bytes(options, header - wire::kTcpBytes), seg);
}

/// Any options. False: malformed.
template <buf::QueuePair P>
bool PortEngine<P>::parse_options(Bytes bytes, tcp::Segment& seg) noexcept {
    wire::TcpOptions options;
    if (!wire::parse_tcp_options(bytes, options)) return false;
    seg.has_ts = false;
    if (options.has_timestamps) take_timestamps(options.ts_val, options.ts_ecr, seg);
    seg.mss = options.has_mss ? options.mss : uint16_t{0};
    seg.has_wscale = options.has_window_scale;
    seg.wscale = options.window_scale;
    seg.sack_permitted = options.sack_permitted;
    return true;
}

/// The head that we send, seen from the other end: but for what may differ.
template <buf::QueuePair P>
void PortEngine<P>::make_usual() noexcept {
    if (l2_ != 0) {
        const Mac& mac = port_.caps().mac;
        for (uint32_t i = 0; i < mac.octets.size(); ++i) usual_.expect(i, mac.octets[i]);
        for (uint32_t i = 12; i < l2_; ++i) usual_.expect(i, head_[i]);
        // A tag's priority and DEI may be any.
        for (uint32_t at = wire::kEtherBytes; at < l2_; at += wire::kVlanTagBytes)
            usual_.expect(at, head_[at], wire::kVidMask >> 8);
    }
    usual_.expect(l2_, 0x45);          // version 4, no options
    usual_.expect(l2_ + 6u, 0, 0x3f);  // no fragment
    usual_.expect(l2_ + 7u, 0);
    usual_.expect(l2_ + 9u, wire::kProtocolTcp);
}

/// The packet that nearly all are, by a straight path with one condition per line. False: nothing was done,
/// parse() judges it; which would take these alike (tests/unit/stack/usual_packet_test.cc).
template <buf::QueuePair P>
bool PortEngine<P>::parse_usual(Packet* packet, Parsed& out) noexcept {
    const uint8_t* frame = P::data(packet);
    const uint32_t length = P::length(packet);
    constexpr uint32_t kHeaders = wire::kIpv4Bytes + wire::kTcpBytes;
    if (!P::is_contiguous(packet) || length < l2_ + kHeaders) return false;
    // For our MAC, with our tag or none; IPv4 without options, whole; TCP?
    if (!usual_.matches(frame)) return false;
    const uint8_t* ip = frame + l2_;
    const uint32_t total_length = wire::load_be16(ip + 2);
    if (total_length - kHeaders > length - l2_ - kHeaders)
        return false;  // all of it there, and of a TCP header?
    const uint32_t local = addresses_.find(Ipv4{wire::load_be32(ip + 16)});
    if (local == net::LocalAddresses::kNone) return false;  // for an address of ours?
    const buf::Verdict ip_verdict = P::ip_verdict(packet), tcp_verdict = P::tcp_verdict(packet);
    if (ip_verdict == buf::Verdict::bad || tcp_verdict == buf::Verdict::bad) return false;
    if (ip_verdict == buf::Verdict::unknown && !wire::ipv4_checksum_ok(ip)) return false;
    const uint8_t* tcp = ip + wire::kIpv4Bytes;
    const uint32_t tcp_length = total_length - wire::kIpv4Bytes;
    if (tcp_verdict == buf::Verdict::unknown && !wire::tcp_checksum_ok(ip + 12, tcp_length)) return false;
    if (!parse_segment(tcp, tcp_length, out)) return false;
    out.lookup.tuple = {wire::load_be32(ip + 12), wire::load_be16(tcp), wire::load_be16(tcp + 2),
                        static_cast<uint16_t>(local)};
    out.lookup.hash = table_.hash(out.lookup.tuple);
    return true;
}

template <buf::QueuePair P>
bool PortEngine<P>::parse(Packet* packet, Parsed& out) noexcept {
    if (!P::is_contiguous(packet)) [[unlikely]]
        return refuse(DropReason::multi_segment);
    const Bytes frame(P::data(packet), P::length(packet));
    if (!port_.caps().ethernet) return parse_ip(packet, frame, out);
    wire::EtherHeader ether;
    if (!wire::parse_ether(frame, ether)) [[unlikely]]
        return refuse(DropReason::runt);
    if (port_.caps().vid != 0 && ether.length != wire::kEtherBytes) [[unlikely]]
        return refuse(DropReason::bad_ethertype);  // a tag behind the one that the port took off
    if (ether.vid != config_.vlan.value_or(0) || ether.outer_vid != config_.outer_vlan.value_or(0))
        [[unlikely]]
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

template <buf::QueuePair P>
bool PortEngine<P>::parse_ip(Packet* packet, Bytes bytes, Parsed& out) noexcept {
    // A device's "bad" is looked into: it is rare, and a false one would lose a packet for ever.
    wire::Ipv4Header ip;
    switch (wire::parse_ipv4(bytes, P::ip_verdict(packet) != buf::Verdict::good, ip)) {
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
    const Bytes packet_bytes = bytes.first(ip.total_length);
    if (ip.protocol == wire::kProtocolTcp) [[likely]]  // its source is judged when it has no connection
        return parse_tcp(packet, ip, packet_bytes.subspan(ip.header_length), local, out);
    if (!addresses_.is_unicast(ip.source) || addresses_.find(ip.source) != net::LocalAddresses::kNone)
        return refuse(DropReason::bad_ip_source);
    if (ip.protocol == wire::kProtocolIcmp) {
        take_icmp(packet_bytes, ip);
        return false;
    }
    return refuse(DropReason::bad_protocol);
}

template <buf::QueuePair P>
bool PortEngine<P>::parse_tcp(Packet* packet, const wire::Ipv4Header& ip, Bytes segment, uint32_t local,
                              Parsed& out) noexcept {
    wire::TcpHeader tcp;
    if (!wire::parse_tcp(segment, tcp)) return refuse(DropReason::bad_tcp_header);
    if (P::tcp_verdict(packet) != buf::Verdict::good &&
        !wire::tcp_checksum_ok(ip.source, ip.destination, segment))
        return refuse(DropReason::bad_tcp_checksum);
    if (!parse_segment(segment.data(), static_cast<uint32_t>(segment.size()), out))
        return refuse(DropReason::bad_tcp_options);  // all else of it is right
    out.lookup.tuple = {ip.source.value, tcp.source_port, tcp.destination_port, static_cast<uint16_t>(local)};
    out.lookup.hash = table_.hash(out.lookup.tuple);
    return true;
}

template <buf::QueuePair P>
void PortEngine<P>::take_arp(Bytes bytes) noexcept {
    wire::ArpPacket arp;
    if (!wire::parse_arp(bytes, arp) || arp.sender_mac.is_multicast()) {
        counters_.drop(DropReason::bad_arp);
        return;
    }
    if (arp.sender_mac == port_.caps().mac) {  // forged, or our own come back: never a neighbour's
        counters_.drop(DropReason::arp_own_mac);
        return;
    }
    if (addresses_.find(arp.sender_ip) != net::LocalAddresses::kNone) {
        counters_.drop(DropReason::address_conflict);
        return;
    }
    const bool for_us = addresses_.find(arp.target_ip) != net::LocalAddresses::kNone;
    switch (
        neighbours_.learn(arp.sender_ip, arp.sender_mac, now_, for_us, arp.operation == wire::kArpReply)) {
        case net::Heard::ignored:
        case net::Heard::taken: break;
        case net::Heard::hint: counters_.add(Counter::arp_hints); break;
        case net::Heard::refused: counters_.drop(DropReason::arp_pinned); return;
    }
    if (for_us && arp.operation == wire::kArpRequest)
        send_arp(wire::kArpReply, arp.sender_ip, arp.sender_mac, arp.target_ip);
}

template <buf::QueuePair P>
void PortEngine<P>::take_icmp(Bytes ip_packet, const wire::Ipv4Header& ip) noexcept {
    const Bytes icmp = ip_packet.subspan(ip.header_length);
    if (!wire::icmp_checksum_ok(icmp)) {
        counters_.drop(DropReason::bad_icmp);
        return;
    }
    if (wire::is_echo_request(icmp)) {
        const auto length = static_cast<uint32_t>(wire::kIpv4Bytes + icmp.size());
        Packet* packet = l2_ + length <= port_.caps().max_frame ? take_packet() : nullptr;
        if (packet == nullptr) {
            counters_.drop(DropReason::no_packet);
            return;
        }
        uint8_t* frame = P::data(packet);
        std::memcpy(frame, head_.data(), kHeadBytes);
        uint8_t* out = frame + l2_;
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
        P::finish(packet, l2_ + length, {});
        send_frame(packet, frame, ip.source);
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
    if (error.type == wire::kIcmpUnreachable && error.code == wire::kIcmpFragmentationNeeded)
        arrive_too_big(tuple, {error.next_hop_mtu, error.quoted_total_length, tcp::Seq(error.quoted_seq)});
    else
        arrive_icmp(tuple, error.type, error.code, tcp::Seq(error.quoted_seq));
}

// ---- output
// -----------------------------------------------------------------------------------------------------------

template <buf::QueuePair P>
bool PortEngine<P>::end() noexcept {
    ledger_.stamp(Stage::application);
    bool sent = false;
    if (large_ == nullptr && port_.caps().large_frame != 0) get_large();
    while (has_replies()) {
        Packet* packet = place_for_frame();
        if (packet == nullptr) break;
        send(packet, next_reply());
        sent = true;
    }
    if (port_.caps().ethernet) poll_neighbours();  // before text, which may leave no room
    while (!has_replies() && has_output()) {
        Packet* packet = place_for_frame();
        if (packet == nullptr) break;
        const SegmentOut* out = next_out();
        if (out == nullptr) {
            give_back(packet);
            break;
        }
        sent = true;
        if (out->segment_bytes == 0) [[likely]] {
            send(packet, *out);
        } else {
            give_back(packet);
            send_large(*out);
        }
    }
    while (burst_count_ != 0) give_back(burst_[--burst_count_]);
    if (port_.caps().ethernet) poll_neighbours();  // what the output asks for is asked at once
    if (tx_count_ != 0) flush();
    ledger_.stamp(Stage::emit);
    ledger_.end_turn(is_busy_ || sent);
    return sent;
}

template <buf::QueuePair P>
[[gnu::always_inline]] inline void PortEngine<P>::poll_neighbours() noexcept {
    neighbours_.poll(
        now_,
        [this]() noexcept { return has_room(std::min<uint16_t>(net::Neighbours::kMaxHeld, tx_burst_)); },
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
                waits_.fail(neighbours_.slot(next_hop));
                timers_behind_ = true;  // fail_waiting() is to run
            }
        });
}

/// Opens whose next hop has failed end, or go: a few in each turn.
template <buf::QueuePair P>
[[gnu::cold, gnu::noinline]] void PortEngine<P>::fail_waiting() noexcept {
    for (uint32_t n = 0; n < kFailuresPerTurn; ++n) {
        const uint32_t open = waits_.take_failed();
        if (open == 0) return;
        const std::optional<Ipv4> peer = peer_of_open(open);
        if (peer && neighbours_.is_failed(addresses_.next_hop(*peer))) end_unreachable(open);
    }
}

/// Whether the burst takes so many packets more; if not, the device is asked to take some of it.
template <buf::QueuePair P>
bool PortEngine<P>::has_room(uint16_t packets) noexcept {
    return tx_count_ + packets <= tx_burst_ || (flush() && tx_count_ + packets <= tx_burst_);
}

/// A packet for what leaves next. Null: none now, or the device is full. What is not built cannot be lost,
/// what is owed stays listed.
template <buf::QueuePair P>
[[gnu::always_inline]] inline typename P::Packet* PortEngine<P>::place_for_frame() noexcept {
    if (tx_count_ == tx_burst_ && !flush()) return nullptr;
    return recycle_packet();
}

template <buf::QueuePair P>
[[gnu::always_inline]] inline void PortEngine<P>::send(Packet* packet, const SegmentOut& s) noexcept {
    uint8_t* frame = P::data(packet);
    const Sums by_port = by_port_;
    P::finish(packet, build(frame, s, by_port),
              {.l2_len = l2_,
               .l3_len = wire::kIpv4Bytes,
               .ip_checksum = by_port.ip(),
               .tcp_checksum = by_port.tcp()});
    send_frame(packet, frame, Ipv4{s.tuple.remote_addr});
}

/// A packet to build in, when nothing of this turn's burst is looked at any more: one of it if possible,
/// which is in the cache and takes no pool operation. The SYN becomes the SYN-ACK this way, and the FIN its
/// ACK; so setup and teardown need no new packets, and since nothing in the engine keeps packets, overload
/// always drains.
template <buf::QueuePair P>
[[gnu::always_inline]] inline typename P::Packet* PortEngine<P>::recycle_packet() noexcept {
    if (burst_count_ == 0) return take_packet();
    Packet* packet = burst_[--burst_count_];
    if (port_.reset(packet)) [[likely]]
        return packet;
    port_.free(packet);
    return take_packet();
}

/// A packet to build in.
template <buf::QueuePair P>
typename P::Packet* PortEngine<P>::take_packet() noexcept {
    if (spare_count_ != 0) return spare_[--spare_count_];
    return port_.alloc();
}

template <buf::QueuePair P>
void PortEngine<P>::give_back(Packet* packet) noexcept {
    if (spare_count_ < kSpare && port_.reset(packet)) {
        spare_[spare_count_++] = packet;
    } else {
        port_.free(packet);
    }
}

template <buf::QueuePair P>
void PortEngine<P>::make_head() noexcept {
    if (l2_ != 0)
        wire::write_ether(head_.data(), Mac{}, port_.caps().mac, config_.vlan, wire::kEtherTypeIpv4,
                          config_.outer_vlan);
    wire::Ipv4Emit ip;
    ip.ttl = config_.tcp.ttl;
    ip.tos = static_cast<uint8_t>(config_.tcp.dscp << 2);
    wire::write_ipv4(head_.data() + l2_, ip, false);
    head_sum_ = wire::fold(wire::sum_bytes(Bytes(head_.data() + l2_, wire::kIpv4Bytes)));
}

/// Writes a frame, complete but for the destination's MAC. Returns its length.
template <buf::QueuePair P>
[[gnu::always_inline]] inline uint32_t PortEngine<P>::build(uint8_t* frame, const SegmentOut& s,
                                                            Sums by_port) noexcept {
    uint8_t* ip = frame + l2_;
    uint8_t* tcp = ip + wire::kIpv4Bytes;
    std::memcpy(frame, head_.data(), kHeadBytes);

    wire::WordWriter options(tcp + wire::kTcpBytes);
    if ((s.flags & wire::kSyn) != 0) {
        wire::put_syn_options(
            options, {s.mss, s.timestamps, s.ts_val, s.ts_ecr, s.sack_permitted, s.window_scale, s.shift});
    } else {
        if (s.timestamps) wire::put_timestamps(options, s.ts_val, s.ts_ecr);
        if (s.sack_count != 0) wire::put_sack(options, std::span(s.sack, s.sack_count));
    }
    const uint32_t header = wire::kTcpBytes + options.bytes();
    wire::WordWriter fixed(tcp);
    fixed.put(uint32_t{s.tuple.local_port} << 16 | s.tuple.remote_port);
    fixed.put(s.seq.value());
    fixed.put(s.ack.value());
    fixed.put(header / 4 << 28 | uint32_t{s.flags} << 16 | s.wnd);
    fixed.put(0);  // checksum, urgent pointer
    uint64_t text_sum = 0;
    if (s.len != 0) {
        const MutableBytes text(tcp + header, s.len);
        copy_text(s, text);
        if (!by_port.tcp()) text_sum = wire::fold(wire::sum_bytes(text));
    }

    const Ipv4 destination{s.tuple.remote_addr};
    wire::WordWriter ends(ip + 12);
    ends.put(addresses_[s.tuple.local_index].value);
    ends.put(destination.value);
    const uint32_t tcp_length = header + s.len;
    const uint32_t total_length = wire::kIpv4Bytes + tcp_length;
    wire::store_be16(ip + 2, static_cast<uint16_t>(total_length));
    if (!by_port.ip())
        wire::store_be16(ip + 10,
                         static_cast<uint16_t>(~wire::fold_numbers(head_sum_ + ends.sum() + total_length)));
    const uint64_t pseudo = ends.sum() + wire::kProtocolTcp + tcp_length;
    wire::store_be16(
        tcp + wire::kTcpChecksumAt,
        by_port.tcp()
            ? wire::fold_numbers(pseudo)
            : static_cast<uint16_t>(~wire::fold_numbers(pseudo + fixed.sum() + options.sum() + text_sum)));
    return l2_ + total_length;
}

/// Several segments in one packet, for the device to cut. What of it is counted beside the one of queue().
template <buf::QueuePair P>
[[gnu::cold, gnu::noinline]] void PortEngine<P>::send_large(const SegmentOut& s) noexcept {
    Packet* packet = large_;
    get_large();
    uint8_t* frame = P::data(packet);
    const uint32_t length = build(frame, s, by_port_);
    const uint32_t headers = length - s.len;
    uint8_t* ip = frame + l2_;
    const uint64_t ends = uint64_t{wire::load_be32(ip + 12)} + wire::load_be32(ip + 16);
    wire::store_be16(ip + wire::kIpv4Bytes + wire::kTcpChecksumAt,
                     wire::fold_numbers(ends + wire::kProtocolTcp));
    P::finish(packet, length,
              {.l2_len = l2_,
               .l3_len = wire::kIpv4Bytes,
               .ip_checksum = by_port_.ip(),
               .tcp_checksum = true,
               .l4_len = static_cast<uint8_t>(headers - l2_ - wire::kIpv4Bytes),
               .segment_bytes = s.segment_bytes});
    const uint64_t queued = counters_[Counter::tx_packets];
    send_frame(packet, frame, Ipv4{s.tuple.remote_addr});
    if (counters_[Counter::tx_packets] == queued) return;  // no route, or no neighbour yet
    const uint32_t more = s.len / s.segment_bytes - 1;
    counters_.add(Counter::tx_large);
    counters_.add(Counter::tx_packets, more);
    counters_.add(Counter::tx_bytes, uint64_t{more} * headers);
}

/// The core is told of a large packet when there is one: what it then cuts into fewer packets always finds
/// it.
template <buf::QueuePair P>
void PortEngine<P>::get_large() noexcept {
    large_ = port_.alloc_large();
    constexpr uint32_t kMostHeader = wire::kIpv4Bytes + wire::kTcpBytes + wire::kPaddedTimestampsBytes;
    context_.large_text = large_ != nullptr ? port_.caps().large_frame - l2_ - kMostHeader : 0;
}

/// A frame that is complete but for the destination's MAC.
template <buf::QueuePair P>
[[gnu::always_inline]] inline void PortEngine<P>::send_frame(Packet* packet, uint8_t* frame,
                                                             Ipv4 destination) noexcept {
    if (l2_ != 0) {
        const Ipv4 next_hop = addresses_.next_hop(destination);
        const Mac* mac = neighbours_.lookup(next_hop, now_);
        if (mac == nullptr) [[unlikely]] {
            send_unresolved(packet, next_hop);
            return;
        }
        std::memcpy(frame, mac->octets.data(), 6);
    }
    queue(packet);
}

template <buf::QueuePair P>
[[gnu::cold, gnu::noinline]] void PortEngine<P>::send_unresolved(Packet* packet, Ipv4 next_hop) noexcept {
    if (next_hop.is_unspecified()) {
        counters_.drop(DropReason::no_route);
        give_back(packet);
        return;
    }
    note_wait(P::data(packet) + l2_, next_hop);
    if (!neighbours_.hold(next_hop, packet)) {
        const bool failed = neighbours_.is_failed(next_hop);
        counters_.drop(failed ? DropReason::neighbour_failed : DropReason::neighbour_queue_full);
        give_back(packet);
    }
}

/// An IPv4 packet cannot leave. With a SYN in it, its open waits for the next hop, however many wait before
/// it.
template <buf::QueuePair P>
void PortEngine<P>::note_wait(const uint8_t* ip, Ipv4 next_hop) noexcept {
    const uint8_t* tcp = ip + wire::kIpv4Bytes;
    if (ip[9] != wire::kProtocolTcp || (tcp[13] & wire::kSyn) == 0) return;
    const uint32_t neighbour = neighbours_.slot(next_hop);
    const uint32_t open = open_of({wire::load_be32(ip + 16), wire::load_be16(tcp + 2), wire::load_be16(tcp),
                                   static_cast<uint16_t>(addresses_.find(Ipv4{wire::load_be32(ip + 12)}))});
    if (neighbour != 0 && open != 0) waits_.add(neighbour, open);
}

template <buf::QueuePair P>
void PortEngine<P>::send_arp(uint16_t operation, Ipv4 target, std::optional<Mac> target_mac,
                             Ipv4 sender) noexcept {
    Packet* packet = take_packet();
    if (packet == nullptr) {
        counters_.drop(DropReason::no_packet);
        return;
    }
    uint8_t* out = P::data(packet);
    const uint8_t l2 = wire::write_ether(out, target_mac.value_or(Mac::broadcast()), port_.caps().mac,
                                         config_.vlan, wire::kEtherTypeArp, config_.outer_vlan);
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
template <buf::QueuePair P>
void PortEngine<P>::queue(Packet* packet) noexcept {
    if (tx_count_ == tx_burst_ && !flush()) {
        counters_.drop(DropReason::tx_full);
        give_back(packet);
        return;
    }
    tx_[tx_count_++] = packet;
    counters_.add(Counter::tx_packets);
    counters_.add(Counter::tx_bytes, P::length(packet));
}

/// False when the device took nothing.
template <buf::QueuePair P>
bool PortEngine<P>::flush() noexcept {
    ledger_.stamp(Stage::emit);
    const uint16_t taken = port_.tx_burst(tx_.data(), tx_count_);
    ledger_.stamp(Stage::tx);
    if (taken != tx_count_) std::copy(tx_.begin() + taken, tx_.begin() + tx_count_, tx_.begin());
    tx_count_ = static_cast<uint16_t>(tx_count_ - taken);
    return taken != 0;
}

template <buf::QueuePair P>
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

template <buf::QueuePair P>
void PortEngine<P>::release_packets() noexcept {
    while (burst_count_ != 0) port_.free(burst_[--burst_count_]);
    while (spare_count_ != 0) port_.free(spare_[--spare_count_]);
    if (large_ != nullptr) port_.free(std::exchange(large_, nullptr));
    context_.large_text = 0;
    while (tx_count_ != 0) port_.free(tx_[--tx_count_]);
    neighbours_.for_each_held([this](void* packet) { port_.free(static_cast<Packet*>(packet)); });
}

}  // namespace synfin::stack
