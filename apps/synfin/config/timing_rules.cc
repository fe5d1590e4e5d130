#include "timing_rules.hh"

#include <fmt/format.h>

namespace synfin::app {

namespace {

Objection objection_to_arrivals(const TrafficConfig& traffic, Duration ramp, const WasGiven& was_given) {
    const ArrivalPattern& arrivals = traffic.arrivals;
    const uint64_t rate = traffic.rate + traffic.request_rate;
    if (rate == 0)
        return was_given("arrivals")
                   ? Objection{"arrivals: a closed loop has none", "give --rate or --request-rate"}
                   : Objection{};
    if (!arrivals.has_own_rate()) return {};
    if (arrivals.greatest_rate() > static_cast<double>(rate))
        return {fmt::format("arrivals: {} goes above the rate of {}", arrivals.text, rate),
                fmt::format("give the greatest rate of the steps, {:.0f}", arrivals.greatest_rate())};
    if (ramp > Duration::zero())
        return {fmt::format("arrivals: {} and --ramp: both say how the rate changes", arrivals.text),
                "remove --ramp"};
    return {};
}

Objection objection_to_request_rate(const TrafficConfig& traffic) {
    if (traffic.rate != 0)
        return {"rate and request-rate: each is an open loop of its own", "give one of them"};
    if (traffic.connect_only) return {"--connect-only sends no requests", "remove --request-rate"};
    if (traffic.count != 0)
        return {"--count is a number of connections, and --request-rate uses the same ones all the time",
                "give --duration instead of --count"};
    return {};
}

Objection objection_to_think(const TrafficConfig& traffic) {
    const CountRange& n = traffic.requests_per_connection;
    if (traffic.request_rate != 0 || traffic.hold)
        return {fmt::format("--think and {}: both say when requests are sent",
                            traffic.hold ? "--hold" : "--request-rate"),
                "remove one of them"};
    if (traffic.connect_only || (n.least == 1 && n.most == 1))
        return {"--think is the time between the requests of a connection, and there is one at most",
                "give --requests-per-connection, for example unlimited"};
    return {};
}

Objection objection_to_hold(const TrafficConfig& traffic, const WasGiven& was_given) {
    if (was_given("requests-per-connection"))
        return {"--hold and --requests-per-connection: held connections end with the run",
                "remove one of them; --heartbeat sends requests on held connections"};
    if (traffic.connect_only || traffic.request_rate != 0 || traffic.count != 0)
        return {
            fmt::format("--hold and {}: held connections are opened once, and send nothing but heartbeats",
                        traffic.connect_only        ? "--connect-only"
                        : traffic.request_rate != 0 ? "--request-rate"
                                                    : "--count"),
            "remove one of them; --connections gives the number"};
    if (traffic.close_by == CloseBy::server)
        return {"--hold and --close-by server: this end closes held connections", "remove one of them"};
    if (traffic.rate != 0 && !traffic.connections)
        return {"--hold and --rate: the number of connections is missing", "give --connections as well"};
    return {};
}

}  // namespace

Objection timing_objection(const TrafficConfig& traffic, Duration ramp, const WasGiven& was_given) {
    const bool has_times = traffic.request_rate != 0 || traffic.think || traffic.hold;
    if (has_times && !traffic.steps.empty())
        return {"load.steps and request-rate, think or hold: the steps say when a connection sends",
                "remove one of them; 'think TIME' is a step, too"};
    Objection found = objection_to_arrivals(traffic, ramp, was_given);
    if (found.why.empty() && traffic.request_rate != 0) found = objection_to_request_rate(traffic);
    if (found.why.empty() && traffic.think) found = objection_to_think(traffic);
    if (found.why.empty() && traffic.hold) found = objection_to_hold(traffic, was_given);
    if (found.why.empty() && !traffic.hold && traffic.heartbeat > Duration::zero())
        return {"--heartbeat applies only to held connections", "give --hold as well"};
    return found;
}

}  // namespace synfin::app
