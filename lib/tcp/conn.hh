#pragma once
/// @file
/// Conn: the records of one connection, as the functions of the core take them.

#include "tcp/flow.hh"
#include "tcp/recovery.hh"
#include "tcp/tcb.hh"

namespace synfin::tcp {

/// One connection: its control block, and the further records that it has at present. It is passed by value;
/// a function that is inlined pays nothing for it.
struct Conn {
    Tcb& tcb;
    Flow* flow = nullptr;     ///< null: nothing is queued or in flight
    Recovery* rec = nullptr;  ///< null: nothing is lost, or there was no record for it. Never without `flow`
};

}  // namespace synfin::tcp
