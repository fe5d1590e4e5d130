/// @file
/// Fields of a scenario, which serve and load share.

#include "field_table.hh"

namespace synfin::app {

void add_scenario_fields(FieldTable& table) {
    constexpr unsigned kBoth = kServe | kLoad;
    table.scalar("scenario.name", "--scenario", kBoth, "NAME", any_text(), AT(scenario.name),
                 "a standard's procedure: rfc9411/http-cps, -throughput, -latency, -concurrency, "
                 "rfc3511/teardown-rate or dash/hero");
    table.scalar("scenario.target", "", kBoth, "N", count(0, kNoLimit), AT(scenario.target),
                 "value to reach: connections per second, connections, or bits per second, by scenario");
    table
        .optional("scenario.initial", "", kBoth, "N", count(1, kNoLimit), AT(scenario.initial),
                  "value of the first step, which must meet the criteria")
        .when_absent = "a tenth of the target";
    table
        .list("scenario.objects", "", kBoth, "SIZE", size(1, 1ull << 40), AT(scenario.objects),
              "sizes of the objects, one row of the result each")
        .when_absent = "the standard's";
    table.flag("scenario.short", "", kBoth, AT(scenario.is_short),
               "phases of seconds instead of minutes; the result lists it as a departure");
    table.list("scenario.clients", "", kBoth, "ADDR[-ADDR]/LENGTH", addresses(), AT(scenario.clients),
               "addresses of load, if it has no --address");
    table.list("scenario.servers", "", kBoth, "ADDR[-ADDR]/LENGTH", addresses(), AT(scenario.servers),
               "addresses of serve, if it has no --address, and targets of load, if it has none");
}

}  // namespace synfin::app
