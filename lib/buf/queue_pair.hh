#pragma once
/// @file
/// Port: what an engine needs of a device queue, as a concept. Implemented by port::DevicePort (DPDK: ethdev
/// queue or in-memory wire) and by buf::MemoryPort (plain memory: tests, virtual time, fuzzing).

#include <concepts>
#include <cstdint>

#include "synfin/units.hh"

namespace synfin::buf {

/// What the device says of a received packet's checksums.
enum class Verdict : uint8_t { unknown, good, bad };

/// What a port does for its packets; read from the device, never assumed.
struct QueueCaps {
    bool ethernet = true;         ///< frames start with an Ethernet header; false: with the IPv4 header
    bool rx_ip_checksum = false;  ///< verdicts of the IPv4 header checksum can be trusted
    bool rx_tcp_checksum = false;
    bool tx_ip_checksum = false;   ///< fills the IPv4 header checksum where asked
    bool tx_tcp_checksum = false;  ///< completes the TCP checksum from the pseudo-header's sum, where asked
    uint16_t max_frame = 1514;     ///< bytes that a packet buffer can carry
    /// TSO: bytes of a frame in a large packet, which the device cuts into segments; 0: it cuts none. Goes
    /// with tx_tcp_checksum.
    uint16_t large_frame = 0;
    /// The 802.1Q tag that the port has put on every frame that it sends, and takes off every frame that it
    /// receives (others are dropped and counted there): the engine's frames have none. 0: tags, if any, are
    /// the engine's.
    uint16_t vid = 0;
    uint16_t rx_burst = 32, tx_burst = 32;  ///< packets at a time that suit the device, 1..32
    Mac mac{};
};

/// What emission tells the port of a packet to send.
struct TxMeta {
    uint8_t l2_len = 0;         ///< bytes
    uint8_t l3_len = 0;         ///< bytes
    bool ip_checksum = false;   ///< ask the device; only when QueueCaps offers it
    bool tcp_checksum = false;  ///< ask the device; the field then holds the pseudo-header's sum
    uint8_t l4_len = 0;         ///< bytes, options included; with segment_bytes
    /// TSO, large packets only: ask the device to send the text, a multiple of so many bytes, as segments of
    /// so many each; 0: it is one segment. Each gets the headers, with SEG.SEQ, lengths and checksums of its
    /// own. ACK is the only flag. The TCP checksum's field then holds the pseudo-header's sum without the
    /// length.
    uint16_t segment_bytes = 0;
};

/// Bytes of room before a packet's data that reset() leaves, at least.
inline constexpr uint32_t kHeadroom = 64;

template <typename P>
concept QueuePair = requires(P port, typename P::Packet* packet, typename P::Packet** packets, uint16_t n,
                             uint32_t length, const TxMeta& meta, Ipv4 addr) {
    /// The first byte of the frame (or IP packet), contiguous for length() bytes.
    { P::data(packet) } -> std::same_as<uint8_t*>;
    { P::length(packet) } -> std::same_as<uint32_t>;
    { P::is_contiguous(packet) } -> std::same_as<bool>;
    { P::ip_verdict(packet) } -> std::same_as<Verdict>;
    { P::tcp_verdict(packet) } -> std::same_as<Verdict>;
    /// Takes up to n packets from the queue; the engine owns them then.
    { port.rx_burst(packets, n) } -> std::same_as<uint16_t>;
    /// Gives packets to the device; it owns the first k (the result), the engine keeps the others.
    { port.tx_burst(packets, n) } -> std::same_as<uint16_t>;
    /// An empty packet: data() points at room for caps().max_frame bytes. Null when the pool is empty.
    { port.alloc() } -> std::same_as<typename P::Packet*>;
    /// The same with room for caps().large_frame bytes. Asked for only where that is not 0.
    { port.alloc_large() } -> std::same_as<typename P::Packet*>;
    {port.free(packet)};
    /// Makes a received packet, owned alone, an empty one for sending. False when it cannot be (shared,
    /// foreign pool): free it.
    { port.reset(packet) } -> std::same_as<bool>;
    /// Sets the length and what the device must do; data() is complete otherwise.
    {P::finish(packet, length, meta)};
    { port.caps() } -> std::same_as<const QueueCaps&>;
    /// Of the 64 local ports from the second argument on, a multiple of 64, those to which packets from the
    /// remote address and port arrive at this queue's engine: what an active open asks before it takes a
    /// source port. All where there is one engine. @note cost: as one hash, not 64.
    { port.owned_ports(addr, n, addr, n) } -> std::same_as<uint64_t>;
};

}  // namespace synfin::buf
