/// @file
/// Fields of synfin bench.

#include "field_table.hh"

namespace synfin::app {

void add_bench_fields(FieldTable& table) {
    constexpr uint64_t kMostConnections = 128 * kMillions;  // per engine
    table.scalar("bench.profile", "--profile", kBench, "NAME", choice<BenchConfig::Profile>(),
                 AT(bench.profile), "connect, crr, http, rr, stream or idle: the kind of load");
    table
        .optional("bench.connections", "-c,--connections", kBench, "N", count(1, kMostConnections),
                  AT(bench.connections), "concurrent connections per pair of engines")
        .when_absent = "by profile";
    table.scalar("bench.family", "--family", kBench, "4|6", family(), AT(bench.family),
                 "the IP version of the packets");
    table
        .scalar("bench.count", "-n,--count", kBench, "N", count(0, kNoLimit), AT(bench.count),
                "stop after N connections per pair")
        .when_absent = "no limit";
    table
        .scalar("bench.duration", "-d,--duration", kBench, "TIME", duration(), AT(bench.duration),
                "how long to open connections")
        .when_absent = "5s, or until --count";
    table.scalar("bench.request-size", "--request-size", kBench, "SIZE", size(1, 1u << 20),
                 AT(bench.request_size), "size of a request (crr, rr, stream)");
    table.scalar("bench.response-size", "--response-size", kBench, "SIZE", size(0, 1u << 20),
                 AT(bench.response_size), "size of a response (crr, rr, http)");
    table
        .optional("bench.hold", "--hold", kBench, "TIME", duration(), AT(bench.hold),
                  "idle: open all connections, keep them for this long, then close them; -d limits opening "
                  "and keeping together")
        .when_absent = "until -d";
    table.flag("bench.await-time-wait", "--await-time-wait", kBench, AT(bench.await_time_wait),
               "run until TIME-WAIT is over, and report the records left");
    table
        .optional("bench.close-by", "--close-by", kBench, "client|server", choice<CloseBy>(),
                  AT(bench.close_by), "crr, http: which end closes first")
        .when_absent = "server";
    table.scalar(
        "bench.beside", "--beside", kBench, "N", count(0, kMostConnections), AT(bench.beside),
        "idle connections per pair of engines in addition to the profile's, established before it begins");
    table.scalar("bench.loss", "--loss", kBench, "PERCENT", percent(), AT(bench.loss_ppm),
                 "share of frames that the wire drops in each direction, such as 1%; a deviation");
    table.scalar("bench.loss-seed", "--loss-seed", kBench, "N", count(0, kNoLimit), AT(bench.loss_seed),
                 "selects the dropped frames: the same seed gives the same loss");
    table.flag("bench.ledger", "--ledger", kBench, AT(bench.ledger), "report the engines' cycles by stage");
    table.flag("bench.model", "--model", kBench, AT(bench.model),
               "estimate the figures on 10 to 400 GbE with 1 to 64 cores");
}

}  // namespace synfin::app
