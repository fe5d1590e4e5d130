#pragma once
/// @file
/// Segment: a received TCP segment for the core: SEG.SEQ, SEG.ACK... of RFC 9293 3.3.1, in host byte order.

#include <cstdint>

#include "tcp/seq.hh"
#include "wire/tcp.hh"
#include "wire/tcp_options.hh"

namespace synfin::tcp {

/// Segment::flags: the IP header says "congestion experienced" (RFC 3168 5). It lies beside the flags of the
/// TCP header, so that segments which have neither cost nothing.
inline constexpr uint16_t kCe = 0x100;

struct Segment {
    Seq seq;                 ///< SEG.SEQ
    Seq ack;                 ///< SEG.ACK; meaningful with the ACK flag
    uint32_t len = 0;        ///< bytes of text, without SYN and FIN: SEG.LEN is span()
    uint16_t wnd = 0;        ///< SEG.WND as on the wire, not scaled
    uint16_t flags = 0;      ///< wire::kSyn..., kCe
    bool has_ts = false;     ///< timestamps option present
    uint8_t sack_count = 0;  ///< valid entries of `sack`, 0..4
    uint32_t ts_val = 0;
    uint32_t ts_ecr = 0;
    // Options that are valid on SYN only.
    uint16_t mss = 0;  ///< 0: option absent
    bool has_wscale = false;
    uint8_t wscale = 0;
    bool sack_permitted = false;
    /// The peer's blocks in its order (RFC 2018 3, RFC 2883 4), not checked. The others stay uninitialised,
    /// so that a segment without blocks costs nothing.
    wire::SackBlock sack[wire::kMaxSackBlocks];  // NOLINT(cppcoreguidelines-pro-type-member-init)

    constexpr bool has(uint16_t flag) const noexcept { return (flags & flag) != 0; }
    /// SEG.LEN: text and one for each of SYN and FIN.
    constexpr uint32_t span() const noexcept {
        return len + (has(wire::kSyn) ? 1u : 0u) + (has(wire::kFin) ? 1u : 0u);
    }
};

}  // namespace synfin::tcp
