#pragma once
/// @file
/// The tally of connections that every server of the command has.

#include <array>
#include <concepts>
#include <cstdint>

#include "synfin/application.hh"

namespace synfin::app {

/// The counters of one server on one core; += sums cores.
struct ServerTally {
    uint64_t established = 0;
    uint64_t completed = 0;  ///< ended by FIN on both sides, or reset by the peer when no response was due
    uint64_t requests = 0;
    uint64_t bad_requests = 0;  ///< answered with an error by the server: 400, 405, 408, 431, 501
    uint64_t timed_out_idle = 0, timed_out_head = 0, timed_out_send = 0;  ///< see TimeOuts
    uint64_t over_rate = 0;     ///< established, then reset: more than --accept-rate
    uint64_t yielded_idle = 0;  ///< silent connections reset to make room for new ones
    std::array<uint64_t, static_cast<size_t>(CloseReason::kCount)> ended_by{};

    /// @param nothing_owed the peer has received all responses, so a RST counts as a normal end
    void ended(const CloseInfo& why, bool nothing_owed = false) noexcept {
        const bool is_complete =
            why.reason == CloseReason::fin || (nothing_owed && why.reason == CloseReason::reset_by_peer);
        ++ended_by[static_cast<size_t>(is_complete ? CloseReason::fin : why.reason)];
        if (is_complete) ++completed;
    }
    ServerTally& operator+=(const ServerTally& other) noexcept {
        established += other.established;
        completed += other.completed;
        requests += other.requests;
        bad_requests += other.bad_requests;
        timed_out_idle += other.timed_out_idle;
        timed_out_head += other.timed_out_head;
        timed_out_send += other.timed_out_send;
        over_rate += other.over_rate;
        yielded_idle += other.yielded_idle;
        for (size_t i = 0; i < ended_by.size(); ++i) ended_by[i] += other.ended_by[i];
        return *this;
    }
};

/// An Application that also has a turn(), called once per poll before the events.
template <typename S>
concept Server = Application<S> && requires(S server, const S& constant, Instant now) {
    {server.turn(now)};
    { constant.tally() } -> std::convertible_to<ServerTally>;
};

}  // namespace synfin::app
