#pragma once
/// @file
/// SIGINT, SIGTERM and SIGHUP as a flag. The library installs no signal handlers; the command does, only
/// here.

#include <atomic>

namespace synfin::app {

/// Installs the handlers: the first signal asks for a clean end, a second SIGINT or SIGTERM ends the process
/// at once. SIGHUP stays ignored if it already is (nohup). SIGPIPE is ignored. Call it before opening a
/// device, which may take seconds: shells start background jobs with SIGINT ignored.
void catch_interrupts();
/// True once a signal has come.
const std::atomic<bool>& interrupted() noexcept;
/// Asks for a clean end, as a signal would.
void request_end() noexcept;

/// Seconds that opening a device may continue after a signal. Waiting for a link takes at most half of it.
inline constexpr unsigned kMostOpening = 10;

/// Lives while a device is opened. Nothing reads the flag then, and a driver may wait for ever, for example
/// for a vhost-user server that accepts but sends nothing. SIGALRM ends the process kMostOpening seconds
/// after a signal.
class Opening {
  public:
    Opening() noexcept;
    ~Opening();
    Opening(const Opening&) = delete;
    Opening& operator=(const Opening&) = delete;
};

}  // namespace synfin::app
