/// @file
/// Fields of a load that each of its classes can set, too.

#include "field_table.hh"

namespace synfin::app {

void add_traffic_fields(FieldTable& table) {
    table.begin_of_class();
    table.list("load.target", "", kLoad, "TARGET", target(), AT(load.targets),
               "http://HOST[:PORT]/PATH or tcp://HOST:PORT, an IPv6 HOST in brackets; repeatable, used in "
               "turn");
    table
        .optional("load.connections", "-c,--connections", kLoad, "N", count(1, 64 * kMillions),
                  AT(load.connections), "concurrent connections; with --rate the upper limit")
        .when_absent = "64; with --rate as many as one second brings";
    table
        .scalar("load.rate", "-R,--rate", kLoad, "N", count(0, 1000 * kMillions), AT(load.rate),
                "new connections per second (open loop)")
        .when_absent = "closed loop";
    table
        .scalar(
            "load.request-rate", "--request-rate", kLoad, "N", count(0, 1000 * kMillions),
            AT(load.request_rate),
            "requests per second over all connections (open loop); latencies count from the time at which "
            "a request is due")
        .when_absent = "each request follows the answer to the last one";
    table.scalar("load.arrivals", "--arrivals", kLoad, "PATTERN", arrivals(), AT(load.arrivals),
                 "how rate or request-rate is spread: constant, poisson, bursts(N), steps(10k@5s,20k@5s) or "
                 "trace(FILE) with lines SECONDS[,CLASS]");
    table
        .scalar("load.count", "-n,--count", kLoad, "N", count(0, kNoLimit), AT(load.count),
                "stop after N connections")
        .when_absent = "no limit";
    table.scalar("load.requests-per-connection", "--requests-per-connection", kLoad, "N|A-B|unlimited",
                 requests(), AT(load.requests_per_connection),
                 "requests per connection, one after the other");
    table
        .optional("load.think", "--think", kLoad, "TIME[-TIME]", times(), AT(load.think),
                  "pause between a response and the next request; also exponential(MEAN), lognormal(MEDIAN, "
                  "SIGMA), empirical(FILE) or empirical(TIME:WEIGHT, ...)")
        .when_absent = "no pause";
    table.flag("load.hold", "--hold", kLoad, AT(load.hold),
               "keep connections open until the end of the run, without requests or with heartbeats");
    table.scalar("load.heartbeat", "--heartbeat", kLoad, "TIME", duration(), AT(load.heartbeat),
                 "with --hold: each connection sends a request at this interval; 0: none");
    table.scalar("load.method", "--method", kLoad, "NAME", method(), AT(load.method), "http: request method");
    table.list("load.headers", "-H,--headers", kLoad, "'NAME: VALUE'", header(), AT(load.headers),
               "http: header of each request; repeatable");
    table.scalar("load.body", "--body", kLoad, "TEXT|@FILE", any_text(), AT(load.body),
                 "http: body of each request");
    table
        .list("load.expect-status", "--expect-status", kLoad, "STATUSES", statuses(), AT(load.expect_status),
              "http: statuses that count as success, for example 200,404,5xx")
        .when_absent = "2xx,3xx";
    table.scalar(
        "load.timeout", "--timeout", kLoad, "TIME", duration(), AT(load.timeout),
        "longest wait for the handshake, for a response's first byte, and between bytes; 0: for ever");
    table
        .optional("load.request-size", "--request-size", kLoad, "SIZE", size(1, 1u << 20),
                  AT(load.request_size), "tcp: size of a request")
        .when_absent = "64B";
    table
        .optional("load.response-size", "--response-size", kLoad, "SIZE", size(1, 1ull << 40),
                  AT(load.response_size), "tcp: size of a response")
        .when_absent = "the request's";
    table.flag("load.connect-only", "--connect-only", kLoad, AT(load.connect_only),
               "open and close connections without a request");
    table.scalar("load.close", "--close", kLoad, "fin|rst", choice<LoadConfig::Close>(), AT(load.close),
                 "how this end closes a connection");
    table.scalar("load.close-by", "--close-by", kLoad, "client|server", choice<CloseBy>(), AT(load.close_by),
                 "which end closes first; with server, the last HTTP request says 'Connection: close', and a "
                 "tcp:// server has to close by itself");
    table.end_of_class();
}

}  // namespace synfin::app
