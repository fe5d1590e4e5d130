#pragma once
/// @file
/// TestBed: an open device on which loads run one after the other. Addresses, ARP and ND entries, path MTUs,
/// TIME-WAIT and the keys of the connections live on from one trial to the next.

#include <memory>
#include <string>

#include "config/config.hh"
#include "config/device_config.hh"
#include "host/address_lock.hh"
#include "results/run_result.hh"
#include "results/series_json.hh"

namespace synfin::app {

/// A load that has ended, with its verdict.
struct Trial {
    std::unique_ptr<LoadTimes> times;  ///< the result refers to it
    RunResult result;
};

/// The time between two trials.
struct Rest {
    Duration took{};
    uint64_t open = 0;       ///< connections that were still open at the end
    uint64_t time_wait = 0;  ///< our TIME-WAIT records at the end
};

class TestBed {
  public:
    /// Opens the device, with pools for the largest of the loads to come. Host names must be resolved.
    /// Throws UserError.
    explicit TestBed(const Config& largest);
    ~TestBed();
    TestBed(const TestBed&) = delete;
    TestBed& operator=(const TestBed&) = delete;

    /// Runs a load until its last connection has ended. The configuration may differ from the largest in its
    /// amounts, durations and criteria. Counters and core times are those of this load.
    Trial run(const Config& config);

    /// Waits until both ends are empty: until this end has no connection, and no packet of one that is gone
    /// has arrived for `pause`. Gives up after kMostRest, or when a signal asks for the end.
    Rest rest(Duration pause);
    static constexpr Duration kMostRest = 10s;
    /// The same, and waits until this end has no TIME-WAIT either, for at most 2MSL longer. The target's own
    /// TIME-WAIT has ended by then too if its 2MSL is not longer.
    Rest rest_out(Duration pause);

    /// False once a signal asked for the end, the device has disappeared, another host has our address, or no
    /// next hop answered.
    bool can_go_on() const;
    /// Whether a signal did.
    bool is_interrupted() const;
    /// Throws UserError for these troubles, but not for a signal. Call it after the result is written.
    void refuse_troubles() const;

    Runtime& runtime() noexcept { return *runtime_; }

  private:
    Rest rest(Duration pause, bool time_wait, Duration most);

    const Config config_;
    SeriesFile series_file_;
    unsigned trials_ = 0;
    const AddressLock lock_;
    const std::unique_ptr<Runtime> runtime_;
    const TscGauge gauge_;
    std::string unreached_;  ///< the error text if no next hop answered; else empty
};

}  // namespace synfin::app
