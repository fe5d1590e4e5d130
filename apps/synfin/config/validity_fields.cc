/// @file
/// Fields of validity: from where on a run's figures are not the target's. results/verdict.cc judges by them.

#include "field_table.hh"

namespace synfin::app {

void add_validity_fields(FieldTable& table) {
    constexpr unsigned kRuns = kBench | kLoad;
    table.scalar("validity.slip", "", kRuns, "TIME", duration(), AT(validity.slip),
                 "open loop: how late connections may be opened (p99 of the slip); a run is invalid beyond "
                 "this and beyond slip-of-connect");
    table.scalar("validity.slip-of-connect", "", kRuns, "PERCENT", percent(), AT(validity.slip_of_connect),
                 "open loop: the same limit as a share of the p99 of connect latency");
    table.scalar("validity.gap", "", kRuns, "TIME", duration(), AT(validity.gap),
                 "an engine counts as away when its loop pauses for longer while work is due");
    table.scalar("validity.lost", "", kRuns, "PERCENT", percent(), AT(validity.lost),
                 "share of the run that an engine may be away; beyond, bench and an open loop are invalid, a "
                 "closed loop has a warning");
    table.scalar("validity.offered", "", kRuns, "PERCENT", percent(), AT(validity.offered),
                 "share of the connections asked for that may remain unopened");
    table.scalar(
        "validity.waited", "", kRuns, "PERCENT", percent(), AT(validity.waited),
        "closed loop: share of the run that the generator may wait for a source port or a connection "
        "record");
    table.scalar("validity.stale-syn", "", kRuns, "PERCENT", percent(), AT(validity.stale_syn),
                 "share of the SYNs that targets may refuse at first because of an old TIME-WAIT");
    table.scalar("validity.drops", "", kRuns, "PERCENT", percent(), AT(validity.drops),
                 "share of the packets that this end may drop");
}

}  // namespace synfin::app
