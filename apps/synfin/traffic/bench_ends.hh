#pragma once
/// @file
/// What the two ends of a bench's pair have counted.

#include "client_run.hh"
#include "synfin/core_time.hh"
#include "synfin/counters.hh"
#include "synfin/event.hh"

namespace synfin::app {

/// What the client's end of a pair needs, beside what its ClientRun knows.
struct ClientEnd {
    MemoryUse memory{};     ///< at the end of the measured time
    uint64_t resident = 0;  ///< bytes of the whole process then
};

/// What the server's end of a pair has counted.
struct ServerEnd {
    Counters measured{};     ///< of the measured time
    Counters final{};        ///< from its beginning to the generator's last connection
    BusyCycles cycles{};     ///< of the measured time
    MemoryUse memory{};      ///< at its end
    size_t application = 0;  ///< bytes that the server keeps for its connections, after the run
};

/// One pair, after the run.
struct PairEnds {
    const ClientRun* run;
    ClientEnd client;
    ServerEnd server;
};

}  // namespace synfin::app
