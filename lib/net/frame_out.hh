#pragma once
/// @file
/// FrameOut: builds the frames that an engine sends: TCP segments from a header template, echo replies, ARP,
/// ICMPv6 parameter problems.

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "base/aes128.hh"
#include "buf/block_pool.hh"
#include "buf/byte_queue.hh"
#include "buf/queue_pair.hh"
#include "net/link.hh"
#include "net/local_addresses.hh"
#include "net/segment_out.hh"
#include "wire/arp.hh"
#include "wire/checksum.hh"
#include "wire/ipv4.hh"
#include "wire/ipv6.hh"
#include "wire/ipv6_extensions.hh"
#include "wire/tcp.hh"
#include "wire/tcp_options.hh"
#include "wire/word_writer.hh"

namespace synfin::net {

/// Frames with an IP packet are complete except for the destination MAC address, the first 6 bytes of a link
/// header; the caller fills it in. Checksums are computed here, or left to the device if QueueCaps offers
/// that.
class FrameOut {
  public:
    /// The length of a frame in bytes, and the offloads that it requests from the device.
    struct Built {
        uint32_t length;
        buf::TxMeta meta;
    };

    /// @param ours must outlive this object.
    /// @param dscp 0..63; like ttl, for every IP packet. IPv6 calls them hop limit and traffic class.
    /// @param flow_label_key secret; not the key of another function.
    FrameOut(const LocalAddresses& ours, const Link& link, const buf::QueueCaps& caps, uint8_t ttl,
             uint8_t dscp, HashKey flow_label_key) noexcept;

    /// One segment; its text is copied from `blocks`. `frame` has room for QueueCaps::max_frame bytes.
    /// @return its length in bytes; the device is asked for segment_meta().
    [[gnu::always_inline]] uint32_t build(uint8_t* frame, const SegmentOut& s,
                                          const buf::BlockPool& blocks) const noexcept {
        return write(frame, s, blocks, by_device_);
    }
    /// Whether the device has to do anything for a segment.
    bool needs_device() const noexcept { return by_device_.bits != 0; }
    buf::TxMeta segment_meta() const noexcept {
        return {.l2_len = static_cast<uint8_t>(l2_),
                .l3_len = wire::kIpv4Bytes,
                .ip_checksum = by_device_.ip(),
                .tcp_checksum = by_device_.tcp()};
    }

    /// Several segments in one frame that the device cuts (TSO). `frame` has room for QueueCaps::large_frame
    /// bytes; s.segment_bytes is not 0.
    Built build_large(uint8_t* frame, const SegmentOut& s, const buf::BlockPool& blocks) const noexcept;

    /// build(), segment_meta() and build_large() for a segment to an IPv6 peer.
    [[gnu::always_inline]] uint32_t build6(uint8_t* frame, const SegmentOut& s,
                                           const buf::BlockPool& blocks) const noexcept {
        return write6(frame, s, blocks, by_device_);
    }
    buf::TxMeta segment_meta6() const noexcept {
        return {.l2_len = static_cast<uint8_t>(l2_),
                .l3_len = wire::kIpv6Bytes,
                .tcp_checksum = by_device_.tcp(),
                .is_v6 = true};
    }
    Built build_large6(uint8_t* frame, const SegmentOut& s, const buf::BlockPool& blocks) const noexcept;

    /// Sets ECT(0) in the IP header of a frame that was built (RFC 3168 5), which had no ECN codepoint, and
    /// its IPv4 checksum unless the device computes that.
    void set_ect(uint8_t* frame, bool is_v6) const noexcept;

    /// The flow label of a connection (RFC 6437): 1..0xfffff, the same for all its segments, and a keyed
    /// function, so that nobody can guess it. It depends on the tuple with the folded address, so it changes
    /// from process to process, which RFC 6437 3 allows.
    /// @note cost: 16 instructions, for each segment to an IPv6 peer.
    uint32_t flow_label(const Tuple& t) const noexcept {
        const auto hash = static_cast<uint32_t>(flow_labels_(t.word0(), t.word1()));
        return static_cast<uint32_t>(uint64_t{hash} * wire::kFlowLabelMask >> 32) + 1;
    }

