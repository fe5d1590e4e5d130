#include "synfin/idle.hh"

#include <sched.h>
#include <time.h>

namespace synfin {

namespace {
constexpr timespec kNap{0, 50'000};
}  // namespace

void Idle::rest() noexcept {
    if (policy_ == IdlePolicy::sleep && empty_ >= kYields) {
        nanosleep(&kNap, nullptr);
    } else {
        sched_yield();
    }
}

}  // namespace synfin
