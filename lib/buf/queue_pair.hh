#pragma once
/// @file
/// QueuePair: the concept of a device queue pair that an engine uses. Models: port::DevicePort (Ethernet
/// queue, memif, packet socket or in-memory wire) and buf::MemoryPort (plain memory: tests, virtual time,
/// fuzzing).

#include <concepts>
#include <cstdint>

#include "synfin/units.hh"

namespace synfin::buf {

/// The device's verdict on a checksum of a received packet.
enum class Verdict : uint8_t { unknown, good, bad };

/// What a queue pair does for its packets; read from the device, never assumed.
struct QueueCaps {
    bool ethernet = true;          ///< frames start with an Ethernet header; false: with an IP header
    bool rx_ip_checksum = false;   ///< verdicts on the IPv4 header checksum can be trusted
    bool rx_tcp_checksum = false;  ///< verdicts on the TCP checksum, of either family
    bool tx_ip_checksum = false;   ///< fills the IPv4 header checksum on request
    bool tx_tcp_checksum = false;  ///< completes the TCP checksum from the pseudo-header's sum on request
    uint16_t max_frame = 1514;     ///< bytes of the longest frame that a packet buffer holds
    /// TSO: bytes of the longest large packet, which the device cuts into segments, of either family; 0: no
    /// TSO. Requires tx_tcp_checksum.
    uint16_t large_frame = 0;
    /// The VID of the 802.1Q tag that the queue pair inserts into every frame sent and removes from every
    /// frame received; it drops and counts frames without that tag. The engine's frames then have no tag. 0:
    /// the engine handles tags itself.
    uint16_t vid = 0;
    uint16_t rx_burst = 32, tx_burst = 32;  ///< preferred burst sizes in packets, 1..32
    Mac mac{};
    /// Of the queue pairs of one device: whether its engine speaks for all engines (IPv6 duplicate detection,
    /// multicast listener reports, router solicitations).
    bool first = true;
};

/// What the engine tells the queue pair about a packet to send.
struct TxMeta {
    uint8_t l2_len = 0;         ///< bytes
    uint8_t l3_len = 0;         ///< bytes
    bool ip_checksum = false;   ///< the device fills it; only if QueueCaps offers it
    bool tcp_checksum = false;  ///< the device completes it; the field holds the pseudo-header's sum
    bool is_v6 = false;         ///< an IPv6 packet, so without ip_checksum
    uint8_t l4_len = 0;         ///< bytes, options included; with segment_bytes
    /// TSO, large packets only: the device cuts the text into segments of this many bytes each; 0: the packet
    /// is one segment. The length of the text is a multiple of this value. The device copies the headers to
    /// each segment and sets its SEG.SEQ, lengths and checksums. ACK is the only flag. The TCP checksum field
    /// holds the pseudo-header's sum without the length.
    uint16_t segment_bytes = 0;
};

/// reset() leaves at least this many bytes of room before a packet's data.
inline constexpr uint32_t kHeadroom = 64;

template <typename P>
concept QueuePair = requires(P port, typename P::Packet* packet, typename P::Packet** packets, uint16_t n,
                             uint32_t length, const TxMeta& meta, Ipv4 addr, const Ipv6& addr6) {
    /// The first byte of the frame (or IP packet), contiguous for length() bytes.
    { P::data(packet) } -> std::same_as<uint8_t*>;
    { P::length(packet) } -> std::same_as<uint32_t>;
    { P::is_contiguous(packet) } -> std::same_as<bool>;
    { P::ip_verdict(packet) } -> std::same_as<Verdict>;
    { P::tcp_verdict(packet) } -> std::same_as<Verdict>;
    /// Takes up to n packets from the queue; the engine then owns them.
    { port.rx_burst(packets, n) } -> std::same_as<uint16_t>;
    /// Gives packets to the device. It owns the first k (the result); the engine keeps the others.
    { port.tx_burst(packets, n) } -> std::same_as<uint16_t>;
    /// An empty packet: data() points at room for caps().max_frame bytes. Null when the pool is empty.
    { port.alloc() } -> std::same_as<typename P::Packet*>;
    /// The same with room for caps().large_frame bytes. Called only if that is not 0.
    { port.alloc_large() } -> std::same_as<typename P::Packet*>;
    {port.free(packet)};
    /// Turns a received packet into an empty one for sending. Returns false when it cannot (shared, foreign
    /// pool): free the packet then.
    { port.reset(packet) } -> std::same_as<bool>;
    /// Sets the length and the device's tasks; the caller has written the bytes.
    {P::finish(packet, length, meta)};
    { port.caps() } -> std::same_as<const QueueCaps&>;
    /// Arguments: local address, first local port (a multiple of 64), remote address, remote port. Returns a
    /// bit for each of the 64 local ports from the first on: set if packets from the remote address and port
    /// to it arrive at this queue's engine. An active open calls it to choose a source port. All bits are set
    /// with one engine.
    /// @note cost: one hash, not 64.
    { port.owned_ports(addr, n, addr, n) } -> std::same_as<uint64_t>;
    { port.owned_ports(addr6, n, addr6, n) } -> std::same_as<uint64_t>;
};

}  // namespace synfin::buf
