#include "interrupt.hh"

#include <csignal>

namespace synfin::app {

namespace {
std::atomic<bool> flag{false};
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void on_signal(int) {
    flag.store(true, std::memory_order_relaxed);
}
}  // namespace

void catch_interrupts() {
    struct sigaction action {};
    action.sa_handler = on_signal;
    // SA_RESETHAND: whoever is in a hurry presses twice.
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

const std::atomic<bool>& interrupted() noexcept {
    return flag;
}

}  // namespace synfin::app
