#pragma once
/// @file
/// UserError: an error that ends the command with a message; and the command's exit statuses.

#include <stdexcept>
#include <string>
#include <utility>

namespace synfin::app {

/// Exit statuses of the command, the same for every subcommand.
enum class Exit : int {
    done = 0,
    failed = 1,   ///< failed at run time
    usage = 2,    ///< wrong usage or configuration
    invalid = 3,  ///< the run ended, but is invalid or failed a criterion
};

/// Thrown outside the data path only. main() prints `synfin: error: WHAT`, and the remedy in the next line.
class UserError : public std::runtime_error {
  public:
    UserError(Exit exit, const std::string& what, std::string mend = {})
        : std::runtime_error(what), exit_(exit), mend_(std::move(mend)) {}
    Exit exit() const noexcept { return exit_; }
    const std::string& mend() const noexcept { return mend_; }

  private:
    Exit exit_;
    std::string mend_;
};

inline UserError usage_error(const std::string& what, std::string mend = {}) {
    return UserError(Exit::usage, what, std::move(mend));
}
inline UserError run_error(const std::string& what, std::string mend = {}) {
    return UserError(Exit::failed, what, std::move(mend));
}

}  // namespace synfin::app
