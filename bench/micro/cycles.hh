#pragma once
/// @file
/// Cycles: adds "cycles", TSC increments per item, to a benchmark's result.

#include <benchmark/benchmark.h>

#include "time/tsc_clock.hh"

namespace synfin::micro {

/// Lives around the benchmark's loop; done() after it, with the number of items that an iteration handles.
class Cycles {
  public:
    explicit Cycles(benchmark::State& state) noexcept : state_(state), begin_(TscClock::cycles()) {}
    void done(double items_per_iteration = 1) {
        const auto cycles = static_cast<double>(TscClock::cycles() - begin_);
        const double items = static_cast<double>(state_.iterations()) * items_per_iteration;
        state_.counters["cycles"] = cycles / items;
        state_.SetItemsProcessed(static_cast<int64_t>(items));
    }

  private:
    benchmark::State& state_;
    uint64_t begin_;
};

}  // namespace synfin::micro
