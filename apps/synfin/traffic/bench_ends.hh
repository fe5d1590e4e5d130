#pragma once
/// @file
/// The measurements of the two ends of a bench pair.

#include "client_run.hh"
#include "synfin/core_time.hh"
#include "synfin/counters.hh"
#include "synfin/event.hh"

namespace synfin::app {

/// Measurements of the client's end that its ClientRun does not have.
struct ClientEnd {
    MemoryUse memory{};     ///< at the end of the measured time
    uint64_t resident = 0;  ///< bytes of the whole process then
};

/// Measurements of the server's end.
struct ServerEnd {
    Counters measured{};     ///< of the measured time
    Counters final{};        ///< from the start to the generator's last connection
    BusyCycles cycles{};     ///< of the measured time
    MemoryUse memory{};      ///< at its end
    size_t application = 0;  ///< bytes of the server application's records, after the run
};

/// One pair, after the run.
struct PairEnds {
    const ClientRun* run;
    ClientEnd client;
    ServerEnd server;
};

}  // namespace synfin::app
