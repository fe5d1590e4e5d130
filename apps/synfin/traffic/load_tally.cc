#include "load_tally.hh"

#include <algorithm>

#include "interval_ring.hh"

namespace synfin::app {

std::string_view failure_name(size_t index) noexcept {
    constexpr auto kFirst = static_cast<size_t>(CloseReason::kCount);
    constexpr std::string_view kNames[] = {"bad_response",     "short_response", "closed_early",
                                           "http_status",      "closed_by_peer", "connect_timeout",
                                           "response_timeout", "close_timeout",  "corrupt"};
    static_assert(std::size(kNames) + kFirst == static_cast<size_t>(Failure::kCount));
    return index < kFirst ? name(static_cast<CloseReason>(index)) : kNames[index - kFirst];
}

std::string_view name(Skip reason) noexcept {
    constexpr std::string_view kNames[] = {"no_port",          "no_memory",         "no_route",
                                           "refused_by_stack", "concurrency_limit", "late"};
    static_assert(std::size(kNames) == static_cast<size_t>(Skip::kCount));
    return kNames[static_cast<size_t>(reason)];
}

std::string_view remedy(Skip reason) noexcept {
    switch (reason) {
        case Skip::no_port: return "widen --source-ports or give more --address";
        case Skip::no_memory: return "raise -c, which sizes the pools";
        case Skip::no_route: return "give --gateway";
        case Skip::refused_by_stack: return "the result's drops name the reason";
        case Skip::concurrency_limit: return "raise -c";
        case Skip::late: return "lower -R or give more --cores";
        case Skip::kCount: break;
    }
    return "";
}

LoadTally& LoadTally::operator+=(const LoadTally& other) noexcept {
    offered += other.offered;
    opened += other.opened;
    established += other.established;
    completed += other.completed;
    failed_before += other.failed_before;
    failed_after += other.failed_after;
    pending += other.pending;
    unfinished += other.unfinished;
    unanswered += other.unanswered;
    requests += other.requests;
    responses += other.responses;
    resent += other.resent;
    requests_due += other.requests_due;
    requests_busy += other.requests_busy;
    requests_late += other.requests_late;
    requests_waited += other.requests_waited;
    for (size_t i = 0; i < failed_by.size(); ++i) failed_by[i] += other.failed_by[i];
    for (size_t i = 0; i < skipped_by.size(); ++i) skipped_by[i] += other.skipped_by[i];
    sent_bytes += other.sent_bytes;
    received_bytes += other.received_bytes;
    no_port_time = std::max(no_port_time, other.no_port_time);
    no_memory_time = std::max(no_memory_time, other.no_memory_time);
    for (size_t i = 0; i < statuses.size(); ++i) statuses[i] += other.statuses[i];
    return *this;
}

LoadTally& LoadTally::operator-=(const LoadTally& before) noexcept {
    offered -= before.offered;
    opened -= before.opened;
    established -= before.established;
    completed -= before.completed;
    failed_before -= before.failed_before;
    failed_after -= before.failed_after;
    pending -= before.pending;
    unfinished -= before.unfinished;
    unanswered -= before.unanswered;
    requests -= before.requests;
    responses -= before.responses;
    resent -= before.resent;
    requests_due -= before.requests_due;
    requests_busy -= before.requests_busy;
    requests_late -= before.requests_late;
    requests_waited -= before.requests_waited;
    for (size_t i = 0; i < failed_by.size(); ++i) failed_by[i] -= before.failed_by[i];
    for (size_t i = 0; i < skipped_by.size(); ++i) skipped_by[i] -= before.skipped_by[i];
    sent_bytes -= before.sent_bytes;
    received_bytes -= before.received_bytes;
    no_port_time -= before.no_port_time;
    no_memory_time -= before.no_memory_time;
    for (size_t i = 0; i < statuses.size(); ++i) statuses[i] -= before.statuses[i];
    return *this;
}

void LoadTimes::clear() noexcept {
    for (Histogram* each : {&connect, &first_byte, &last_byte, &life, &slip}) each->clear();
}

std::string_view name(RunPart part, bool ramps) noexcept {
    switch (part) {
        case RunPart::lead: return ramps ? "ramp-up" : "warm-up";
        case RunPart::sustain: return "sustain";
        case RunPart::ramp_down: return "ramp-down";
        case RunPart::drain: return "drain";
    }
    return "";
}

LoadTimes& LoadTimes::operator+=(const LoadTimes& other) noexcept {
    connect += other.connect;
    first_byte += other.first_byte;
    last_byte += other.last_byte;
    life += other.life;
    slip += other.slip;
    return *this;
}

}  // namespace synfin::app
