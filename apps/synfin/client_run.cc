#include "client_run.hh"

namespace synfin::app {

namespace {
/// A RST needs no answer, only a turn or two to leave.
constexpr Duration kCut = 100ms;
}  // namespace

bool ClientRun::turn(Stack& stack, Instant now) noexcept {
    const bool busy = generator_.turn(stack, now);
    switch (phase_) {
        case Phase::opening:
            if (stop_.load(std::memory_order_relaxed) ||
                (duration_ > Duration::zero() && now - started_ >= duration_)) {
                end_measuring(stack, now);
                generator_.stop(now);
                until_ = now + kDrain;
                phase_ = Phase::draining;
            } else if (generator_.finished()) {
                end_measuring(stack, now);
                phase_ = Phase::over;
            }
            break;
        case Phase::draining:
            if (generator_.ending()) until_ = now + kDrain;
            if (generator_.finished()) {
                phase_ = Phase::over;
            } else if (now >= until_) {
                generator_.cut();
                until_ = now + kCut;
                phase_ = Phase::cutting;
            }
            break;
        case Phase::cutting:
            if (generator_.finished() || now >= until_) phase_ = Phase::over;
            break;
        case Phase::over: break;
    }
    return busy;
}

void ClientRun::end_measuring(const Stack& stack, Instant now) noexcept {
    ended_ = now;
    measured_ = generator_.tally();
    measured_counters_ = stack.counters();
    measured_cycles_ = cycles;
}

}  // namespace synfin::app
