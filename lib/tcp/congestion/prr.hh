#pragma once
/// @file
/// Proportional rate reduction (RFC 9937): how much may be sent for each ACK of a fast recovery, so that cwnd
/// comes down to ssthresh smoothly. The names are the RFC's.

#include <algorithm>
#include <cstdint>

#include "tcp/conn.hh"
#include "tcp/loss/scoreboard.hh"

namespace synfin::tcp::prr {

/// A recovery begins; Flow::ssthresh_bytes is the new one. SND.UNA and the scoreboard include the ACK that
/// found the loss.
inline void begin(Conn c, const scoreboard::Delivered& d) noexcept {
    Recovery& rec = *c.rec;
    rec.prr_delivered = rec.prr_out = 0;
    rec.recover_fs = c.tcb.in_flight() + d.acked - (rec.sacked - d.sacked);
}

/// Each ACK of the recovery, the first one included. `safe`: SND.UNA advanced, and no further loss was found
/// (SafeACK).
/// @return cwnd.
inline uint32_t window(Conn c, const scoreboard::Delivered& d, bool safe) noexcept {
    Recovery& rec = *c.rec;
    const uint32_t ssthresh = c.flow->ssthresh_bytes, smss = c.tcb.text_mss();
    const uint32_t in_flight = rec.pipe(c.tcb);
    // Text that the scoreboard had to forget may be reported again, and would count twice. No more can
    // arrive than was in flight when the recovery began, and what has left since.
    const uint64_t most = uint64_t{rec.recover_fs} + rec.prr_out;
    rec.prr_delivered =
        static_cast<uint32_t>(std::min<uint64_t>(uint64_t{rec.prr_delivered} + d.bytes, most));
    uint32_t snd_cnt = 0;
    if (in_flight > ssthresh) {
        const uint64_t fs = rec.recover_fs != 0 ? rec.recover_fs : 1;
        const uint64_t share = (uint64_t{rec.prr_delivered} * ssthresh + fs - 1) / fs;
        snd_cnt = share > rec.prr_out ? static_cast<uint32_t>(share - rec.prr_out) : 0;
    } else {
        const uint32_t owed = rec.prr_delivered > rec.prr_out ? rec.prr_delivered - rec.prr_out : 0;
        snd_cnt = owed > d.bytes ? owed : d.bytes;
        if (safe) snd_cnt += smss;
        if (snd_cnt > ssthresh - in_flight) snd_cnt = ssthresh - in_flight;
    }
    if (rec.prr_out == 0 && snd_cnt < smss) snd_cnt = smss;  // the fast retransmit
    return in_flight + snd_cnt;
}

/// cwnd when a loss is found and nothing has been delivered: what delivered text still permits, or one
/// segment.
inline uint32_t least_window(Conn c) noexcept {
    const Recovery& rec = *c.rec;
    const uint32_t owed = rec.prr_delivered > rec.prr_out ? rec.prr_delivered - rec.prr_out : 0;
    return rec.pipe(c.tcb) + std::max(owed, c.tcb.text_mss());
}

}  // namespace synfin::tcp::prr
