#pragma once
/// @file
/// What every server of the command has: a tally of its connections, and a list of those that a full pool
/// made wait.

#include <array>
#include <concepts>
#include <cstdint>

#include "base/line_vector.hh"
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

/// Connections whose send() found a pool empty: no event tells when it has room again, so they are tried
/// again with each turn. A connection is in it at most once; nothing is allocated after the constructor.
class RetryList {
  public:
    explicit RetryList(uint32_t limit) {
        waiting_.reserve(limit);
        now_.reserve(limit);
    }
    void add(Connection c) noexcept {
        if (waiting_.size() < waiting_.capacity()) waiting_.push_back(c);
    }
    /// Calls again(connection) for each that waited before this turn.
    template <typename Again>
    void turn(Again&& again) noexcept {
        if (waiting_.empty()) return;
        now_.swap(waiting_);
        for (const Connection c : now_) again(c);
        now_.clear();
    }

  private:
    LineVector<Connection> waiting_, now_;
};

/// An Application with a turn of its own per poll, before events are handled.
template <typename S>
concept Server = Application<S> && requires(S server, const S& constant, Instant now) {
    {server.turn(now)};
    { constant.tally() } -> std::same_as<const ServerTally&>;
};

}  // namespace synfin::app
