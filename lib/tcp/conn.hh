#pragma once
/// @file
/// Conn: the records of one connection, as passed to the functions of the core.

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

}  // namespace synfin::tcp
