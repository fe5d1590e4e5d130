#pragma once
/// @file
/// ChallengeLimits: the limit on challenge ACKs, counted for each connection separately.

#include <cstdint>

#include "base/mapped_array.hh"

namespace synfin::stack {

/// The challenge ACKs of one connection in the present second.
struct ChallengeCount {
    uint16_t second = 0;  ///< modulo 2^16; initially 0
    uint16_t sent = 0;    ///< challenge ACKs sent in that second

    /// Whether one more may be sent in the second of `tick`; if so, counts it.
    bool allow(uint32_t tick, uint32_t per_second) noexcept {
        const auto now = static_cast<uint16_t>(tick / 1000 + 1);
        if (second != now) *this = {now, 0};
        if (sent >= per_second || sent == UINT16_MAX) return false;
        ++sent;
        return true;
    }
};

/// RFC 5961 7 limits challenge ACKs. An attacker can observe a limit that connections share, and learn
/// whether a guess about another connection was right (CVE-2016-5696). One peer could also use up a shared
/// limit for all. So each record has its own count, in an array parallel to the pool that only challenge ACKs
/// touch. The count restarts with the record's next connection.
class ChallengeLimits {
  public:
    /// @param records size of the pool; indexes are 1..records.
    explicit ChallengeLimits(uint32_t records) : states_(size_t{records} + 1) {}

    /// Whether `record` may send one more challenge ACK in the second of `tick`.
    /// @param connection a number that tells the record's connections apart.
    bool allow(uint32_t record, uint32_t connection, uint32_t tick, uint32_t per_second) noexcept {
        State& state = states_[record];
        if (state.connection != connection) state = {connection, {}};
        return state.count.allow(tick, per_second);
    }

  private:
    struct State {
        uint32_t connection;
        ChallengeCount count;
    };
    MappedArray<State> states_;
};

}  // namespace synfin::stack
