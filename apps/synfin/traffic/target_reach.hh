#pragma once
/// @file
/// TargetReach: finds the targets whose next hop answers ARP or neighbour solicitations, before the first
/// connection opens. Otherwise SYNs would be lost, because only a few packets queue behind such a question,
/// and no error would name an unreachable target.

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

    /// Asks for some of the unresolved targets, and returns whether all are resolved. A target that does not
    /// answer takes three seconds.
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
    static constexpr size_t kAtOnce = 64;  ///< targets that are resolved at the same time

    std::vector<IpAddress> targets_;
    std::vector<bool> is_known_;
    size_t first_ = 0;  ///< the first target that is not resolved yet
    bool any_ = false;
};

}  // namespace synfin::app
