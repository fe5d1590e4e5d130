#pragma once
/// @file
/// FrameIn: parses a received frame, with the device's checksum verdicts, into a TCP segment, an ARP packet,
/// an ICMP or ICMPv6 message, or the reason why the frame is dropped.

#include <bit>
#include <cstdint>
#include <optional>

#include "base/address_hash.hh"
#include "buf/queue_pair.hh"
#include "net/link.hh"
#include "net/local_addresses.hh"
#include "net/segment_in.hh"
#include "synfin/counters.hh"
#include "wire/checksum.hh"
#include "wire/frame_pattern.hh"
#include "wire/ipv4.hh"
#include "wire/ipv6.hh"
#include "wire/ipv6_extensions.hh"
#include "wire/tcp.hh"
#include "wire/tcp_options.hh"

namespace synfin::net {

/// A frame in one buffer, and the device's verdicts on its checksums.
struct ReceivedFrame {
    const uint8_t* data;
    uint32_t length;  ///< bytes
    buf::Verdict ip_verdict, tcp_verdict;
};

enum class FrameKind : uint8_t {
    segment,        ///< a TCP segment, in the SegmentIn
    arp,            ///< `payload`: the ARP packet
    echo_request,   ///< `payload`: the ICMP message, checksum verified; `ip`: its IPv4 header
    icmp,           ///< `payload`: any other ICMP message, checksum verified
    discovery,      ///< `payload`: ICMPv6 of neighbour discovery or MLD, checksum verified; `ip6` is set
    echo_request6,  ///< `payload`: the ICMPv6 message, checksum verified; `ip6` is set
    icmp6,          ///< `payload`: any other ICMPv6 message, checksum verified; `ip6` is set
    dropped,        ///< `drop` says why
};

struct FrameContent {
    FrameKind kind = FrameKind::dropped;
    DropReason drop = DropReason::none;
    Bytes payload;
    wire::Ipv4Header ip;
    wire::Ipv6Header ip6;
    /// Dropped IPv6 packets only: the sender is to be told, within a rate limit. `payload` is then the whole
    /// packet, and `ip6` its header.
    std::optional<wire::ParameterProblem> problem{};
};

/// Stateless after construction. Every failed check returns a DropReason, which the caller counts.
class FrameIn {
  public:
    /// @param ours must outlive this object.
    /// @param fold makes Tuple::remote_addr of IPv6 segments.
    FrameIn(const LocalAddresses& ours, const Link& link, const AddressFold& fold) noexcept;

    /// Fast path, with one condition per line, for nearly all frames: a TCP segment in IPv4 without IP
    /// options, with the expected link header. False: something is unusual or wrong, so call read(). read()
    /// accepts every segment that this accepts (tests/unit/stack/usual_packet_test.cc).
    [[gnu::always_inline]] bool read_usual(const ReceivedFrame& frame, SegmentIn& out) const noexcept {
        constexpr uint32_t kHeaders = wire::kIpv4Bytes + wire::kTcpBytes;
        if (frame.length < l2_ + kHeaders) return false;
        // For our MAC, with our tags; IPv4 without options, no fragment; TCP?
        if (!usual_.matches(frame.data)) return false;
        const uint8_t* ip = frame.data + l2_;
        const uint32_t total_length = wire::load_be16(ip + 2);
        if (total_length - kHeaders > frame.length - l2_ - kHeaders)
            return false;  // whole packet received, with room for a TCP header?
        const uint32_t local = ours_.find(Ipv4{wire::load_be32(ip + 16)});
        if (local == LocalAddresses::kNone) return false;  // for an address of ours?
        if (frame.ip_verdict == buf::Verdict::bad || frame.tcp_verdict == buf::Verdict::bad) return false;
        if (frame.ip_verdict == buf::Verdict::unknown && !wire::ipv4_checksum_ok(ip)) return false;
        const uint8_t* tcp = ip + wire::kIpv4Bytes;
        const uint32_t tcp_length = total_length - wire::kIpv4Bytes;
        if (frame.tcp_verdict == buf::Verdict::unknown && !wire::tcp_checksum_ok(ip + 12, tcp_length))
            return false;
        if (!read_segment(tcp, tcp_length, out)) return false;
        const uint32_t ports = std::rotl(wire::load_be32(tcp), 16);  // as they lie in a Tuple: one store
        out.tuple = {wire::load_be32(ip + 12), static_cast<uint16_t>(ports),
                     static_cast<uint16_t>(ports >> 16), local};
        return true;
    }

