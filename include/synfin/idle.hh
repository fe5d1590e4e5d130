#pragma once
/// @file
/// Idle: what a core's loop does when its engines have nothing to do.

#include <poll.h>
#include <x86intrin.h>

#include <cstdint>
#include <vector>

#include "synfin/units.hh"

namespace synfin {

/// What a core does when it finds nothing to do, poll after poll.
enum class IdlePolicy : uint8_t {
    automatic,  ///< spin on a NIC whose core is its own; else yield
    spin,       ///< poll on, with a pause instruction
    yield,      ///< after 64 empty polls, give the core to other threads between polls
    sleep,      ///< after 1,000 empty polls, sleep 50 us at a time: adds that and a wake-up to the latency of
                ///< packets. A post wakes the core at once (Stack::post)
};

/// Paces one core's loop when there is nothing to do.
class Idle {
  public:
    /// @param nap duration of one sleep of IdlePolicy::sleep
    explicit Idle(IdlePolicy policy, Duration nap = 50us) noexcept : policy_(policy), nap_(nap) {}

    /// Ends a sleep early when this descriptor is readable (Stack::wake_fd). Call it before the first turn;
    /// it allocates.
    void wake_on(int fd) { wakers_.push_back({fd, POLLIN, 0}); }
    bool sleeps() const noexcept { return policy_ == IdlePolicy::sleep; }

    /// Call after each turn of the loop. Returns at once after a busy turn, else pauses, yields or sleeps.
    void turn(bool busy) noexcept {
        if (busy) {
            empty_ = 0;
        } else if (++empty_ < kSpins || policy_ == IdlePolicy::spin) {
            _mm_pause();
        } else {
            rest();
        }
    }

  private:
    static constexpr uint32_t kSpins = 64;      ///< empty turns before yielding
    static constexpr uint32_t kYields = 1'000;  ///< empty turns before sleeping
    void rest() noexcept;

    IdlePolicy policy_;
    uint32_t empty_ = 0;
    Duration nap_;
    std::vector<pollfd> wakers_;
};

}  // namespace synfin
