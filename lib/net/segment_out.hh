#pragma once
/// @file
/// SegmentOut: a TCP segment to send, without addresses, checksums and the text itself.

#include <cstdint>

#include "base/tuple.hh"
#include "buf/byte_queue.hh"
#include "tcp/core.hh"
#include "wire/tcp_options.hh"

namespace synfin::net {

struct SegmentOut : tcp::Outgoing {
    Tuple tuple;
    Ipv6 remote6;  ///< IPv6: the peer's address, which the tuple holds folded. IPv4: not set
    buf::ByteQueue* text = nullptr;  ///< holds the text, from Outgoing::offset on; null: no text
    uint32_t ts_val = 0, ts_ecr = 0;
    bool timestamps = false;
    bool sack_permitted = false, window_scale = false;  ///< on SYN
    uint16_t mss = 0;                                   ///< on SYN
    uint8_t shift = 0;                                  ///< on SYN
    uint8_t sack_count = 0;
    /// The first sack_count blocks are set. The others stay uninitialised, which saves stores in every
    /// segment.
    wire::SackBlock sack[wire::kMaxSackBlocks];  // NOLINT(cppcoreguidelines-pro-type-member-init)
};

}  // namespace synfin::net
