#pragma once
/// @file
/// Recovery: the third record of a connection, which exists only while something is lost.

#include <cstdint>
#include <type_traits>

#include "tcp/tcb.hh"

namespace synfin::tcp {

/// What repairs a loss beside the retransmission timer. The stack makes the record before the core takes the
/// first duplicate ACK or a time-out (wants_recovery()), and frees it when keeps_recovery() says so.
///
/// A connection that gets no record, because the pool is empty, repairs losses by its retransmission timer
/// alone: duplicate ACKs are counted and do nothing else. All that the timer needs is in Flow.
struct Recovery {
    Seq recover;           //  0  RFC 6582, with kRecoverSet: SND.NXT when the last loss was accounted for
    uint8_t dup_acks = 0;  //  4  duplicate ACKs in a row
    uint8_t spare[3] = {};
};
static_assert(sizeof(Recovery) == 8 && std::is_trivially_copyable_v<Recovery>);

}  // namespace synfin::tcp
