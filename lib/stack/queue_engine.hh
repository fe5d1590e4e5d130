#pragma once
/// @file
/// QueueEngine: an Engine on a queue pair. It brings packets to Connections and back, in bursts.
///
/// A turn: begin() receives a burst and processes it in three passes (read the frame and prefetch the table's
/// bucket; prefetch the record; TCP), then fires timers. The caller then handles events. end() builds the
/// segments to send in the burst's packets, and passes them to the queue. The caller reads the time once per
/// turn.
///
/// IPv6 segments go through functions of their own, named with a 6. Those of a burst wait in an array of
/// their own, so that the three passes over IPv4 segments never ask for the family.

#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "buf/queue_pair.hh"
#include "net/arp_resolver.hh"
#include "net/discovery.hh"
#include "net/frame_in.hh"
#include "net/frame_out.hh"
#include "net/icmp_errors.hh"
#include "net/link.hh"
#include "stack/engine.hh"
#include "stack/packet_bursts.hh"
#include "stack/rate_limits.hh"

namespace synfin::stack {

template <buf::QueuePair P>
class QueueEngine final : public Engine {
  public:
    using Packet = typename P::Packet;

    /// @param queue must outlive this object.
    QueueEngine(const StackConfig& config, P& queue, const Keys& keys, Instant start = {})
        : Engine(with_link_local(config, queue.caps()), keys, start, OwnedPorts(queue)),
          queue_(queue),
          bursts_(queue, ledger_),
          link_(queue.caps(), config.vlan, config.outer_vlan),
          frame_in_(connections_.addresses(), link_, connections_.fold()),
          frame_out_(connections_.addresses(), link_, queue.caps(), config.tcp.ttl, config.tcp.dscp,
                     Keys::derive(keys.process, 9)),
          resolver_(connections_.addresses(), link_, Keys::derive(keys.process, 4), connections_.opens(),
                    count()),
          discovery_(connections_.addresses(), link_,
                     {config.dad, config.gateway_auto, config.gateway6_mac, config.mtu, queue.caps().first},
                     Keys::derive(keys.process, 11), connections_.opens(), count()) {
        if (config.gateway && config.gateway_mac) resolver_.pin(*config.gateway, *config.gateway_mac);
        if (connections_.config().addresses.size() != config.addresses.size())
            connections_.addresses().set_last_internal();
    }
    ~QueueEngine() override { release_packets(); }

    bool begin(Instant now) noexcept override;
    bool end() noexcept override;
    std::optional<Instant> next_deadline() noexcept override;
    Reach reach(const IpAddress& destination) noexcept override;
    bool has_work() const noexcept override {
        return connections_.has_work() || bursts_.has_unsent() || has_failed_opens();
    }
    /// Opens that were visited because a next hop failed.
    uint64_t neighbour_failure_visits() const noexcept {
        return resolver_.failed_opens_visited() + discovery_.resolver().failed_opens_visited();
    }
    uint32_t packets_held() const noexcept override {
        return bursts_.held() + resolver_.packets_held() + discovery_.resolver().packets_held();
    }
    uint32_t packets_spare() const noexcept override {
        return bursts_.spare() + (large_ != nullptr ? 1u : 0u);
    }
    void release_packets() noexcept override;

  private:
    static constexpr uint32_t kFailuresPerTurn = 256;  ///< failed opens visited per turn

    Counters& count() noexcept { return connections_.counters(); }

    // input
    bool read(Packet* packet, Incoming& out) noexcept;
    bool read_other(const net::ReceivedFrame& frame, Incoming& out) noexcept;
    bool read_unusual(const net::ReceivedFrame& frame, Incoming& out) noexcept;
    bool note6() noexcept;
    void look_ahead6() noexcept;
    void arrive6() noexcept;
    void send_echo_reply(const net::FrameContent& request) noexcept;
    void send_echo_reply6(const net::FrameContent& request) noexcept;
    void drop(const net::FrameContent& content) noexcept;

