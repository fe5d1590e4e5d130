/// @file
/// Fields of synfin serve.

#include "field_table.hh"

namespace synfin::app {

void add_serve_fields(FieldTable& table) {
    table.scalar("serve.app", "--app", kServe, "APP", choice<ServeConfig::App>(), AT(serve.app),
                 "what is served: echo, discard, chargen or http");
    table
        .list("serve.listen", "--listen", kServe, "PORT[-PORT][=APP]", listen(), AT(serve.listen),
              "ports to listen on, for example 80=http; APP is --app's unless given; repeatable")
        .when_absent = "80 for http, 7 echo, 9 discard, 19 chargen";
    table.scalar("serve.backlog", "--backlog", kServe, "N", count(1, 16 * kMillions), AT(serve.backlog),
                 "half-open connections per core; beyond, SYN cookies and the oldest yields");
    table.scalar("serve.max-connections", "--max-connections", kServe, "N", count(1, 64 * kMillions),
                 AT(serve.max_connections), "open connections per core");
    table.scalar("serve.max-time-wait", "--max-time-wait", kServe, "N", count(1, 64 * kMillions),
                 AT(serve.max_time_wait), "connections in TIME-WAIT per core; beyond, the oldest yields");
    table.scalar("serve.response-size", "--response-size", kServe, "SIZE", size(0, 1ull << 40),
                 AT(serve.response_size), "http: bytes of the body");
    table.list("serve.route", "--route", kServe, "PATH=STATUS[,SIZE][,DELAY]", route(), AT(serve.routes),
               "http: what a path gives, for example /slow=503,1KiB,250ms; repeatable");
    table.scalar("serve.root", "--root", kServe, "DIR", text(), AT(serve.root),
                 "http: serve the files of this directory, loaded at the start");
    table.scalar("serve.idle-timeout", "--idle-timeout", kServe, "TIME", duration(), AT(serve.time_outs.idle),
                 "close a connection that does nothing for so long; 0: never");
    table.scalar("serve.head-timeout", "--head-timeout", kServe, "TIME", duration(), AT(serve.time_outs.head),
                 "http: answer 408 when a request's head takes longer; 0: never");
    table.scalar(
        "serve.send-timeout", "--send-timeout", kServe, "TIME", duration(), AT(serve.time_outs.send),
        "reset a connection whose peer acknowledges nothing new for so long while something is to be "
        "sent; 0: never");
    table
        .scalar("serve.duration", "-d,--duration", kServe, "TIME", duration(), AT(serve.duration),
                "stop after this time")
        .when_absent = "until interrupted";
    table.scalar(
        "serve.drain", "--drain", kServe, "TIME", duration(), AT(serve.drain),
        "at the end, how long connections may take to close before they are reset; 0: they are reset "
        "at once");
}

}  // namespace synfin::app
