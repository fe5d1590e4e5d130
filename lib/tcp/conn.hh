#pragma once
/// @file
/// Conn: the records of one connection, as passed to the functions of the core.

#include <algorithm>
#include <cstdint>

#include "tcp/flow.hh"
#include "tcp/recovery.hh"
#include "tcp/tcb.hh"

namespace synfin::tcp {

/// One connection: its control block, and the further records that it has at present. Pass it by value; where
/// the callee is inlined this costs nothing.
struct Conn {
    Tcb& tcb;
    Flow* flow = nullptr;     ///< null: nothing is queued or in flight
    Recovery* rec = nullptr;  ///< null: at most one segment is in flight, or the pool was empty. Never set
                              ///< without `flow`
};

/// Expiries of the retransmission timer since the last progress: new text acknowledged, or, without a record,
/// an RTT sample. Flow::backoff alone counts too many: Karn keeps it until text that was sent once is
/// acknowledged (RFC 6298 5.7). The connection has a Flow.
inline uint32_t expiries_of(Conn c) noexcept {
    const uint8_t backoff = c.flow->backoff;
    return c.rec != nullptr ? std::min(c.rec->expiries, backoff) : backoff;
}

}  // namespace synfin::tcp
