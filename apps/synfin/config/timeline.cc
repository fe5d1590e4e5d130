/// @file
/// The parts of a load in time: from phases, --warmup, --ramp and --duration.

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "config.hh"
#include "user_error.hh"

namespace synfin::app {

Timeline LoadConfig::timeline() const noexcept {
    if (phases.sum() > Duration::zero()) {
        PhasesConfig used = phases;
        Duration& rest = used.sustain == Duration::zero() ? used.sustain : used.ramp_down;
        if (rest == Duration::zero()) rest = std::max(Duration::zero(), duration - phases.sum());
        return {.init = used.init,
                .ramp = used.ramp_up,
                .lead = used.ramp_up,
                .opening = used.ramp_up + used.sustain,
                .ramp_down = used.ramp_down,
                .has_phases = true};
    }
    const auto all = traffic();
    const bool ends = std::all_of(all.begin(), all.end(), [](const auto& each) { return each.count != 0; });
    Timeline time;
    time.ramp = ramp;
    time.lead = warmup;
    time.opening = duration > Duration::zero() || ends ? duration : 10s;
    return time;
}

namespace {

void validate_phases(const LoadConfig& load, const Timeline& time) {
    for (const auto& [given, option] : {std::pair(load.warmup, "--warmup"), std::pair(load.ramp, "--ramp")})
        if (given > Duration::zero())
            throw usage_error(fmt::format("{} and load.phases: the phases say what is measured", option),
                              "leave one of them out");
    if (time.opening == time.ramp)
        throw usage_error("load.phases: the phase sustain has no length",
                          "give sustain, or a --duration from which it gets what the other phases leave");
    if (load.duration == Duration::zero()) return;
    if (const Duration sum = time.init + time.opening + time.ramp_down; sum != load.duration)
        throw usage_error(fmt::format("load.phases: together they last {}, but --duration says {}",
                                      duration_text(sum), duration_text(load.duration)),
                          "leave --duration out, or one of the phases: it gets what the others leave");
}

}  // namespace

void validate_times(const LoadConfig& load) {
    const Timeline time = load.timeline();
    if (time.has_phases) return validate_phases(load, time);
    if (time.opening == Duration::zero()) return;
    if (load.ramp > time.opening)
        throw usage_error(fmt::format("--ramp is longer than --duration ({})", duration_text(time.opening)),
                          "shorten the ramp, or give a longer --duration");
    if (load.warmup >= time.opening)
        throw usage_error(fmt::format("--warmup {} leaves nothing of --duration {} to measure",
                                      duration_text(load.warmup), duration_text(time.opening)),
                          "give a longer --duration: the warm-up is a part of it");
}

}  // namespace synfin::app
