#pragma once
/// @file
/// SIGINT, SIGTERM and SIGHUP as a flag. The library installs no handlers; the command does, here only.

#include <atomic>

namespace synfin::app {

/// Installs the handlers: the first signal asks for a clean end, a second SIGINT or SIGTERM ends the process
/// at once. A SIGHUP that is ignored already stays so (nohup). SIGPIPE is ignored. Called before a device is
/// opened, which may take seconds: a shell's background jobs have SIGINT ignored until then.
void catch_interrupts();
/// Whether a signal has come.
const std::atomic<bool>& interrupted() noexcept;
/// Ends the run as a signal would.
void request_end() noexcept;

/// Seconds that opening a device may go on after a signal; a link is waited for half of it.
inline constexpr unsigned kMostOpening = 10;

/// While a device is opened, nobody looks at the flag, and a driver may wait for ever, as for a vhost-user
/// server that accepts and says nothing: kMostOpening after a signal, the process ends by SIGALRM.
class Opening {
  public:
    Opening() noexcept;
    ~Opening();
    Opening(const Opening&) = delete;
    Opening& operator=(const Opening&) = delete;
};

}  // namespace synfin::app