    /// The same for a TCP segment directly behind an IPv6 header.
    [[gnu::always_inline]] bool read_usual6(const ReceivedFrame& frame, SegmentIn& out) const noexcept {
        constexpr uint32_t kHeaders = wire::kIpv6Bytes + wire::kTcpBytes;
        if (frame.length < l2_ + kHeaders) return false;
        if (!usual6_.matches(frame.data)) return false;  // for our MAC, with our tags; IPv6, then TCP?
        const uint8_t* ip = frame.data + l2_;
        const uint32_t tcp_length = wire::load_be16(ip + 4);
        if (tcp_length - wire::kTcpBytes > frame.length - l2_ - kHeaders)
            return false;  // whole packet received, with room for a TCP header?
        const uint32_t local = ours_.find(*reinterpret_cast<const Ipv6*>(ip + 24));
        if (local == LocalAddresses::kNone) return false;  // for an address of ours?
        if (frame.tcp_verdict == buf::Verdict::bad) return false;
        if (frame.tcp_verdict == buf::Verdict::unknown && !wire::tcp_checksum6_ok(ip + 8, tcp_length))
            return false;
        const uint8_t* tcp = ip + wire::kIpv6Bytes;
        if (!read_segment(tcp, tcp_length, out)) return false;
        set_peer6(ip, tcp, local, out);
        return true;
    }

    /// Parses any frame. Sets `segment` if the kind is FrameKind::segment.
    FrameContent read(const ReceivedFrame& frame, SegmentIn& segment) const noexcept;

  private:
    FrameContent read_ip(const ReceivedFrame& frame, Bytes bytes, SegmentIn& segment) const noexcept;
    FrameContent read_tcp(const ReceivedFrame& frame, const wire::Ipv4Header& ip, Bytes bytes, uint32_t local,
                          SegmentIn& segment) const noexcept;
    FrameContent read_ip6(const ReceivedFrame& frame, Bytes bytes, bool mac_is_multicast,
                          SegmentIn& segment) const noexcept;
    FrameContent read_tcp6(const ReceivedFrame& frame, const uint8_t* ip, Bytes bytes, uint32_t local,
                           SegmentIn& segment) const noexcept;
    FrameContent read_icmp6(const wire::Ipv6Header& ip, Bytes icmp, bool is_atomic_fragment) const noexcept;
    void expect_link(wire::FramePattern& pattern, uint16_t ethertype) const noexcept;

    /// Sets the addresses and ports of a segment behind an IPv6 header at `ip`.
    [[gnu::always_inline]] void set_peer6(const uint8_t* ip, const uint8_t* tcp, uint32_t local,
                                          SegmentIn& out) const noexcept {
        // Ipv6 is 16 octets without alignment.
        const auto* remote = reinterpret_cast<const Ipv6*>(ip + 8);
        const uint32_t ports = std::rotl(wire::load_be32(tcp), 16);  // as they lie in a Tuple: one store
        out.remote6 = remote;
        out.tuple = {fold_(*remote), static_cast<uint16_t>(ports), static_cast<uint16_t>(ports >> 16), local};
    }

    /// Parses a segment whose checksum has been verified. False: the header length or the options are
    /// malformed.
    [[gnu::always_inline]] static bool read_segment(const uint8_t* tcp, uint32_t length,
                                                    SegmentIn& out) noexcept {
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
            set_timestamps(wire::load_be32(options + 4), wire::load_be32(options + 8), seg);
            if ((seg.flags & wire::kSyn) == 0) return true;  // the core reads the other options on SYN only
        }
        return read_options(Bytes(options, header - wire::kTcpBytes), seg);
    }
    /// Parses any options. False: malformed.
    static bool read_options(Bytes bytes, tcp::Segment& seg) noexcept;
    static void read_sack(Bytes bytes, tcp::Segment& seg) noexcept;
    static void set_timestamps(uint32_t ts_val, uint32_t ts_ecr, tcp::Segment& seg) noexcept {
        seg.has_ts = true;
        seg.sack_count = 0;
        seg.ts_val = ts_val;
        seg.ts_ecr = (seg.flags & wire::kAck) != 0 ? ts_ecr : 0;  // RFC 7323 3.2: valid with ACK only
    }

    const LocalAddresses& ours_;
    const Link link_;
    const uint32_t l2_;          ///< bytes before the IP header
    wire::FramePattern usual_;   ///< frames that read_usual() accepts
    wire::FramePattern usual6_;  ///< frames that read_usual6() accepts
    const AddressFold fold_;
};

}  // namespace synfin::net
