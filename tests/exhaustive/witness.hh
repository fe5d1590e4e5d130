#pragma once
/// @file
/// Witness: the observations of a step: the first fault, the edges, and in a replay the text of the steps.

#include <string>

#include "figure5.hh"

namespace synfin::exhaustive {

class Witness {
  public:
    void require(bool condition, const char* rule) noexcept {
        if (!condition && fault_ == nullptr) fault_ = rule;
    }
    /// The first rule that was broken, or null.
    const char* fault() const noexcept { return fault_; }

    EdgeTable edges;
    uint64_t ends[static_cast<unsigned>(tcp::CloseReason::kCount)] = {};  ///< reported, by reason
    uint64_t overflows = 0;        ///< segments lost because the network was full
    std::string* story = nullptr;  ///< if set, steps are described in it
    uint32_t story_ticks = 0;      ///< time since the story began: a world forgets the time of day

  private:
    const char* fault_ = nullptr;
};

}  // namespace synfin::exhaustive
