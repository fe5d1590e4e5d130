#pragma once
/// @file
/// FakeClock: a clock that advances only when the test moves it.

#include "synfin/check.hh"
#include "time/clock.hh"

namespace synfin {

class FakeClock {
  public:
    FakeClock() noexcept = default;
    explicit FakeClock(Instant start) noexcept : now_(start) {}

    Instant now() const noexcept { return now_; }
    void advance(Duration by) noexcept {
        SYNFIN_CHECK(by >= Duration::zero());
        now_ += by;
    }
    void set(Instant to) noexcept {
        SYNFIN_CHECK(to >= now_);
        now_ = to;
    }

  private:
    Instant now_;
};

static_assert(Clock<FakeClock>);

}  // namespace synfin
