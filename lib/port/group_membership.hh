#pragma once
/// @file
/// GroupMembership: makes a kernel interface receive multicast groups while the object lives.

#include <string>
#include <vector>

#include "synfin/units.hh"

namespace synfin::port {

/// Holds the memberships on a packet socket that receives nothing, so the kernel ends them with the process,
/// even after SIGKILL. Programs the interface's filter; frames that an XDP program takes pass it too.
class GroupMembership {
  public:
    /// More than kMostGroups groups: the interface receives all multicast frames.
    /// @param interface its index
    GroupMembership(int interface, const std::vector<Mac>& groups);
    ~GroupMembership();
    GroupMembership(const GroupMembership&) = delete;
    GroupMembership& operator=(const GroupMembership&) = delete;

    /// Why the kernel refused, with the remedy, as a warning for the report; empty: it did not.
    const std::string& why_not() const noexcept { return why_not_; }

  private:
    int fd_ = -1;
    std::string why_not_;
};

}  // namespace synfin::port
