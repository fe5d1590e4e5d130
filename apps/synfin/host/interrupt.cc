#include "interrupt.hh"

#include <unistd.h>

#include <csignal>

namespace synfin::app {

namespace {
std::atomic<bool> flag{false};
std::atomic<bool> opening{false};
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void on_signal(int signal) {
    // Whoever is in a hurry presses twice. A terminal that hangs up may say so several times: the kernel to
    // its foreground jobs, and then the shell to all of its own.
    if (signal != SIGHUP) {
        std::signal(SIGINT, SIG_DFL);
        std::signal(SIGTERM, SIG_DFL);
    }
    flag.store(true, std::memory_order_relaxed);
    if (opening.load(std::memory_order_relaxed)) alarm(kMostOpening);
}
}  // namespace

void catch_interrupts() {
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    struct sigaction before {};
    sigaction(SIGHUP, nullptr, &before);
    if (before.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, nullptr);  // nohup has it ignored
    // Who read the output may have left: that is an error where it is written, not the end of the run.
    std::signal(SIGPIPE, SIG_IGN);
}

const std::atomic<bool>& interrupted() noexcept {
    return flag;
}

void request_end() noexcept {
    flag.store(true, std::memory_order_relaxed);
}

Opening::Opening() noexcept {
    opening.store(true, std::memory_order_relaxed);
    // A signal may have come before.
    if (flag.load(std::memory_order_relaxed)) alarm(kMostOpening);
}

Opening::~Opening() {
    opening.store(false, std::memory_order_relaxed);
    alarm(0);
}

}  // namespace synfin::app
