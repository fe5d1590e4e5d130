#pragma once
/// @file
/// Flow: the second cache line of a connection.

#include <cstdint>
#include <type_traits>

#include "buf/byte_queue.hh"
#include "synfin/tcp_config.hh"
#include "tcp/seq.hh"

namespace synfin::tcp {

/// Flow::flags.
enum FlowFlag : uint16_t {
    kTiming = 1 << 0,          ///< rtt_seq is being timed (RFC 6298 3)
    kSmallInFlight = 1 << 1,   ///< a segment shorter than the MSS, which ends at `mark`, is unacknowledged
    kCapped = 1 << 2,          ///< cwnd has not grown by every byte that was acknowledged
    kRecovery = 1 << 3,        ///< in fast recovery (RFC 6582; with SACK: RFC 8985, RFC 9937)
    kRetransmitting = 1 << 4,  ///< after an RTO without SACK: [mark, SND.NXT) must be sent again
    kRetransmitOne = 1 << 5,   ///< the segment at SND.UNA must be sent again now
    kProbe = 1 << 6,           ///< a zero-window or keepalive probe must be sent now
    kRecoverSet = 1 << 7,    ///< SND.UNA has not passed Recovery::recover; without a record the two are equal
    kKeepalive = 1 << 8,     ///< idle for the keepalive time: `backoff` counts unanswered probes
    kRtoRecovery = 1 << 9,   ///< after an RTO with SACK, until Recovery::recover is acknowledged
    kRepair = 1 << 10,       ///< Recovery names text to send again, or a tail loss probe is due
    kCwrDue = 1 << 11,       ///< cwnd was reduced: the next new text carries CWR (RFC 3168 6.1.2)
    kEceAnswered = 1 << 12,  ///< ECE asks for nothing new until Recovery::ecn_end has been passed
    kEcnRecovery = 1 << 13,  ///< cwnd comes down because of ECE, until Recovery::ecn_end is acknowledged
    kNoLoss = kTiming | kSmallInFlight | kCapped,  ///< may be set while no loss is being repaired
};

/// What a connection needs only while it has data queued, in flight or lost.
struct alignas(64) Flow {
    buf::ByteQueue send_queue;     //  0  bytes from SND.UNA on
    Seq snd_end;                   // 16  sequence number after the last queued byte (FIN not counted)
    uint32_t cold = 0;             // 20  index of the cold record, 0: none
    uint32_t cwnd_bytes = 0;       // 24
    uint32_t ssthresh_bytes = 0;   // 28
    uint32_t recovery = 0;         // 32  index of the recovery record, 0: none
    Seq mark;                      // 36  with kRetransmitting: next to send again; with kSmallInFlight: the
                                   //     end of the last small segment (RFC 9293 A.3). Never both
    uint32_t srtt_us = 0;          // 40  0: no sample
    uint32_t rttvar_us = 0;        // 44
    uint32_t rtt_start_us = 0;     // 48  when rtt_seq was sent
    Seq rtt_seq;                   // 52  the sample ends when this is acknowledged
    uint16_t max_snd_wnd = 0;      // 56  MAX.SND.WND >> shift (RFC 5961 5.2)
    uint16_t unacked_since_s = 0;  // 58  tick / 1024 since when the octet at SND.UNA is awaited (R2)
    uint8_t backoff = 0;           // 60  timer expiries since the last acknowledgement
    CongestionControl control = CongestionControl::newreno;  // 61
    uint16_t flags = 0;                                      // 62

    constexpr bool has(FlowFlag flag) const noexcept { return (flags & flag) != 0; }
    void set(FlowFlag flag) noexcept { flags = static_cast<uint16_t>(flags | flag); }
    void clear(FlowFlag flag) noexcept { flags = static_cast<uint16_t>(flags & ~flag); }
    void stop_keepalive() noexcept {
        if (!has(kKeepalive)) return;
        clear(kKeepalive);
        backoff = 0;
    }
};
static_assert(sizeof(Flow) == 64 && std::is_trivially_copyable_v<Flow>);

}  // namespace synfin::tcp
