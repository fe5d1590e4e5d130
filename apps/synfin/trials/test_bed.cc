#include "test_bed.hh"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "config/user_error.hh"
#include "host/interrupt.hh"
#include "results/load_result.hh"
#include "results/load_watch.hh"
#include "results/monitor.hh"
#include "traffic/load_plan.hh"
#include "traffic/load_work.hh"

namespace synfin::app {

namespace {

unsigned engines_of(const Config& config) {
    return std::max<unsigned>(1, static_cast<unsigned>(config.cores.size()));
}

Monitor::Setup setup_of(const Config& config, Runtime& runtime, std::function<void()> on_tick) {
    return {.command = "load",
            .device_name = config.device,
            .control = config.control,
            .on_tick = std::move(on_tick),
            .on_begin = {},
            .device = [&runtime] { return runtime.device_stats(); }};
}

/// The work of an engine between two loads: it answers packets, and waits until nothing is left.
class RestWork {
  public:
    RestWork(unsigned engines, Duration pause, bool time_wait, Instant until)
        : ends_(engines), pause_(pause), time_wait_(time_wait), until_(until) {}

    bool turn(unsigned index, Stack& stack, Instant now) noexcept {
        End& end = ends_[index];
        NoApplication nobody;
        const bool is_busy = stack.poll(nobody, now);
        const RecordCount records = stack.records();
        // A packet of a connection that is gone is answered with RST.
        const uint64_t resets = stack.counters()[Counter::resets_sent];
        const bool is_empty = !records.any_peer() && (!time_wait_ || records.time_wait == 0);
        if (!is_empty || resets != end.resets || end.since == Instant{}) {
            end.resets = resets;
            end.since = now;
        }
        end.is_over = (is_empty && now - end.since >= pause_) || now >= until_ ||
                      interrupted().load(std::memory_order_relaxed);
        return is_busy;
    }
    bool is_over(unsigned index) const noexcept { return ends_[index].is_over; }
    BusyCycles& cycles(unsigned index) noexcept { return ends_[index].cycles; }

  private:
    struct alignas(64) End {
        Instant since{};  ///< empty and undisturbed since then
        uint64_t resets = 0;
        BusyCycles cycles;
        bool is_over = false;
    };
    std::vector<End> ends_;
    const Duration pause_;
    const bool time_wait_;
    const Instant until_;
};

static_assert(Work<RestWork>);

}  // namespace

TestBed::TestBed(const Config& largest)
    : config_(largest),
      series_file_(largest.load.series),
      lock_(largest.device, largest.addresses),
      runtime_(open_device(largest, load_stack(largest, engines_of(largest)), Command::load)),
      gauge_(*runtime_) {}

TestBed::~TestBed() = default;

Trial TestBed::run(const Config& config) {
    Runtime& runtime = *runtime_;
    const unsigned engines = runtime.stacks();
    const DeviceStats before = runtime.device_stats();
    LoadWork work(engines);
    for (unsigned i = 0; i < engines; ++i) work.add(load_run(config, i, engines), interrupted());
    LoadWatch watch(config, work.runs(), series_file_, ++trials_);
    {
        const Monitor monitor(setup_of(config, runtime, [&watch] { watch.look(); }), runtime.inspector(),
                              work.board());
        std::vector<Counters> counters;
        for (unsigned i = 0; i < engines; ++i) counters.push_back(runtime.stack(i).counters());
        work.start(runtime.now(), counters);
        refuse_unless_run(Runner(runtime, work, {.gap = config.validity.gap}).run());
    }
    watch.finish();
    Trial trial{.times = std::make_unique<LoadTimes>(), .result = {}};
    trial.result = load_result(config, runtime, work.runs(), watch.series(),
                               {.tsc_hz = gauge_.hz(),
                                .interrupted = interrupted().load(std::memory_order_relaxed),
                                .device_before = before},
                               *trial.times);
    if (!series_file_.trouble().empty()) trial.result.warnings.push_back(series_file_.trouble());
    unreached_ = nobody_answered(config, work.runs());
    return trial;
}

Rest TestBed::rest(Duration pause) {
    return rest(pause, false, kMostRest);
}

Rest TestBed::rest_out(Duration pause) {
    return rest(pause, true, kMostRest + 2 * config_.tcp.msl);
}

Rest TestBed::rest(Duration pause, bool time_wait, Duration most) {
    Runtime& runtime = *runtime_;
    const Instant begin = runtime.now();
    RestWork work(runtime.stacks(), pause, time_wait, begin + most);
    const ProgressBoard nothing;
    {
        const Monitor monitor(setup_of(config_, runtime, {}), runtime.inspector(), nothing);
        refuse_unless_run(Runner(runtime, work).run());
    }
    Rest rest{.took = runtime.now() - begin};
    for (unsigned i = 0; i < runtime.stacks(); ++i) {
        const RecordCount records = runtime.stack(i).records();
        rest.open += records.open + records.half_open;
        rest.time_wait += records.time_wait;
    }
    return rest;
}

bool TestBed::can_go_on() const {
    // The loss of the device and a duplicate address set the same flag as a signal.
    return !interrupted().load(std::memory_order_relaxed) && unreached_.empty();
}

bool TestBed::is_interrupted() const {
    return interrupted().load(std::memory_order_relaxed) && !runtime_->device_stats().is_gone &&
           duplicate_of(*runtime_).empty();
}

void TestBed::refuse_troubles() const {
    refuse_if_gone(config_, runtime_->device_stats());
    refuse_duplicate(*runtime_);
    if (!unreached_.empty()) throw run_error(unreached_, std::string(kCheckNextHop));
}

}  // namespace synfin::app
