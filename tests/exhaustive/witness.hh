#pragma once
/// @file
/// Witness: what is seen of a step: the first thing that is wrong, the edges, and in a replay the story.

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
    uint64_t ends[static_cast<unsigned>(tcp::CloseReason::kCount)] = {};  ///< told to applications, by reason
    uint64_t overflows = 0;        ///< segments lost because the network was full
    std::string* story = nullptr;  ///< when set, steps are told in it
    uint32_t story_ticks = 0;      ///< time since the story began: a world forgets the time of day

  private:
    const char* fault_ = nullptr;
};

}  // namespace synfin::exhaustive
