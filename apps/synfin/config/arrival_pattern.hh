#pragma once
/// @file
/// ArrivalPattern: how the arrivals of an open loop, connections or requests, are spread over time.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "quantity.hh"
#include "synfin/units.hh"

namespace synfin::app {

/// Arrivals at recorded times. Shared by all engines; each copies the times of its own arrivals.
struct ArrivalTrace {
    static constexpr size_t kMost = 10'000'000;
    std::vector<Duration> times;       ///< since the start, in order
    std::vector<uint8_t> class_of;     ///< by time: index of `classes`; empty: no line names a class
    std::vector<std::string> classes;  ///< the first is "", of lines without a class

    /// The times of a class's arrivals: lines that name it, and lines that name none.
    std::vector<Duration> times_of(std::string_view class_name) const;
};

struct ArrivalPattern {
    enum class Kind : uint8_t {
        constant,  ///< evenly, at the rate
        poisson,   ///< independent of each other, at the rate on average
        bursts,    ///< `burst` at once, at the rate on average
        steps,     ///< evenly, at the rate of the present step; the last step has no end
        trace      ///< at the times of a file
    };
    struct Step {
        double rate = 0;  ///< per second
        Duration length{};
        bool operator==(const Step&) const noexcept = default;
    };

    Kind kind = Kind::constant;
    uint64_t burst = 1;
    std::vector<Step> steps;
    std::shared_ptr<const ArrivalTrace> trace;
    std::string text = "constant";  ///< as the user wrote it

    /// Whether the pattern has its own rates, so that the configured rate is only their upper limit.
    bool has_own_rate() const noexcept { return kind == Kind::steps || kind == Kind::trace; }
    /// The greatest rate of the steps.
    double greatest_rate() const noexcept;
};

/// `constant`, `poisson`, `bursts(N)`, `steps(RATE@TIME, ...)` or `trace(FILE)`. The file has a line
/// `SECONDS[,CLASS]` for each arrival, in order, at most ArrivalTrace::kMost; it is read here.
Parsed<ArrivalPattern> parse_arrivals(std::string_view text);

}  // namespace synfin::app