    // output
    void send(Packet* packet, const net::SegmentOut& segment) noexcept;
    void send6(Packet* packet, const net::SegmentOut& segment) noexcept;
    void send_special(Packet* packet, const net::SegmentOut& segment) noexcept;
    void send_ect(Packet* packet, const net::SegmentOut& segment) noexcept;
    void send_large(const net::SegmentOut& segment) noexcept;
    void get_large() noexcept;
    void send_frame(Packet* packet, uint8_t* frame, Ipv4 destination) noexcept;
    /// `segment`: what the frame carries; null: no segment.
    void send_frame6(Packet* packet, uint8_t* frame, const Ipv6& destination,
                     const net::SegmentOut* segment) noexcept;
    void send_unresolved(Packet* packet, Ipv4 next_hop) noexcept;
    void send_unresolved6(Packet* packet, const Ipv6& next_hop, const net::SegmentOut* segment) noexcept;
    void send_arp(const net::ArpResolver::Message& message) noexcept;
    void queue(Packet* packet) noexcept;
    void drop_queued(Packet* packet) noexcept;
    void poll_resolver() noexcept;

    // neighbours, routers and groups of IPv6 (queue_discovery.hh)
    static StackConfig with_link_local(StackConfig config, const buf::QueueCaps& caps);
    void hear_discovery(const net::FrameContent& content, const uint8_t* frame) noexcept;
    void send_discovery(const net::DiscoveryPacket& message) noexcept;
    void poll_discovery() noexcept;
    void send_held(void* held, const Mac& mac) noexcept;
    bool has_failed_opens() const noexcept {
        return resolver_.has_failed_opens() || discovery_.resolver().has_failed_opens();
    }

