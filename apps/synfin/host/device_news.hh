#pragma once
/// @file
/// Messages about changes of a device during a run.

#include <fmt/format.h>

#include <chrono>
#include <string>

#include "synfin/runtime.hh"

namespace synfin::app {

/// The message for a change between two readings; empty: nothing to report. Waiting for the peer (memif,
/// vhost) is not reported.
inline std::string device_news(const DeviceStats& before, const DeviceStats& now) {
    if (now.is_gone)
        return before.is_gone ? "" : "gone: the interface was deleted, or moved to another namespace";
    const double down_s = std::chrono::duration<double>(now.link_down_time - before.link_down_time).count();
    if (now.link_downs > before.link_downs)
        return now.link_up ? fmt::format("the link was down for {:.1f} s", down_s) : "the link went down";
    if (now.link_up && !before.link_up && now.link_downs != 0)
        return fmt::format("the link is up again; it was down for {:.1f} s in all",
                           std::chrono::duration<double>(now.link_down_time).count());
    return {};
}

}  // namespace synfin::app
