#pragma once
/// @file
/// RACK: loss detection by time (RFC 8985 6). A segment is lost when one that was sent later has been
/// delivered, and the reordering window has passed since.

#include <cstdint>

#include "tcp/conn.hh"
#include "tcp/loss/scoreboard.hh"
#include "tcp/params.hh"

namespace synfin::tcp::rack {

/// 6.2 steps 1 to 3: what an ACK says about the path. `echo_us`: how long ago the segment was sent that the
/// ACK's timestamp echoes, at most; UINT32_MAX: unknown.
void update(Conn c, const scoreboard::Delivered& delivered, uint32_t echo_us, const Now& now) noexcept;

/// 6.2 step 4, after a D-SACK that ends at `right`, or at the end of a recovery: adapts the reordering
/// window.
void note_duplicate(Conn c, Seq right) noexcept;
void note_end_of_recovery(Recovery& rec) noexcept;

/// 6.2 step 4: the reordering window, in microseconds.
uint32_t reordering_window(const Flow& flow, const Recovery& rec, uint32_t smss) noexcept;
inline uint32_t reordering_window(Conn c) noexcept {
    return reordering_window(*c.flow, *c.rec, c.tcb.text_mss());
}

/// 6.2 step 5: marks lost segments, and sets Recovery::reorder_us to the time until the next may be.
/// @return whether any was marked.
bool detect_losses(Conn c, const Now& now) noexcept;

/// 6.3: marks what counts as lost when the retransmission timer expires: the first segment, and all that are
/// older than a round trip and the reordering window.
void mark_losses_on_rto(Conn c, const Now& now) noexcept;

}  // namespace synfin::tcp::rack
