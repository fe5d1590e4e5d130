#pragma once
/// @file
/// RateLimits: limits on segments to peers that may not exist: RSTs, and challenge ACKs of half-open and
/// TIME-WAIT records. Challenge ACKs of open connections are counted in holder.hh. PerSecond: the limit of an
/// engine's ICMPv6 errors, too.

#include <cstdint>

#include "base/siphash.hh"
#include "stack/challenge_limits.hh"

namespace synfin::stack {

/// Counts how many may still be sent in the present second.
class PerSecond {
  public:
    /// Whether the second of `tick` is not the one counted now.
    bool is_new(uint32_t tick) const noexcept { return tick / 1000 + 1 != second_; }
    /// Whether one more may be sent in the second of `tick`, of at most `most`; if so, counts it.
    bool allow(uint32_t tick, uint32_t most) noexcept {
        if (const uint32_t second = tick / 1000 + 1; second != second_) {
            second_ = second;
            left_ = most;
        }
        if (left_ == 0) return false;
        --left_;
        return true;
    }

  private:
    uint32_t second_ = 0;  ///< the second that left_ counts
    uint32_t left_ = 0;
};

/// ICMPv6 errors that an engine sends in a second (RFC 4443 2.4 (f) asks for a limit).
inline constexpr uint32_t kIcmpErrorsPerSecond = 100;

class RateLimits {
  public:
    /// @param resets_per_s for the whole engine; 0: no limit.
    /// @param challenges_per_s for each record.
    RateLimits(HashKey key, uint32_t resets_per_s, uint32_t challenges_per_s, uint32_t half_opens,
               uint32_t time_waits)
        : key_(key),
          resets_per_s_(resets_per_s),
          challenges_per_s_(challenges_per_s),
          half_open_(half_opens),
          time_wait_(time_waits) {}

    /// Whether one more RST may be sent in the second of `tick`; if so, counts it.
    ///
    /// All peers share this limit, and a segment gets an RST only if it has no connection. So an attacker who
    /// uses the limit up, sends segments in a client's name and counts the RSTs that are left for himself
    /// would learn which ports the client uses. Therefore the limit of each second is a secret: a random
    /// number between half of `resets_per_s` and all of it.
    bool allow_rst(uint32_t tick) noexcept {
        if (resets_per_s_ == 0) return true;
        const uint32_t half = resets_per_s_ / 2;
        if (resets_.is_new(tick)) [[unlikely]]
            resets_this_second_ =
                resets_per_s_ - static_cast<uint32_t>(siphash(key_, tick / 1000, 0) % (half + 1));
        return resets_.allow(tick, resets_this_second_);
    }

    /// Most challenge ACKs per record and second; `seldom`: for tcp::Reply::seldom_ack.
    uint32_t challenges_per_s(bool seldom) const noexcept { return seldom ? 1 : challenges_per_s_; }
    /// @param connection a number that differs from that of the record's next connection.
    bool allow_half_open(uint32_t record, uint32_t connection, uint32_t tick, bool seldom) noexcept {
        return half_open_.allow(record, connection, tick, challenges_per_s(seldom));
    }
    bool allow_time_wait(uint32_t record, uint32_t connection, uint32_t tick, bool seldom) noexcept {
        return time_wait_.allow(record, connection, tick, challenges_per_s(seldom));
    }

  private:
    HashKey key_;
    uint32_t resets_per_s_, challenges_per_s_;
    uint32_t resets_this_second_ = 0;
    ChallengeLimits half_open_, time_wait_;
    PerSecond resets_;
};

}  // namespace synfin::stack
