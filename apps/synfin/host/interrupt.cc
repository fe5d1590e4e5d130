#include "interrupt.hh"

#include <unistd.h>

#include <csignal>

namespace synfin::app {

namespace {
std::atomic<bool> flag{false};
std::atomic<bool> opening{false};
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void on_signal(int signal) {
    // A second SIGINT or SIGTERM kills at once. Not so SIGHUP: when a terminal hangs up, both the kernel and
    // the shell send it.
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
    if (before.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, nullptr);  // nohup ignores it
    // If the reader of the output has gone, the write fails; the run goes on.
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
    // The signal may have come before.
    if (flag.load(std::memory_order_relaxed)) alarm(kMostOpening);
}

Opening::~Opening() {
    opening.store(false, std::memory_order_relaxed);
    alarm(0);
}

}  // namespace synfin::app
