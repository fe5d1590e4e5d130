#pragma once
/// @file
/// The directory for what processes of one user share, or may leave behind when they are killed.

#include <span>
#include <string>
#include <vector>

namespace synfin::port {

/// /run/synfin, and $XDG_RUNTIME_DIR/synfin where that is set.
std::vector<std::string> run_directories();

/// The first of these that is this user's, made if it is missing; empty when there is none. A link, another
/// user's directory, and one that others may write to are passed over: names in them could be taken.
std::string usable_directory(std::span<const std::string> candidates);

}  // namespace synfin::port
