/// @file
/// Fields of synfin serve.

#include "field_table.hh"

namespace synfin::app {

void add_serve_fields(FieldTable& table) {
    table.scalar("serve.app", "--app", kServe, "APP", choice<ServeConfig::App>(), AT(serve.app),
                 "echo, discard, chargen or http: the application to serve");
    table
        .list("serve.listen", "--listen", kServe, "PORT[-PORT][=APP]", listen(), AT(serve.listen),
              "ports to listen on, for example 80=http; without =APP, the application of --app; repeatable")
        .when_absent = "80 for http, 7 echo, 9 discard, 19 chargen";
    table.scalar("serve.backlog", "--backlog", kServe, "N", count(1, 16 * kMillions), AT(serve.backlog),
                 "half-open connections per core; SYN cookies from half of it on; when full, a new one "
                 "evicts the oldest");
    table.scalar("serve.max-connections", "--max-connections", kServe, "N", count(1, 64 * kMillions),
                 AT(serve.max_connections), "open connections per core");
    table.scalar("serve.max-time-wait", "--max-time-wait", kServe, "N", count(1, 64 * kMillions),
                 AT(serve.max_time_wait),
                 "connections in TIME-WAIT per core; when full, a new one evicts the oldest");
    table.scalar("serve.response-size", "--response-size", kServe, "SIZE", size(0, 1ull << 40),
                 AT(serve.response_size), "http: size of the response body");
    table.list("serve.route", "--route", kServe, "PATH=STATUS[,SIZE][,DELAY]", route(), AT(serve.routes),
               "http: response for a path, for example /slow=503,1KiB,250ms; repeatable");
    table.scalar("serve.root", "--root", kServe, "DIR", text(), AT(serve.root),
                 "http: serve the files of this directory; they are read once, at the start");
    table.scalar("serve.close-by", "--close-by", kServe, "client|server", choice<CloseBy>(),
                 AT(serve.close_by),
                 "http: which end closes first; server: each response says 'Connection: close', or each "
                 "Nth with --keep-alive N");
    table.scalar("serve.keep-alive", "--keep-alive", kServe, "N", count(0, kNoLimit), AT(serve.keep_alive),
                 "http: close each connection after its Nth response; 0: never");
    table.scalar("serve.accept-rate", "--accept-rate", kServe, "N", count(0, 1000 * kMillions),
                 AT(serve.accept_rate),
                 "connections per second on all cores; more are reset as soon as they are established; 0: no "
                 "limit");
    table.scalar("serve.idle-timeout", "--idle-timeout", kServe, "TIME", duration(), AT(serve.time_outs.idle),
                 "close a connection that is idle for this long; 0: never");
    table.scalar("serve.head-timeout", "--head-timeout", kServe, "TIME", duration(), AT(serve.time_outs.head),
                 "http: answer 408 when a request's head takes longer; 0: never");
    table.scalar(
        "serve.send-timeout", "--send-timeout", kServe, "TIME", duration(), AT(serve.time_outs.send),
        "reset a connection with data to send whose peer acknowledges nothing new for this long; 0: never");
    table
        .scalar("serve.duration", "-d,--duration", kServe, "TIME", duration(), AT(serve.duration),
                "stop after this time")
        .when_absent = "until interrupted";
    table.scalar("serve.drain", "--drain", kServe, "TIME", duration(), AT(serve.drain),
                 "how long connections may take to close at the end before they are reset; 0: reset at once");
}

}  // namespace synfin::app
