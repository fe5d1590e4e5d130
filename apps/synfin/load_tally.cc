#include "load_tally.hh"

namespace synfin::app {

std::string_view failure_name(size_t index) noexcept {
    constexpr auto kFirst = static_cast<size_t>(CloseReason::kCount);
    constexpr std::string_view kNames[] = {"bad_response", "unsupported_response", "short_response",
                                           "http_status", "closed_by_peer"};
    static_assert(std::size(kNames) + kFirst == static_cast<size_t>(Failure::kCount));
    return index < kFirst ? name(static_cast<CloseReason>(index)) : kNames[index - kFirst];
}

std::string_view name(Skip reason) noexcept {
    constexpr std::string_view kNames[] = {"no_port",          "no_memory",         "no_route",
                                           "refused_by_stack", "concurrency_limit", "late"};
    static_assert(std::size(kNames) == static_cast<size_t>(Skip::kCount));
    return kNames[static_cast<size_t>(reason)];
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
    requests += other.requests;
    responses += other.responses;
    for (size_t i = 0; i < failed_by.size(); ++i) failed_by[i] += other.failed_by[i];
    for (size_t i = 0; i < skipped_by.size(); ++i) skipped_by[i] += other.skipped_by[i];
    return *this;
}

LoadTimes& LoadTimes::operator+=(const LoadTimes& other) noexcept {
    connect += other.connect;
    first_byte += other.first_byte;
    life += other.life;
    slip += other.slip;
    return *this;
}

}  // namespace synfin::app