    P& queue_;
    PacketBursts<P> bursts_;
    const net::Link link_;
    net::FrameIn frame_in_;
    net::FrameOut frame_out_;
    net::ArpResolver resolver_;
    net::Discovery discovery_;
    PerSecond icmp_errors_;
    uint32_t last_tick_ = 0;
    bool timers_behind_ = true;
    bool is_busy_ = false;     ///< the first half of this turn had work
    Packet* large_ = nullptr;  ///< TSO: the packet for the next large frame; null: none
    std::array<Incoming, PacketBursts<P>::kMost> incoming_{};
    std::array<Incoming, PacketBursts<P>::kMost> incoming6_{};
    uint32_t count6_ = 0;  ///< IPv6 segments of the present burst
};

// ---- input
// ------------------------------------------------------------------------------------------------------------

template <buf::QueuePair P>
bool QueueEngine<P>::begin(Instant now) noexcept {
    connections_.set_now(now);
    ledger_.begin_turn();
    const std::span<Packet*> burst = bursts_.receive();
    ledger_.stamp(Stage::rx);
    count().add(Counter::rx_packets, burst.size());
    Incoming* end = incoming_.data();
    count6_ = 0;
    uint64_t bytes = 0;
    for (Packet* packet : burst) {
        bytes += P::length(packet);
        if (!read(packet, *end)) continue;
        connections_.begin_lookup(*end);
        ++end;
    }
    count().add(Counter::rx_bytes, bytes);
    ledger_.stamp(Stage::parse);
    for (Incoming* p = incoming_.data(); p != end; ++p) connections_.look_ahead(*p);
    if (count6_ != 0) look_ahead6();
    ledger_.stamp(Stage::lookup);
    for (const Incoming* p = incoming_.data(); p != end; ++p) connections_.arrive(*p);
    if (count6_ != 0) arrive6();
    ledger_.stamp(Stage::core);
    uint32_t fired = 0;
    if (const uint32_t tick = now.tick(); tick != last_tick_ || timers_behind_) {
        last_tick_ = tick;
        fired = connections_.run_timers();
        if (has_failed_opens()) [[unlikely]] {
            resolver_.end_failed_opens(connections_, kFailuresPerTurn);
            discovery_.resolver().end_failed_opens(connections_, kFailuresPerTurn);
        }
        timers_behind_ = connections_.timers_behind() || has_failed_opens();
    }
    ledger_.stamp(Stage::timers);
    is_busy_ = !burst.empty() || fired != 0;
    return is_busy_;
}

template <buf::QueuePair P>
[[gnu::noinline]] void QueueEngine<P>::look_ahead6() noexcept {
    for (uint32_t i = 0; i < count6_; ++i) connections_.look_ahead6(incoming6_[i]);
}

template <buf::QueuePair P>
[[gnu::noinline]] void QueueEngine<P>::arrive6() noexcept {
    for (uint32_t i = 0; i < count6_; ++i) connections_.arrive6(incoming6_[i]);
}

/// Begins the look-up of the IPv6 segment that was read last. Always false: it is not one of IPv4.
template <buf::QueuePair P>
[[gnu::always_inline]] inline bool QueueEngine<P>::note6() noexcept {
    connections_.begin_lookup(incoming6_[count6_++]);
    return false;
}

/// Whether the packet is an IPv4 segment for Connections. IPv6 segments are added to theirs, and all other
/// packets are handled here.
template <buf::QueuePair P>
[[gnu::always_inline]] inline bool QueueEngine<P>::read(Packet* packet, Incoming& out) noexcept {
    if (!P::is_contiguous(packet)) [[unlikely]] {
        count().drop(DropReason::multi_segment);
        return false;
    }
    const net::ReceivedFrame frame{P::data(packet), P::length(packet), P::ip_verdict(packet),
                                   P::tcp_verdict(packet)};
    return frame_in_.read_usual(frame, out) || read_other(frame, out);
}

template <buf::QueuePair P>
[[gnu::noinline]] bool QueueEngine<P>::read_other(const net::ReceivedFrame& frame, Incoming& out) noexcept {
    return frame_in_.read_usual6(frame, incoming6_[count6_]) ? note6() : read_unusual(frame, out);
}

template <buf::QueuePair P>
[[gnu::noinline]] bool QueueEngine<P>::read_unusual(const net::ReceivedFrame& frame, Incoming& out) noexcept {
    const net::FrameContent content = frame_in_.read(frame, out);
    switch (content.kind) {
        case net::FrameKind::segment:
            if (!connections_.addresses().is_v6(out.tuple.local_index)) return true;
            incoming6_[count6_] = out;
            return note6();
        case net::FrameKind::arp:
            if (const auto reply = resolver_.hear(content.payload, connections_.now())) send_arp(*reply);
            return false;
        case net::FrameKind::echo_request: send_echo_reply(content); return false;
        case net::FrameKind::icmp:
            if (const auto error = net::read_icmp_error(content.payload, connections_.addresses()))
                connections_.arrive_error(*error);
            else
                count().drop(DropReason::icmp_ignored);
            return false;
        case net::FrameKind::discovery: hear_discovery(content, frame.data); return false;
        case net::FrameKind::echo_request6: send_echo_reply6(content); return false;
        case net::FrameKind::icmp6:
            if (const auto error =
                    net::read_icmp6_error(content.payload, connections_.addresses(), connections_.fold()))
                connections_.arrive_error(*error);
            else
                count().drop(DropReason::icmp_ignored);
            return false;
        case net::FrameKind::dropped: drop(content); return false;
    }
    return false;
}

template <buf::QueuePair P>
void QueueEngine<P>::send_echo_reply(const net::FrameContent& request) noexcept {
    const bool fits = frame_out_.echo_reply_bytes(request.payload) <= queue_.caps().max_frame;
    Packet* packet = fits ? bursts_.take() : nullptr;
    if (packet == nullptr) {
        count().drop(DropReason::no_packet);
        return;
    }
    uint8_t* frame = P::data(packet);
    P::finish(packet, frame_out_.build_echo_reply(frame, request.payload, request.ip), {});
    count().add(Counter::icmp_echo_replies);
    send_frame(packet, frame, request.ip.source);
}

template <buf::QueuePair P>
void QueueEngine<P>::send_echo_reply6(const net::FrameContent& request) noexcept {
    const bool fits = frame_out_.echo_reply6_bytes(request.payload) <= queue_.caps().max_frame;
    Packet* packet = fits ? bursts_.take() : nullptr;
    if (packet == nullptr) {
        count().drop(DropReason::no_packet);
        return;
    }
    uint8_t* frame = P::data(packet);
    P::finish(packet, frame_out_.build_echo_reply6(frame, request.payload, request.ip6), {});
    count().add(Counter::icmp_echo_replies);
    send_frame6(packet, frame, request.ip6.source, nullptr);
}

/// Counts a dropped packet. Tells the sender of an IPv6 packet if RFC 8200 asks for it.
template <buf::QueuePair P>
void QueueEngine<P>::drop(const net::FrameContent& content) noexcept {
    count().drop(content.drop);
    if (!content.problem) [[likely]]
        return;
    if (!icmp_errors_.allow(connections_.now().tick(), kIcmpErrorsPerSecond)) {
        count().drop(DropReason::icmp_rate_limited);
        return;
    }
    const bool fits = frame_out_.most_problem_bytes() <= queue_.caps().max_frame;
    Packet* packet = fits ? bursts_.take() : nullptr;
    if (packet == nullptr) {
        count().drop(DropReason::no_packet);
        return;
    }
    uint8_t* frame = P::data(packet);
    P::finish(packet,
              frame_out_.build_parameter_problem(frame, *content.problem, content.payload, content.ip6), {});
    count().add(Counter::icmp_problems_sent);
    send_frame6(packet, frame, content.ip6.source, nullptr);
}

// ---- output
// -----------------------------------------------------------------------------------------------------------

template <buf::QueuePair P>
bool QueueEngine<P>::end() noexcept {
    ledger_.stamp(Stage::application);
    bool sent = false;
    if (large_ == nullptr && frame_out_.large_text() != 0) get_large();
    while (connections_.has_replies()) {
        Packet* packet = bursts_.place();
        if (packet == nullptr) break;
        send(packet, connections_.next_reply());
        sent = true;
    }
    if (link_.is_ethernet()) poll_resolver();  // before text, which may use up the room
    while (!connections_.has_replies() && connections_.has_output()) {
        Packet* packet = bursts_.place();
        if (packet == nullptr) break;
        const net::SegmentOut* out = connections_.next_out();
        if (out == nullptr) {
            bursts_.give_back(packet);
            break;
        }
        sent = true;
        if (out->is_plain()) [[likely]]
            send(packet, *out);
        else
            send_special(packet, *out);
    }
    bursts_.recycle_rest();
    if (link_.is_ethernet()) poll_resolver();  // send the requests that the output started
    if (bursts_.has_unsent()) bursts_.flush();
    timers_behind_ |= connections_.has_paced();
    ledger_.stamp(Stage::emit);
    ledger_.end_turn(is_busy_ || sent);
    return sent;
}

template <buf::QueuePair P>
[[gnu::always_inline]] inline void QueueEngine<P>::poll_resolver() noexcept {
    const bool failed = resolver_.poll(
        connections_.now(), [this](uint16_t packets) noexcept { return bursts_.has_room(packets); },
        [this](const net::ArpResolver::Message& request) noexcept { send_arp(request); },
        [this](void* held, const Mac& mac) noexcept { send_held(held, mac); },
        [this](void* held) noexcept { bursts_.give_back(static_cast<Packet*>(held)); });
    timers_behind_ |= failed;
    if (discovery_.is_on()) poll_discovery();
}

template <buf::QueuePair P>
[[gnu::always_inline]] inline void QueueEngine<P>::send(Packet* packet,
                                                        const net::SegmentOut& segment) noexcept {
    if (connections_.addresses().is_v6(segment.tuple.local_index)) [[unlikely]] {
        send6(packet, segment);
        return;
    }
    uint8_t* frame = P::data(packet);
    const uint32_t length = frame_out_.build(frame, segment, connections_.blocks());
    if (frame_out_.needs_device())
        P::finish(packet, length, frame_out_.segment_meta());
    else
        P::finish(packet, length, {});  // tests nothing
    send_frame(packet, frame, Ipv4{segment.tuple.remote_addr});
}

template <buf::QueuePair P>
[[gnu::noinline]] void QueueEngine<P>::send6(Packet* packet, const net::SegmentOut& segment) noexcept {
    uint8_t* frame = P::data(packet);
    const uint32_t length = frame_out_.build6(frame, segment, connections_.blocks());
    if (frame_out_.needs_device())
        P::finish(packet, length, frame_out_.segment_meta6());
    else
        P::finish(packet, length, {});  // tests nothing
    send_frame6(packet, frame, segment.remote6, &segment);
}

/// A large segment, or one with ECT.
template <buf::QueuePair P>
[[gnu::cold, gnu::noinline]] void QueueEngine<P>::send_special(Packet* packet,
                                                               const net::SegmentOut& segment) noexcept {
    if ((segment.flags & wire::kCwr) != 0) count().add(Counter::cwr_sent);
    if (segment.segment_bytes == 0) {
        send_ect(packet, segment);
    } else {
        bursts_.give_back(packet);
        send_large(segment);
    }
}

/// Like send(), with ECT(0).
template <buf::QueuePair P>
void QueueEngine<P>::send_ect(Packet* packet, const net::SegmentOut& segment) noexcept {
    uint8_t* frame = P::data(packet);
    const bool is_v6 = connections_.addresses().is_v6(segment.tuple.local_index);
    const uint32_t length = is_v6 ? frame_out_.build6(frame, segment, connections_.blocks())
                                  : frame_out_.build(frame, segment, connections_.blocks());
    frame_out_.set_ect(frame, is_v6);
    const buf::TxMeta meta = is_v6 ? frame_out_.segment_meta6() : frame_out_.segment_meta();
    P::finish(packet, length, frame_out_.needs_device() ? meta : buf::TxMeta{});
    if (is_v6)
        send_frame6(packet, frame, segment.remote6, &segment);
    else
        send_frame(packet, frame, Ipv4{segment.tuple.remote_addr});
}

/// Sends several segments in one packet that the device cuts. queue() counts the first segment, this function
/// the others.
template <buf::QueuePair P>
[[gnu::cold, gnu::noinline]] void QueueEngine<P>::send_large(const net::SegmentOut& segment) noexcept {
    Packet* packet = large_;
    get_large();
    uint8_t* frame = P::data(packet);
    const bool is_v6 = connections_.addresses().is_v6(segment.tuple.local_index);
    const net::FrameOut::Built built = is_v6 ? frame_out_.build_large6(frame, segment, connections_.blocks())
                                             : frame_out_.build_large(frame, segment, connections_.blocks());
    if (segment.ect != 0) frame_out_.set_ect(frame, is_v6);
    P::finish(packet, built.length, built.meta);
    const uint64_t queued = count()[Counter::tx_packets];
    if (is_v6)
        send_frame6(packet, frame, segment.remote6, &segment);
    else
        send_frame(packet, frame, Ipv4{segment.tuple.remote_addr});
    if (count()[Counter::tx_packets] == queued) return;  // no route, or the MAC address is unknown
    const uint32_t more = segment.len / segment.segment_bytes - 1;
    count().add(Counter::tx_large);
    count().add(Counter::tx_packets, more);
    count().add(Counter::tx_bytes, uint64_t{more} * (built.length - segment.len));
}

/// Allocates the large packet before it sets Context::large_text, so that a large segment always has a
/// packet.
template <buf::QueuePair P>
void QueueEngine<P>::get_large() noexcept {
    large_ = queue_.alloc_large();
    connections_.set_large_text(large_ != nullptr ? frame_out_.large_text() : 0);
}

/// Fills in the destination MAC of a frame and sends it.
template <buf::QueuePair P>
[[gnu::always_inline]] inline void QueueEngine<P>::send_frame(Packet* packet, uint8_t* frame,
                                                              Ipv4 destination) noexcept {
    if (link_.is_ethernet()) {
        const Ipv4 next_hop = connections_.addresses().next_hop(destination);
        const Mac* mac = resolver_.mac_of(next_hop, connections_.now());
        if (mac == nullptr) [[unlikely]] {
            send_unresolved(packet, next_hop);
            return;
        }
        std::memcpy(frame, mac->octets.data(), 6);
    }
    queue(packet);
}

template <buf::QueuePair P>
[[gnu::cold, gnu::noinline]] void QueueEngine<P>::send_unresolved(Packet* packet, Ipv4 next_hop) noexcept {
    DropReason drop = DropReason::no_route;
    if (!next_hop.is_unspecified()) {
        if (const auto syn = frame_out_.tuple_of_syn(P::data(packet)))
            if (const uint32_t open = connections_.open_of(*syn, nullptr); open != 0)
                resolver_.add_waiting(next_hop, open);
        drop = resolver_.hold(next_hop, packet);
        if (drop == DropReason::none) return;
    }
    count().drop(drop);
    bursts_.give_back(packet);
}

template <buf::QueuePair P>
[[gnu::cold, gnu::noinline]] void QueueEngine<P>::send_arp(
    const net::ArpResolver::Message& message) noexcept {
    Packet* packet = bursts_.take();
    if (packet == nullptr) {
        count().drop(DropReason::no_packet);
        return;
    }
    P::finish(packet, frame_out_.build_arp(P::data(packet), message.arp, message.to), {});
    count().add(message.arp.operation == wire::kArpReply ? Counter::arp_replies_sent
                                                         : Counter::arp_requests_sent);
    queue(packet);
}

template <buf::QueuePair P>
[[gnu::cold, gnu::noinline]] void QueueEngine<P>::drop_queued(Packet* packet) noexcept {
    count().drop(DropReason::tx_full);
    bursts_.give_back(packet);
}

/// Adds the packet to the burst to send; drops it if the device has no room.
template <buf::QueuePair P>
[[gnu::always_inline]] inline void QueueEngine<P>::queue(Packet* packet) noexcept {
    if (!bursts_.add(packet)) [[unlikely]] {
        drop_queued(packet);
        return;
    }
    count().add(Counter::tx_packets);
    count().add(Counter::tx_bytes, P::length(packet));
}

template <buf::QueuePair P>
std::optional<Instant> QueueEngine<P>::next_deadline() noexcept {
    if (has_work()) return connections_.now();
    const auto timer = connections_.next_deadline();
    const auto request = link_.is_ethernet() ? resolver_.next_deadline() : std::nullopt;
    std::optional<Instant> first = discovery_.next_deadline();
    for (const auto& due : {timer, request})
        if (due && (!first || *due < *first)) first = due;
    return first;
}

template <buf::QueuePair P>
void QueueEngine<P>::release_packets() noexcept {
    bursts_.release();
    if (large_ != nullptr) queue_.free(std::exchange(large_, nullptr));
    connections_.set_large_text(0);
    const auto free = [this](void* packet) { queue_.free(static_cast<Packet*>(packet)); };
    resolver_.for_each_held(free);
    discovery_.resolver().for_each_held(free);
}

}  // namespace synfin::stack

#include "stack/queue_discovery.hh"  // IWYU pragma: export
