#pragma once
/// @file
/// LinkWatch: polls a device's link while the engines run, and counts its changes.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

#include "synfin/device_report.hh"
#include "synfin/units.hh"

namespace synfin::port {

struct Link {
    bool up = false;
    uint32_t mbps = 0;     ///< 0: unknown
    bool is_gone = false;  ///< the device no longer exists
};

/// A link's history since it was first polled.
struct LinkHistory {
    Link now;
    uint64_t downs = 0;    ///< observed changes from up to down
    Duration down_time{};  ///< total time down, the current outage included
};

/// Polls until the link is up or gone, or `most` has passed. Returns the last state.
Link wait_for_link(const std::function<Link()>& ask, Duration most);

/// Builds a link's history from its polled states.
class LinkLog {
  public:
    LinkLog(Link first, Instant now) noexcept : last_(first), since_(now) {}
    void see(Link link, Instant now) noexcept;
    LinkHistory history(Instant now) const noexcept;

  private:
    Link last_;
    Instant since_;  ///< time of the last change
    uint64_t downs_ = 0;
    Duration down_time_{};
};

void add_link_history(const LinkHistory& link, DeviceStats& stats) noexcept;

/// A thread that polls every kEvery. Polling works everywhere; the link interrupt does not arrive with every
/// card and kernel driver (README.md).
class LinkWatch {
  public:
    static constexpr Duration kEvery = 100ms;

    /// @param ask called on the watch's thread; must not wait for the link.
    LinkWatch(Link first, std::function<Link()> ask);
    ~LinkWatch();
    LinkWatch(const LinkWatch&) = delete;
    LinkWatch& operator=(const LinkWatch&) = delete;

    /// Any thread may call it.
    LinkHistory history() const;

  private:
    void run();

    std::function<Link()> ask_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    bool ending_ = false;
    LinkLog log_;
    std::thread thread_;
};

}  // namespace synfin::port
