#pragma once
/// @file
/// Cold: the record that Flow::cold is an index of. The core only keeps the index; the stack fills the
/// record.

#include <cstdint>

#include "buf/byte_queue.hh"
#include "synfin/close_reason.hh"

namespace synfin::tcp {

/// What a connection has only when something unusual happened: out-of-order text, or text that the
/// application left.
struct alignas(64) Cold {
    buf::ByteQueue held;  ///< in order, acknowledged, not taken by the application
    uint32_t held_bytes = 0;
    uint32_t shown_bytes = 0;   ///< of `held`, from the front: on_data is reading them now
    uint32_t reassembly = 0;    ///< record of the ReassemblyPool, 0: none
    uint32_t user_timeout = 0;  ///< ticks, 0: the configuration's (RFC 5482)
    bool event_queued = false;  ///< a data event for `held` is in the queue
    bool paused = false;        ///< the application left text: it asks with resume() or receive()
    bool fin_waits = false;     ///< the peer's FIN is to be told when `held` has been read
    bool ending = false;        ///< the connection is over but for `held`
    bool waits = false;         ///< send() found no block: it is in the list of those that wait for one
    uint32_t index = 0;         ///< of the control block, in that list
    uint32_t wait_next = 0, wait_prev = 0;
    CloseReason reason = CloseReason::fin;
};

}  // namespace synfin::tcp
