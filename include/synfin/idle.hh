#pragma once
/// @file
/// Idle: what a core's loop does when its engines have nothing to do.

#include <x86intrin.h>

#include <cstdint>

namespace synfin {

/// What a core does when it finds nothing to do, poll after poll.
enum class IdlePolicy : uint8_t {
    automatic,  ///< spin on a NIC whose core is its own; else yield
    spin,       ///< poll on, with a pause instruction
    yield,      ///< after a while give the core to who else wants it, between polls
    sleep,      ///< after longer, sleep 50 us at a time (timers have 1 ms): adds that and a wake-up to the
                ///< latency
};

/// Paces one core's loop when there is nothing to do.
class Idle {
  public:
    explicit Idle(IdlePolicy policy) noexcept : policy_(policy) {}

    /// Call after each turn of the loop: goes on at once, pauses, yields or sleeps.
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
};

}  // namespace synfin
