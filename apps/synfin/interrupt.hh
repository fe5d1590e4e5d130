#pragma once
/// @file
/// SIGINT and SIGTERM as a flag. The library installs no handlers; the command does, here only.

#include <atomic>

namespace synfin::app {

/// Installs the handlers: the first signal asks for a clean end, a second one ends the process at once.
/// Called before a device is opened, which may take seconds: a shell's background jobs have SIGINT ignored
/// until then.
void catch_interrupts();
/// Whether a signal has come.
const std::atomic<bool>& interrupted() noexcept;

}  // namespace synfin::app
