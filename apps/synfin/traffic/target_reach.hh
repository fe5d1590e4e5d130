#pragma once
/// @file
/// TargetReach: which of a run's targets have a next hop that answers ARP. Asked before the first connection
/// opens: only a few packets wait for an answer, and a target that cannot be reached is an error by name.

#include <algorithm>
#include <vector>

#include "synfin/stack.hh"

namespace synfin::app {

class TargetReach {
  public:
    explicit TargetReach(std::vector<IpAddress> targets) : targets_(std::move(targets)) {
        std::sort(targets_.begin(), targets_.end());
        targets_.erase(std::unique(targets_.begin(), targets_.end()), targets_.end());
        is_known_.resize(targets_.size());
    }

    /// Whether it is known of each target, after asking for some of those of which it is not. One that does
    /// not answer takes three seconds.
    bool is_known(Stack& stack) noexcept {
        const size_t end = std::min(targets_.size(), first_ + kAtOnce);
        for (size_t i = first_; i < end; ++i) {
            if (is_known_[i]) continue;
            const Reach reach = stack.reach(targets_[i]);
            if (reach == Reach::resolving) continue;
            is_known_[i] = true;
            any_ |= reach == Reach::yes;
        }
        while (first_ < targets_.size() && is_known_[first_]) ++first_;
        return first_ == targets_.size();
    }

    /// Whether one of the targets can be reached.
    bool any() const noexcept { return any_; }

  private:
    static constexpr size_t kAtOnce = 64;  ///< that are asked for side by side

    std::vector<IpAddress> targets_;
    std::vector<bool> is_known_;
    size_t first_ = 0;  ///< of which it is not known
    bool any_ = false;
};

}  // namespace synfin::app