    /// Most bytes of text in a large frame of any family that we have; 0: the device does not segment.
    uint32_t large_text() const noexcept { return large_text_; }

    /// The reply to an echo request (RFC 1122 3.2.2.6). `icmp`: the request; `asked`: its IPv4 header.
    /// @return the frame's length; `frame` has room for echo_reply_bytes(icmp).
    uint32_t build_echo_reply(uint8_t* frame, Bytes icmp, const wire::Ipv4Header& asked) const noexcept;
    uint32_t echo_reply_bytes(Bytes icmp) const noexcept {
        return l2_ + wire::kIpv4Bytes + static_cast<uint32_t>(icmp.size());
    }

    /// The same for IPv6 (RFC 4443 4.2). The source is the asked address, or for a multicast group our
    /// address towards the sender.
    uint32_t build_echo_reply6(uint8_t* frame, Bytes icmp, const wire::Ipv6Header& asked) const noexcept;
    uint32_t echo_reply6_bytes(Bytes icmp) const noexcept {
        return l2_ + wire::kIpv6Bytes + static_cast<uint32_t>(icmp.size());
    }

    /// An ICMPv6 parameter problem (RFC 4443 3.4) about a packet, of which it quotes as much as fits into
    /// 1,280 bytes. `ip` is the packet's header. The caller limits the rate.
    /// @return the frame's length; `frame` has room for most_problem_bytes().
    uint32_t build_parameter_problem(uint8_t* frame, const wire::ParameterProblem& problem, Bytes packet,
                                     const wire::Ipv6Header& ip) const noexcept;
    uint32_t most_problem_bytes() const noexcept { return l2_ + wire::kLeastIpv6Mtu; }

    /// Builds a complete frame with an ARP packet and returns its length. Only on Ethernet.
    uint32_t build_arp(uint8_t* frame, const wire::ArpPacket& arp, const Mac& to) const noexcept;

    /// The tuple, in the connection table's form, of a SYN in an IPv4 frame that we built; none: the frame
    /// has no SYN.
    std::optional<Tuple> tuple_of_syn(const uint8_t* frame) const noexcept;

  private:
    /// Which checksums the device computes. One byte, because each segment reads it several times.
    struct Sums {
        uint8_t bits;
        explicit Sums(const buf::QueueCaps& caps) noexcept
            : bits(static_cast<uint8_t>((caps.tx_ip_checksum ? 1 : 0) | (caps.tx_tcp_checksum ? 2 : 0))) {}
        bool ip() const noexcept { return (bits & 1) != 0; }
        bool tcp() const noexcept { return (bits & 2) != 0; }
    };

    /// The length and checksum's sum of a segment that was just written.
    struct Written {
        uint32_t length;  ///< bytes of header and text
        uint64_t sum;     ///< checksum's sum as a number in host order, without the pseudo-header
    };
    /// Writes a TCP header with checksum 0, and the text.
    [[gnu::always_inline]] static Written write_tcp(uint8_t* tcp, const SegmentOut& s,
                                                    const buf::BlockPool& blocks, Sums by_device) noexcept;
    [[gnu::always_inline]] uint32_t write6(uint8_t* frame, const SegmentOut& s, const buf::BlockPool& blocks,
                                           Sums by_device) const noexcept;
    /// Copies the link header for IPv6 and writes the IPv6 header of a packet that answers `to`.
    void write_answer6(uint8_t* frame, const wire::Ipv6Header& to, uint32_t payload_length) const noexcept;

    [[gnu::always_inline]] uint32_t write(uint8_t* frame, const SegmentOut& s, const buf::BlockPool& blocks,
                                          Sums by_device) const noexcept;

    /// The template of each segment's frame: link and IPv4 header, with zero for destination MAC, length,
    /// addresses and checksum. At most 42 bytes, rounded up so that whole vector moves copy it.
    static constexpr uint32_t kHeadBytes = 48;
    static_assert(kHeadBytes >= wire::kEtherBytes + 2 * wire::kVlanTagBytes + wire::kIpv4Bytes);

