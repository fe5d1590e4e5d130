#pragma once
/// @file
/// LinkWatch: looks at a device's link while the engines are at work, and counts what it sees.

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
    bool is_gone = false;  ///< the device is not there any more
};

/// What has become of a link since it was first looked at.
struct LinkHistory {
    Link now;
    uint64_t downs = 0;    ///< times that it was seen to go down
    Duration down_time{};  ///< of all of them together, the present one included
};

/// Asks until the link is up or gone, or `most` has passed; what was seen last.
Link wait_for_link(const std::function<Link()>& ask, Duration most);

/// Turns looks at a link into its history.
class LinkLog {
  public:
    LinkLog(Link first, Instant now) noexcept : last_(first), since_(now) {}
    void see(Link link, Instant now) noexcept;
    LinkHistory history(Instant now) const noexcept;

  private:
    Link last_;
    Instant since_;  ///< when it became up, or down
    uint64_t downs_ = 0;
    Duration down_time_{};
};

void add_link_history(const LinkHistory& link, DeviceStats& stats) noexcept;

/// A thread that asks every kEvery. Asking works everywhere: the interrupt that announces a change does not
/// come on every card with every kernel driver (README.md).
class LinkWatch {
  public:
    static constexpr Duration kEvery = 100ms;

    /// @param ask called on the watch's thread; must not wait for the link.
    LinkWatch(Link first, std::function<Link()> ask);
    ~LinkWatch();
    LinkWatch(const LinkWatch&) = delete;
    LinkWatch& operator=(const LinkWatch&) = delete;

    /// Any thread.
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
