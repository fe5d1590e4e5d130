#pragma once
/// @file
/// StepList: the steps of a class, ready to be followed: files are read, and texts can be searched for. Made
/// before the run; all engines read the same list.

#include <cstdint>
#include <vector>

#include "config/step.hh"
#include "sampler.hh"
#include "synfin/units.hh"

namespace synfin::app {

class StepList {
  public:
    struct Entry {
        Step::Kind kind = Step::Kind::send;
        uint64_t size = 0;           ///< send, expect: bytes; expect_close: bytes that may come before
        std::vector<uint8_t> bytes;  ///< send, expect: empty: the pattern
        uint64_t within = 0;         ///< expect: where to look for `bytes`; 0: they are next
        /// Of each prefix of `bytes`, the longest proper prefix that is also its suffix (Knuth, Morris,
        /// Pratt).
        std::vector<uint32_t> borders;
        Sampler pause;
        CountRange times;
        uint32_t back = 0;  ///< repeat: the first step that it repeats
        // A request is a run of sends, a response a run of expects.
        bool ends_request = false;
        bool begins_response = false, ends_response = false;
    };

    /// Reads the files. Throws UserError(usage) for one that can't be read or is too large: 64 MiB for send,
    /// kMostStepText for an expect with `within`.
    explicit StepList(const std::vector<Step>& steps);

    uint32_t size() const noexcept { return static_cast<uint32_t>(entries_.size()); }
    const Entry& operator[](uint32_t i) const noexcept { return entries_[i]; }
    /// Whether a connection can pause.
    bool has_pauses() const noexcept { return has_pauses_; }

  private:
    void find_runs() noexcept;

    std::vector<Entry> entries_;
    bool has_pauses_ = false;
};

/// The content of a file that an option names. Throws UserError(usage).
/// @param option in front of the error text, "--body @FILE"
std::vector<uint8_t> content_of(const std::string& file, uint64_t at_most, const std::string& option);

}  // namespace synfin::app