    const LocalAddresses& ours_;
    const Ipv4* const own4_;  ///< LocalAddresses::all4(): a load less for each segment
    const Link link_;
    const uint32_t l2_;  ///< bytes before the IPv4 header
    const Sums by_device_;
    alignas(8) std::array<uint8_t, kHeadBytes> head_{};
    uint64_t head_sum_ = 0;  ///< checksum's sum over the template's IPv4 header
    uint32_t large_text_ = 0;
    uint8_t ttl_;

    /// The template for IPv6: link header, and the 8 bytes before the addresses.
    static constexpr uint32_t kHead6Bytes = 32;
    static_assert(kHead6Bytes >= wire::kEtherBytes + 2 * wire::kVlanTagBytes + 8);
    alignas(8) std::array<uint8_t, kHead6Bytes> head6_{};
    uint32_t first_word6_;  ///< version and traffic class
    uint32_t count4_;       ///< of our addresses: the index of the first IPv6 one
    const Ipv6* own6_;
    Aes128 flow_labels_;
};

inline FrameOut::Written FrameOut::write_tcp(uint8_t* tcp, const SegmentOut& s, const buf::BlockPool& blocks,
                                             Sums by_device) noexcept {
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
        buf::copy_out(blocks, *s.text, s.offset, text);
        if (!by_device.tcp()) text_sum = wire::fold(wire::sum_bytes(text));
    }
    return {header + s.len, fixed.sum() + options.sum() + text_sum};
}

inline uint32_t FrameOut::write(uint8_t* frame, const SegmentOut& s, const buf::BlockPool& blocks,
                                Sums by_device) const noexcept {
    uint8_t* ip = frame + l2_;
    uint8_t* tcp = ip + wire::kIpv4Bytes;
    std::memcpy(frame, head_.data(), kHeadBytes);
    const Written written = write_tcp(tcp, s, blocks, by_device);

    wire::WordWriter addresses(ip + 12);
    addresses.put(own4_[s.tuple.local_index].value);
    addresses.put(s.tuple.remote_addr);
    const uint32_t total_length = wire::kIpv4Bytes + written.length;
    wire::store_be16(ip + 2, static_cast<uint16_t>(total_length));
    if (!by_device.ip())
        wire::store_be16(
            ip + 10, static_cast<uint16_t>(~wire::fold_numbers(head_sum_ + addresses.sum() + total_length)));
    const uint64_t pseudo = addresses.sum() + wire::kProtocolTcp + written.length;
    wire::store_be16(tcp + wire::kTcpChecksumAt,
                     by_device.tcp() ? wire::fold_numbers(pseudo)
                                     : static_cast<uint16_t>(~wire::fold_numbers(pseudo + written.sum)));
    return l2_ + total_length;
}

inline uint32_t FrameOut::write6(uint8_t* frame, const SegmentOut& s, const buf::BlockPool& blocks,
                                 Sums by_device) const noexcept {
    uint8_t* ip = frame + l2_;
    uint8_t* tcp = ip + wire::kIpv6Bytes;
    std::memcpy(frame, head6_.data(), kHead6Bytes);
    const Written written = write_tcp(tcp, s, blocks, by_device);

    wire::store_be32(ip, first_word6_ | flow_label(s.tuple));
    wire::store_be16(ip + 4, static_cast<uint16_t>(written.length));
    const Ipv6& own = own6_[s.tuple.local_index - count4_];
    std::memcpy(ip + 8, own.octets.data(), 16);
    std::memcpy(ip + 24, s.remote6.octets.data(), 16);
    // The bytes of a sum in reverse order are the sum of the numbers in host order.
    const uint64_t pseudo =
        __builtin_bswap64(wire::pseudo_header_sum(own, s.remote6, wire::kProtocolTcp, written.length));
    wire::store_be16(tcp + wire::kTcpChecksumAt,
                     by_device.tcp()
                         ? wire::fold_numbers(pseudo)
                         : static_cast<uint16_t>(~wire::fold_numbers(wire::join_sums(pseudo, written.sum))));
    return l2_ + wire::kIpv6Bytes + written.length;
}

}  // namespace synfin::net
