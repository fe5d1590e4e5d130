#include "synfin/idle.hh"

#include <poll.h>
#include <sched.h>
#include <time.h>

namespace synfin {

void Idle::rest() noexcept {
    if (policy_ == IdlePolicy::sleep && empty_ >= kYields) {
        const timespec nap{nap_ / 1s, (nap_ % 1s).count()};
        static_cast<void>(::ppoll(wakers_.data(), wakers_.size(), &nap, nullptr));
    } else {
        sched_yield();
    }
}

}  // namespace synfin
