#pragma once
/// @file
/// Cold: the record that Flow::cold indexes. The core only keeps the index; the stack fills the record.

#include <cstdint>

#include "buf/byte_queue.hh"
#include "synfin/close_reason.hh"

namespace synfin::tcp {

/// Rarely needed state of a connection: out-of-order text, text that the application has not taken, a user
/// timeout of its own, a place in the list of connections that wait for blocks.
struct alignas(64) Cold {
    buf::ByteQueue held;  ///< text in order, acknowledged, not yet taken by the application
    uint32_t held_bytes = 0;
    uint32_t shown_bytes = 0;   ///< bytes at the front of `held` that on_data is reading now
    uint32_t reassembly = 0;    ///< index of the record in the ReassemblyPool, 0: none
    uint32_t user_timeout = 0;  ///< ticks, 0: the configured one (RFC 5482)
    bool event_queued = false;  ///< a data event for `held` is in the queue
    bool paused = false;  ///< the application left text: no data events until it calls resume() or receive()
    bool fin_waits = false;  ///< report the peer's FIN when `held` has been read
    bool ending = false;     ///< the connection has ended; only `held` remains to be read
    bool waits = false;      ///< send() found no block: in the list of waiters
    uint32_t index = 0;      ///< index of the control block, for that list
    uint32_t wait_next = 0, wait_prev = 0;
    CloseReason reason = CloseReason::fin;
};

}  // namespace synfin::tcp
