#pragma once
/// @file
/// How many challenge ACKs a connection may have, counted for each by itself.

#include <cstdint>

#include "base/mapped_array.hh"

namespace synfin::stack {

/// The challenge ACKs of one connection in the present second.
struct ChallengeCount {
    uint16_t second = 0;  ///< modulo 2^16, from 1 on; 0 at first
    uint16_t sent = 0;    ///< in it

    /// Whether one more may leave in the second of `tick`; if so it is counted.
    bool allow(uint32_t tick, uint32_t per_second) noexcept {
        const auto now = static_cast<uint16_t>(tick / 1000 + 1);
        if (second != now) *this = {now, 0};
        if (sent >= per_second || sent == UINT16_MAX) return false;
        ++sent;
        return true;
    }
};

/// RFC 5961 7: challenge ACKs are limited. A limit that connections share can be counted from outside, and
/// tells an attacker whether a guess about another connection had hit (CVE-2016-5696); and who uses it up
/// takes the others' answers away. So each record has a count of its own, beside its pool: its line is
/// touched for challenge ACKs only. One record's count is nobody else's: the next connection of it starts
/// anew.
class ChallengeLimits {
  public:
    /// @param records in the pool; indexes are 1..records.
    explicit ChallengeLimits(uint32_t records) : states_(size_t{records} + 1) {}

    /// Whether `record` may answer once more in the second of `tick`.
    /// @param connection names it among all that the record ever holds.
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
