#pragma once
/// @file
/// Chooses the engine of a received frame, and holds the rings that forward it when it arrived at another
/// engine.

#include <rte_mbuf.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/siphash.hh"
#include "base/spsc_ring.hh"
#include "port/toeplitz.hh"
#include "synfin/device_report.hh"

namespace synfin::port {

enum class DestinationKind : uint8_t {
    segment,   ///< the engine that owns the tuple
    unhashed,  ///< the same for a segment behind extension headers: devices differ in what they hash then
    quoted,    ///< the same, for an ICMP error: the tuple is that of our quoted segment
    everyone,  ///< each engine gets a copy: ARP replies, neighbour and router advertisements, and probes for
               ///< duplicate addresses, because every engine has its own neighbours and addresses. IPv6: only
               ///< with hop limit 255
    first,     ///< engine 0: frames that belong to no connection
    ipv6,      ///< classify() only: classify_v6() tells
};

/// The engine that a frame belongs to, derived from its bytes.
template <typename Tuple>
struct BasicDestination {
    using Kind = DestinationKind;
    Kind kind = Kind::first;
    bool opens = false;  ///< kind segment: it has SYN, so it may open a connection
    Tuple tuple{};       ///< kinds segment, unhashed, quoted: in the direction from the peer to us
};
using Destination = BasicDestination<FlowTuple>;
using Destination6 = BasicDestination<FlowTuple6>;

/// Classifies an Ethernet frame with or without VLAN tags. TCP goes by its tuple, an ICMP error by the tuple
/// of our segment that it quotes, reversed; for other frames and fragments see DestinationKind. Neither
/// function reads beyond `length`. Malformed frames go to `first`, whose engine counts them.
Destination classify(const uint8_t* frame, uint32_t length) noexcept;
/// The same for a frame of kind ipv6. It passes up to eight extension headers, in the packet and in a quote.
Destination6 classify_v6(const uint8_t* frame, uint32_t length) noexcept;

/// Maps tuples to engines, identically on all engines of a device, and owns the rings between them. It is
/// built when the device is opened; afterwards only the rings and the flag change.
class SteeringPlan {
  public:
    /// Software: a keyed hash, so that a remote host cannot choose tuples that all map to one engine.
    SteeringPlan(unsigned engines, HashKey key);
    /// RSS with the settings read back from the device; as many queues as engines.
    SteeringPlan(unsigned engines, HashKey key, RssPrediction prediction);
    /// The device's RSS also hashes TCP over IPv6, with the settings read back. Without this call, software
    /// chooses the engine of an IPv6 segment. Call it before the engines run.
    void predict_v6(RssPrediction6 prediction);

    Steering kind() const noexcept { return kind_; }
    /// Whether the device's RSS should have put a segment of this family into its engine's queue.
    bool predicts(const FlowTuple&) const noexcept { return kind_ == Steering::rss; }
    bool predicts(const FlowTuple6&) const noexcept { return prediction6_ != nullptr; }
    unsigned engines() const noexcept { return engines_; }

    /// The engine that owns a tuple.
    /// @note cost: software about 25 cycles, RSS 12 loads.
    unsigned engine_of(const FlowTuple& tuple) const noexcept {
        if (engines_ == 1) return 0;
        if (kind_ == Steering::rss) return prediction_.queue(tuple);
        return software_engine_of(tuple);
    }
    unsigned engine_of(const FlowTuple6& tuple) const noexcept {
        if (engines_ == 1) return 0;
        return prediction6_ != nullptr ? prediction6_->queue(tuple) : software_engine_of(tuple);
    }
    /// A bit for each of the 64 destination ports from the tuple's on (a multiple of 64): set if the engine
    /// owns it.
    /// @note cost: as engine_of().
    uint64_t owned_ports(unsigned engine, const FlowTuple& first) const noexcept {
        if (engines_ == 1) return ~uint64_t{0};
        if (kind_ == Steering::rss) return prediction_.owned_ports(patterns_[engine], first);
        return software_ports(engine, first);
    }
    uint64_t owned_ports(unsigned engine, const FlowTuple6& first) const noexcept {
        if (engines_ == 1) return ~uint64_t{0};
        return prediction6_ != nullptr ? prediction6_->owned_ports(patterns6_[engine], first)
                                       : software_ports(engine, first);
    }

    /// RSS only: whether a segment arrived at another queue than predicted. From then on every segment is
    /// checked. Before, only segments with SYN are, because a connection whose SYN arrives as predicted
    /// continues to do so.
    bool check_all() const noexcept { return check_all_.load(std::memory_order_relaxed); }
    void distrust() noexcept { check_all_.store(true, std::memory_order_relaxed); }

    using Mailbox = SpscRing<rte_mbuf*>;
    /// Received frames, forwarded from one engine to another.
    Mailbox& received(unsigned from, unsigned to) noexcept { return *received_[from * engines_ + to]; }
    /// Frames to send, from an engine without a tx queue to the engine that sends for it.
    Mailbox& to_send(unsigned from) noexcept { return *to_send_[from]; }

  private:
    /// Software: consecutive destination ports of a block map to the engines in turn. A keyed hash of the
    /// block and of the rest of the tuple chooses the first engine.
    static constexpr unsigned kBlock = 64;
    static uint64_t every_nth(unsigned engines) noexcept;
    uint32_t block_hash(const FlowTuple& tuple) const noexcept {
        const uint32_t ports = uint32_t{tuple.source_port} << 16 | tuple.destination_port / kBlock;
        return static_cast<uint32_t>(
            siphash<1, 3>(key_, uint64_t{tuple.source} << 32 | tuple.destination, ports) >> 33);
    }
    uint32_t block_hash(const FlowTuple6& tuple) const noexcept {
        const auto [source0, source1] = tuple.source.words();
        const auto [destination0, destination1] = tuple.destination.words();
        const uint32_t ports = uint32_t{tuple.source_port} << 16 | tuple.destination_port / kBlock;
        return static_cast<uint32_t>(siphash_words<1, 3>(key_, source0, source1, destination0, destination1,
                                                         uint64_t{36} << 56 | ports) >>
                                     33);
    }
    template <typename Flow>
    unsigned software_engine_of(const Flow& tuple) const noexcept {
        return (block_hash(tuple) + tuple.destination_port % kBlock) % engines_;
    }
    template <typename Flow>
    uint64_t software_ports(unsigned engine, const Flow& first) const noexcept {
        const unsigned begin = (engine + engines_ - block_hash(first) % engines_) % engines_;
        return begin < kBlock ? every_nth_ << begin : 0;
    }
    void make_mailboxes();

    Steering kind_;
    unsigned engines_;
    HashKey key_;
    RssPrediction prediction_;
    std::vector<std::vector<uint64_t>> patterns_;  ///< RSS: for each engine
    std::unique_ptr<RssPrediction6> prediction6_;  ///< null: IPv6 is steered by software
    std::vector<std::vector<uint64_t>> patterns6_;
    uint64_t every_nth_;  ///< software: bits 0, engines_, 2 engines_...
    std::atomic<bool> check_all_{false};
    std::vector<std::unique_ptr<Mailbox>> received_;
    std::vector<std::unique_ptr<Mailbox>> to_send_;
};

}  // namespace synfin::port
