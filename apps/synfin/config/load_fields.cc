/// @file
/// Fields of a load as a whole.

#include "field_table.hh"

namespace synfin::app {

void add_load_fields(FieldTable& table) {
    table
        .optional("load.family", "--family", kLoad, "4|6", family(), AT(load.family),
                  "for names with addresses of both families: the one to use")
        .when_absent = "the family of --address; if both, IPv6";
    table
        .optional("load.source-ports", "--source-ports", kLoad, "A-B", ports(), AT(load.source_ports),
                  "source ports to use")
        .when_absent = "32768-60999";
    table
        .scalar("load.duration", "-d,--duration", kLoad, "TIME", duration(), AT(load.duration),
                "how long to open connections")
        .when_absent = "10s, or until --count";
    table.scalar("load.ramp", "--ramp", kLoad, "TIME", duration(), AT(load.ramp),
                 "increase the rate, or the number of connections, linearly over this time");
    table.scalar("load.seed", "--seed", kLoad, "N", count(0, kNoLimit), AT(load.seed),
                 "start of the random numbers: the same seed gives the same times and sizes");
    table.scalar("load.warmup", "--warmup", kLoad, "TIME", duration(), AT(load.warmup),
                 "the first part of --duration, which is not measured");
    table.scalar("load.phases.init", "", kLoad, "TIME", duration(), AT(load.phases.init),
                 "resolve the next hops, and open nothing before this time");
    table.scalar("load.phases.ramp-up", "", kLoad, "TIME", duration(), AT(load.phases.ramp_up),
                 "increase the rate, or the number of connections, linearly from 0");
    table
        .scalar("load.phases.sustain", "", kLoad, "TIME", duration(), AT(load.phases.sustain),
                "the measured part: rates, latencies and criteria are taken here")
        .when_absent = "what the other phases leave of --duration";
    table.scalar("load.phases.ramp-down", "", kLoad, "TIME", duration(), AT(load.phases.ramp_down),
                 "open nothing, and end the connections evenly");
    table
        .scalar("load.series", "--series", kLoad, "FILE", any_text(), AT(load.series),
                "write a line of JSON with the figures of each second, while the run goes on")
        .when_absent = "none";
    table
        .criteria("load.criteria", "--pass", kLoad, AT(load.criteria),
                  "criteria that the run must meet to pass, for example 'failed<0.1%, connect.p99<5ms, "
                  "cps>=100k, status(5xx)=0'; repeatable")
        .when_absent = "failed<1%";
    table.scalar("load.repeat", "--repeat", kLoad, "N", count(1, 1'000), AT(load.repeat),
                 "run N times; the result has the median run and the spread of each figure");
    table.scalar("load.pause", "", kLoad, "TIME", duration(), AT(load.pause),
                 "between two runs of a repetition or search, counted from when both ends are empty");
    table.scalar("load.search.kind", "--search", kLoad, "KIND", choice<SearchConfig::Kind>(),
                 AT(load.search.kind),
                 "find the greatest rate, request-rate or number of connections that meets --until; it "
                 "begins with the one given");
    table.criteria("load.search.until", "--until", kLoad, AT(load.search.until),
                   "search: criteria that a trial must meet, for example 'failed<0.1%, connect.p99<5ms'; "
                   "repeatable");
    table.scalar("load.search.resolution", "", kLoad, "PERCENT", percent(), AT(load.search.resolution),
                 "search: how far the value found may lie below the least that failed");
    table.scalar(
        "load.search.trial", "", kLoad, "TIME", duration(10ms), AT(load.search.trial),
        "search: duration of a short trial; --duration is that of the trial that confirms the value");
    table
        .scalar("load.search.most", "", kLoad, "N", count(0, 1000 * kMillions), AT(load.search.most),
                "search: the greatest value to try; it sizes the pools")
        .when_absent = "1M for each core; 1M connections";
}

}  // namespace synfin::app
