/// @file
/// Fields of synfin bench.

#include "field_table.hh"

namespace synfin::app {

void add_bench_fields(FieldTable& table) {
    constexpr uint64_t kMostConnections = 128 * kMillions;  // of one engine, in memory
    table.scalar("bench.profile", "--profile", kBench, "NAME", choice<BenchConfig::Profile>(),
                 AT(bench.profile), "connect, crr, http, rr, stream or idle");
    table
        .optional("bench.connections", "-c,--connections", kBench, "N", count(1, kMostConnections),
                  AT(bench.connections), "concurrent connections per pair of engines")
        .when_absent = "by profile";
    table
        .scalar("bench.count", "-n,--count", kBench, "N", count(0, kNoLimit), AT(bench.count),
                "stop after N connections per pair")
        .when_absent = "no limit";
    table
        .scalar("bench.duration", "-d,--duration", kBench, "TIME", duration(), AT(bench.duration),
                "how long to open connections")
        .when_absent = "5s, or until --count";
    table.scalar("bench.request-size", "--request-size", kBench, "SIZE", size(1, 1u << 20),
                 AT(bench.request_size), "bytes of a request (crr, rr, stream)");
    table.scalar("bench.response-size", "--response-size", kBench, "SIZE", size(0, 1u << 20),
                 AT(bench.response_size), "bytes of a response (crr, rr, http)");
    table
        .optional("bench.hold", "--hold", kBench, "TIME", duration(), AT(bench.hold),
                  "idle: open all -c, keep them for this long, close them; -d is the most that opening and "
                  "keeping may take")
        .when_absent = "until -d";
    table.flag("bench.await-time-wait", "--await-time-wait", kBench, AT(bench.await_time_wait),
               "stay until TIME-WAIT is over and tell what is left");
    table
        .optional("bench.close-by", "--close-by", kBench, "client|server", choice<CloseBy>(),
                  AT(bench.close_by), "crr, http: which end closes first")
        .when_absent = "server";
    table.scalar("bench.beside", "--beside", kBench, "N", count(0, kMostConnections), AT(bench.beside),
                 "idle connections per pair of engines beside the profile's: established before it begins");
    table.scalar("bench.loss", "--loss", kBench, "PERCENT", percent(), AT(bench.loss_ppm),
                 "frames that the wire loses in each direction, such as 1%; a deviation");
    table.scalar("bench.loss-seed", "--loss-seed", kBench, "N", count(0, kNoLimit), AT(bench.loss_seed),
                 "which frames: the same seed, the same loss");
    table.flag("bench.ledger", "--ledger", kBench, AT(bench.ledger),
               "where the engines' cycles go, by stage");
    table.flag("bench.model", "--model", kBench, AT(bench.model),
               "what the figures come to on 10 to 400 GbE with 1 to 64 cores");
}

}  // namespace synfin::app
