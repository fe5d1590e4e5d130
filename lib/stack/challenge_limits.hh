#pragma once
/// @file
/// How many challenge ACKs a connection may have, counted for each by itself.

#include <cstdint>

#include "base/mapped_array.hh"

namespace synfin::stack {

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
        const auto second = static_cast<uint16_t>(tick / 1000 + 1);
        if (state.second != second || state.connection != connection) state = {connection, second, 0};
        if (state.sent >= per_second || state.sent == UINT16_MAX) return false;
        ++state.sent;
        return true;
    }

  private:
    struct State {
        uint32_t connection;
        uint16_t second;  ///< modulo 2^16, from 1 on; 0 at first
        uint16_t sent;    ///< in it
    };
    MappedArray<State> states_;
};

}  // namespace synfin::stack
