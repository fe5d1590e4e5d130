#pragma once
/// @file
/// Automatic size of the receive window: it follows what the application reads in a round trip ("dynamic
/// right-sizing", Fisk and Feng 2001), by Linux's rule. The window is twice that amount, so that the peer can
/// double its rate in each round trip.

#include <cstdint>
#include <type_traits>

#include "tcp/core.hh"

namespace synfin::tcp {

/// State of one connection that receives much. Connections without it offer the start value.
struct ReceiveTuning {
    uint32_t limit = 0;     ///<  0  bytes that the window may offer; never falls
    uint32_t most = 0;      ///<  4  most bytes that the application has read in a round trip
    Seq round_begin;        ///<  8  first octet that the application reads in this round trip
    uint32_t round_us = 0;  ///< 12  Now::us at its begin
    uint32_t rtt_us = 0;    ///< 16  round-trip time as the receiver sees it; 0: not known yet
    uint32_t echo = 0;      ///< 20  the last TSecr that gave a sample
};
static_assert(sizeof(ReceiveTuning) == 24 && std::is_trivially_copyable_v<ReceiveTuning>);

/// Begins with a window of `limit` bytes. `unread`: bytes that the application has left so far.
ReceiveTuning start_receive_tuning(const Tcb& tcb, uint32_t limit, uint32_t unread,
                                   const Context& ctx) noexcept;

/// A segment with text has been processed; at the end of a round trip this raises `limit`, to `most` at most.
/// @param unread bytes that the application has left so far: they do not open the window further
/// @param most   bytes; a value below `limit` keeps it as it is
/// @note cost: about 40 instructions; the offset of timestamps once per millisecond.
void on_text_received(ReceiveTuning& tuning, const Tcb& tcb, const Segment& seg, uint32_t unread,
                      uint32_t most, const Context& ctx) noexcept;

}  // namespace synfin::tcp
