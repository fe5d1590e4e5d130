#pragma once
/// @file
/// Recovery: the third record of a connection, which exists only while a loss is repaired or duplicate ACKs
/// are counted.

#include <cstdint>
#include <type_traits>

#include "tcp/tcb.hh"

namespace synfin::tcp {

/// State of loss recovery, apart from the retransmission timer's, which is in Flow. The stack makes the
/// record before the core takes the first duplicate ACK or a timeout (wants_recovery(),
/// wants_recovery_at_timeout()). It frees the record when keeps_recovery() returns false.
///
/// If the pool is empty, a connection repairs losses by its retransmission timer alone and ignores duplicate
/// ACKs.
struct Recovery {
    Seq recover;  //  0  RFC 6582, valid with kRecoverSet: SND.NXT when the repair of the last loss began
    uint8_t dup_acks = 0;  //  4  duplicate ACKs in a row
    uint8_t spare[3] = {};
};
static_assert(sizeof(Recovery) == 8 && std::is_trivially_copyable_v<Recovery>);

}  // namespace synfin::tcp
