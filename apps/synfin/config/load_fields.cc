/// @file
/// Fields of a load as a whole.

#include "field_table.hh"

namespace synfin::app {

void add_load_fields(FieldTable& table) {
    table
        .scalar("load.duration", "-d,--duration", kLoad, "TIME", duration(), AT(load.duration),
                "how long to open connections")
        .when_absent = "10s, or until --count";
    table.scalar("load.ramp", "--ramp", kLoad, "TIME", duration(), AT(load.ramp),
                 "increase the rate, or the number of connections, linearly over this time");
    table
        .criteria("load.criteria", "--pass", kLoad,
                  "criteria that the run must meet to pass, for example 'failed<0.1%, connect.p99<5ms, "
                  "cps>=100k, status(5xx)=0'; repeatable")
        .when_absent = "failed<1%";
}

}  // namespace synfin::app
