#pragma once
/// @file
/// The directory for files that one user's processes share, or leave behind when they are killed.

#include <span>
#include <string>
#include <vector>

namespace synfin::port {

/// /run/synfin, and $XDG_RUNTIME_DIR/synfin if that variable is set.
std::vector<std::string> run_directories();

/// The first candidate that belongs to this user, created if missing; empty when there is none. It skips
/// symbolic links, other users' directories and directories writable by others, where another user could take
/// our file names.
std::string usable_directory(std::span<const std::string> candidates);

}  // namespace synfin::port
