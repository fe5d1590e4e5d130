/// @file
/// Fields of the section `validity`: the limits beyond which a run is invalid. results/verdict.cc applies
/// them.

#include "field_table.hh"

namespace synfin::app {

void add_validity_fields(FieldTable& table) {
    constexpr unsigned kRuns = kBench | kLoad;
    table.scalar("validity.slip", "", kRuns, "TIME", duration(), AT(validity.slip),
                 "open loop: limit of the slip (p99 of how late connections open); the run is invalid when "
                 "it exceeds this and slip-of-connect");
    table.scalar("validity.slip-of-connect", "", kRuns, "PERCENT", percent(), AT(validity.slip_of_connect),
                 "open loop: limit of the slip as a share of the p99 of connect latency");
    table.scalar("validity.gap", "", kRuns, "TIME", duration(), AT(validity.gap),
                 "an engine counts as away while its loop pauses for longer than this with work due");
    table.scalar("validity.lost", "", kRuns, "PERCENT", percent(), AT(validity.lost),
                 "share of the run that an engine may be away; more makes bench and an open loop invalid, "
                 "and gives a closed loop a warning");
    table.scalar("validity.offered", "", kRuns, "PERCENT", percent(), AT(validity.offered),
                 "share of the requested connections that may remain unopened");
    table.scalar(
        "validity.waited", "", kRuns, "PERCENT", percent(), AT(validity.waited),
        "closed loop: share of the run that the generator may wait for a source port or a connection "
        "record");
    table.scalar("validity.stale-syn", "", kRuns, "PERCENT", percent(), AT(validity.stale_syn),
                 "share of the SYNs that targets may refuse because of an old TIME-WAIT");
    table.scalar("validity.drops", "", kRuns, "PERCENT", percent(), AT(validity.drops),
                 "share of the packets that synfin may drop");
}

}  // namespace synfin::app
