#pragma once
/// @file
/// IPv4, IPv6, TCP, ICMP and ICMPv6 packets for the tests, built and read by code that is independent of the
/// library, so that the tests do not repeat the library's mistakes.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "family.hh"
#include "synfin/units.hh"

namespace synfin::fakes {

inline constexpr int kFin = 1, kSyn = 2, kRst = 4, kPsh = 8, kAck = 16, kUrg = 32, kEce = 64, kCwr = 128;

/// The timestamps option (RFC 7323 3.2), absolute values.
struct Ts {
    uint32_t val = 0;
    uint32_t ecr = 0;
    bool operator==(const Ts&) const = default;
};

inline constexpr uint8_t kTcp = 6, kIcmp = 1, kIcmp6 = 58;
inline constexpr uint8_t kHopByHop = 0, kRouting = 43, kFragment = 44, kDestination = 60;

/// An IPv6 extension header. build() fills in the first octet, the type of what follows.
struct Extension {
    uint8_t type = kHopByHop;
    std::vector<uint8_t> body{};  ///< from the second octet on; with the first a multiple of 8
};

/// A whole packet; every field is absolute and in host byte order. The family is that of `src`.
struct Packet {
    Instant at{};  ///< when it was sent or delivered
    IpAddress src{}, dst{};
    uint8_t ttl = 64;  ///< IPv6: the hop limit
    uint8_t tos = 0;   ///< IPv6: the traffic class
    uint8_t protocol = kTcp;
    uint16_t id = 0;
    bool df = true;                       ///< IPv6: always
    uint16_t fragment = 0;                ///< IPv4: the flags-and-offset field without DF
    std::vector<uint8_t> ip_options{};    ///< IPv4; padded to a multiple of 4 by the caller
    uint32_t flow_label = 0;              ///< IPv6, 20 bits
    std::vector<Extension> extensions{};  ///< IPv6, in their order
    uint16_t sport = 0, dport = 0;
    uint32_t seq = 0, ack = 0;
    int flags = 0;
    int reserved = 0;  ///< the four bits after the data offset
    uint16_t wnd = 0, urg = 0;
    std::optional<uint16_t> mss{};
    std::optional<int> wscale{};
    bool sack_ok = false;
    std::optional<Ts> ts{};
    std::vector<std::pair<uint32_t, uint32_t>> sack{};
    std::vector<uint8_t> options{};  ///< raw; in build(): used instead of the fields above when not empty
    std::vector<uint8_t> payload{};
    std::vector<uint8_t> bytes{};  ///< parse(): the packet's bytes

    bool has(int f) const { return (flags & f) == f; }
    /// SEG.LEN: payload, SYN and FIN.
    uint32_t seg_len() const {
        return static_cast<uint32_t>(payload.size()) + ((flags & kSyn) ? 1 : 0) + ((flags & kFin) ? 1 : 0);
    }
};

/// RFC 1071 over `bytes`, starting from `sum`; not yet complemented.
uint32_t ones_sum(Bytes bytes, uint32_t sum = 0);

/// The packet as bytes, with correct checksums. TCP options are ordered and padded as by Linux.
std::vector<uint8_t> build(const Packet& packet);

/// Recomputes the checksums of a packet that was changed by hand: IPv4 header, TCP, ICMPv6.
void fix_checksums(std::vector<uint8_t>& bytes);

/// Reads a packet that the stack sent and checks it: lengths, both checksums, reserved bits zero, options
/// well formed, no ACK number without ACK.
/// @return the packet; errors go to `complaint` (empty: none).
Packet parse(Bytes bytes, std::string& complaint);

/// Quote the IP header and eight bytes more (ICMP), or as much as fits 1280 bytes (ICMPv6).
inline constexpr size_t kUsualQuote = SIZE_MAX;

/// An ICMP or ICMPv6 error, by the family of `from`, that quotes the first `quote` bytes of `original`.
/// `rest` is the second word of the header: the next-hop MTU in its low half (RFC 1191), or in the whole word
/// (RFC 4443 3.2).
std::vector<uint8_t> icmp_error(const IpAddress& from, const IpAddress& to, uint8_t type, uint8_t code,
                                Bytes original, uint32_t rest = 0, size_t quote = kUsualQuote);

/// An ICMPv6 message: `body` follows type, code and checksum.
std::vector<uint8_t> icmp6(const Ipv6& from, const Ipv6& to, uint8_t type, uint8_t code, Bytes body,
                           uint8_t hop_limit = 64);

/// The ICMPv6 message of a packet from its type on, or nothing when it carries another protocol.
Bytes icmp6_of(const Packet& packet);

/// "[S.]", as tcpdump prints flags.
std::string flags_text(int flags);

/// One line, as tcpdump prints it; sequence numbers relative to the two ISNs (seq_base: the sender's).
std::string text(const Packet& packet, Instant origin, uint32_t seq_base, uint32_t ack_base);

}  // namespace synfin::fakes
