#pragma once
/// @file
/// What every server of the command has: a tally of its connections.

#include <array>
#include <concepts>
#include <cstdint>

#include "synfin/application.hh"

namespace synfin::app {

/// What one server has done, on one core. Summed over cores by +=.
struct ServerTally {
    uint64_t established = 0;
    uint64_t completed = 0;  ///< ended by FIN on both sides
    uint64_t requests = 0;
    uint64_t bad_requests = 0;  ///< refused by the application: 400, 405, 431
    std::array<uint64_t, static_cast<size_t>(CloseReason::kCount)> ended_by{};

    void ended(const CloseInfo& why) noexcept {
        ++ended_by[static_cast<size_t>(why.reason)];
        if (why.reason == CloseReason::fin) ++completed;
    }
    ServerTally& operator+=(const ServerTally& other) noexcept {
        established += other.established;
        completed += other.completed;
        requests += other.requests;
        bad_requests += other.bad_requests;
        for (size_t i = 0; i < ended_by.size(); ++i) ended_by[i] += other.ended_by[i];
        return *this;
    }
};

/// An Application with a turn of its own per poll, before events are handled.
template <typename S>
concept Server = Application<S> && requires(S server, const S& constant, Instant now) {
    {server.turn(now)};
    { constant.tally() } -> std::same_as<const ServerTally&>;
};

}  // namespace synfin::app
