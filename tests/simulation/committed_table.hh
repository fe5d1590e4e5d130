#pragma once
/// @file
/// A table of results that is committed: every digit must be as before, so that each change of behaviour is
/// seen.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace synfin::simulation {

inline bool is_set(const char* variable) {
    const char* value = std::getenv(variable);
    return value != nullptr && std::string(value) == "1";
}

/// Fails unless the lines of `now` are lines of the file at `path`, in this order; all of them if `is_whole`.
/// SYNFIN_UPDATE=1 writes the file instead.
inline void compare_with_committed(const std::string& path, const std::string& now, bool is_whole = true) {
    if (is_set("SYNFIN_UPDATE") && is_whole) {
        std::ofstream(path) << now;
        GTEST_SKIP() << "wrote " << path;
    }
    std::ifstream file(path);
    ASSERT_TRUE(file) << path << " is missing; SYNFIN_UPDATE=1 writes it";
    std::istringstream lines(now);
    std::string was, is, differing;
    while (std::getline(lines, is)) {
        bool found = false;
        while (!found && std::getline(file, was)) {
            found = was == is;
            if (!found && is_whole) break;
        }
        if (!found) {
            ADD_FAILURE() << path << ":\n  was " << was << "\n  is  " << is
                          << "\nIf the change is wanted: SYNFIN_UPDATE=1 and commit the file.";
            return;
        }
    }
    if (is_whole) {
        EXPECT_FALSE(std::getline(file, was)) << path << " has more lines: " << was;
    }
}

}  // namespace synfin::simulation
