#include "scaled_load.hh"

#include <fmt/format.h>

#include <algorithm>

#include "config/user_error.hh"

namespace synfin::app {

namespace {

using Kind = SearchConfig::Kind;

constexpr uint64_t kFirstRate = 1'000;
/// The ceilings without search.most: what the tester may do on each core, and how many connections a host's
/// memory holds without a second thought.
constexpr uint64_t kMostRate = 1'000'000;
constexpr uint64_t kMostConnections = 1'000'000;

uint64_t& amount_of(LoadConfig& load) {
    switch (load.search.kind) {
        case Kind::request_rate: return load.request_rate;
        case Kind::connections:
            if (!load.connections) load.connections = 0;
            return *load.connections;
        case Kind::none:
        case Kind::rate: break;
    }
    return load.rate;
}

uint64_t given_amount(const LoadConfig& load) {
    switch (load.search.kind) {
        case Kind::request_rate: return load.request_rate;
        case Kind::connections: return load.connections.value_or(0);
        case Kind::none:
        case Kind::rate: break;
    }
    return load.rate;
}

/// Whether connections end by themselves soon after their requests.
bool is_short_lived(const TrafficConfig& traffic) {
    return !traffic.hold && !traffic.think && traffic.heartbeat == Duration::zero() &&
           traffic.steps.empty() && traffic.requests_per_connection.most != 0;
}

/// Whether the class divides the load's amount with others, instead of having one of its own.
bool is_sharer(const LoadConfig::ClassText& text) {
    return std::none_of(text.given.begin(), text.given.end(), [](const auto& given) {
        return given.first == "rate" || given.first == "request-rate" || given.first == "connections";
    });
}

/// The least value of which each class that shares it gets at least one.
uint64_t least_value(const Config& config) {
    constexpr uint64_t kProbe = 1'000'000;
    uint64_t least = 1;
    const auto& texts = config.load.class_texts;
    if (texts.empty()) return least;
    Config scaled = scaled_load(config, kProbe);
    for (size_t i = 0; i < scaled.load.classes.size(); ++i) {
        if (!is_sharer(texts[i])) continue;
        const TrafficConfig& each = scaled.load.classes[i];
        const uint64_t part = config.load.search.kind == Kind::connections    ? each.connections.value_or(1)
                              : config.load.search.kind == Kind::request_rate ? each.request_rate
                                                                              : each.rate;
        // Twice: parts are rounded.
        least = std::max(least, 2 * kProbe / std::max<uint64_t>(1, part));
    }
    return least;
}

}  // namespace

std::string_view unit_of(Kind kind) noexcept {
    return kind == Kind::rate ? "connections/s" : kind == Kind::request_rate ? "requests/s" : "connections";
}

std::string_view name(Kind kind) noexcept {
    return kind == Kind::rate           ? "rate"
           : kind == Kind::request_rate ? "request-rate"
           : kind == Kind::connections  ? "connections"
                                        : "none";
}

Config scaled_load(const Config& config, uint64_t value) {
    Config scaled = config;
    amount_of(scaled.load) = value;
    if (config.load.classes.empty()) return scaled;
    // fill_classes() makes the classes of their texts, whose host names are not resolved: take only amounts.
    Config filled = scaled;
    fill_classes(filled);
    for (size_t i = 0; i < scaled.load.classes.size(); ++i) {
        TrafficConfig& each = scaled.load.classes[i];
        const TrafficConfig& other = filled.load.classes[i];
        each.rate = other.rate;
        each.request_rate = other.request_rate;
        each.connections = other.connections;
    }
    return scaled;
}

Config load_of(const Config& config, const SearchStep& step) {
    Config load = scaled_load(config, step.value);
    load.load.criteria.insert(load.load.criteria.begin(), config.load.search.until.begin(),
                              config.load.search.until.end());
    if (step.is_full) return load;
    PhasesConfig& phases = load.load.phases;
    if (load.load.timeline().has_phases) {
        load.load.duration = Duration::zero();  // of which a phase would get the rest
        phases.init = Duration::zero();
        phases.ramp_up = std::min(phases.ramp_up, step.duration);
        phases.ramp_down = std::min(phases.ramp_down, step.duration);
        phases.sustain = step.duration;
        return load;
    }
    load.load.duration = step.duration;
    load.load.ramp = std::min(load.load.ramp, step.duration / 2);
    load.load.warmup = std::min(load.load.warmup, step.duration / 2);
    return load;
}

SearchPlan search_plan(const Config& config) {
    const LoadConfig& load = config.load;
    const SearchConfig& search = load.search;
    const bool is_count = search.kind == Kind::connections;
    SearchPlan plan;
    plan.most = search.most != 0 ? search.most
                : is_count       ? kMostConnections
                                 : kMostRate * std::max<uint64_t>(1, config.cores.size());
    plan.least = std::min(least_value(config), plan.most);
    const uint64_t given = given_amount(load);
    plan.first = given != 0 ? given : is_count ? kDefaultConnections : kFirstRate;
    plan.resolution_ppm = search.resolution;
    const Timeline time = load.timeline();
    plan.full = time.has_phases ? time.opening - time.lead : time.opening;
    plan.trial = std::min(search.trial, plan.full);
    return plan;
}

TrialTask task_of(const Config& config, uint64_t value) {
    const auto all = config.load.traffic();
    return {.kind = config.load.search.kind,
            .value = value,
            .resolution_ppm = config.load.search.resolution,
            .is_short_lived = std::all_of(all.begin(), all.end(), is_short_lived)};
}

Config largest_load(const Config& config) {
    if (config.load.search.kind == Kind::none) return config;
    return scaled_load(config, search_plan(config).most);
}

void validate_trials(const Config& config) {
    const LoadConfig& load = config.load;
    if (load.search.kind == Kind::none) {
        for (const std::string_view key :
             {"load.search.until", "load.search.resolution", "load.search.trial", "load.search.most"})
            if (config.was_given(key))
                throw usage_error(fmt::format("{} without a search", key),
                                  "give --search rate, or leave it out");
        return;
    }
    if (load.search.until.empty())
        throw usage_error("--search needs to know what a good trial is",
                          "give --until, for example --until 'failed<0.1%, connect.p99<5ms'");
    const auto all = load.traffic();
    if (std::any_of(all.begin(), all.end(), [](const TrafficConfig& each) { return each.count != 0; }))
        throw usage_error("--count and --search: a trial ends after its time",
                          "leave --count out, and give --duration");
    if (load.search.kind == Kind::connections && load.rate != 0)
        throw usage_error("--rate and --search connections: the search varies a closed loop",
                          "leave --rate out, or search for the rate");
    if (load.search.kind == Kind::rate && load.request_rate != 0)
        throw usage_error("--request-rate and --search rate: connections open as requests are due",
                          "give --search request-rate");
    if (load.search.kind == Kind::request_rate && load.rate != 0)
        throw usage_error("--rate and --search request-rate: requests are sent over -c connections",
                          "leave --rate out");
    if (load.search.most != 0 && given_amount(load) > load.search.most)
        throw usage_error(
            fmt::format("search.most {} is below the first value, {}", load.search.most, given_amount(load)),
            "raise search.most, or begin lower");
    if (!load.class_texts.empty() &&
        std::none_of(load.class_texts.begin(), load.class_texts.end(), is_sharer))
        throw usage_error(fmt::format("--search {}: no class has a share of the load's {}",
                                      name(load.search.kind), name(load.search.kind)),
                          "leave the amount of the class that the search is about out");
    static_cast<void>(search_plan(config));  // refuses shares that are too small
}

}  // namespace synfin::app
