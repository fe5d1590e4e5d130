#include "class_texts.hh"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "codec.hh"
#include "fields.hh"
#include "user_error.hh"

namespace synfin::app {

namespace {

constexpr uint64_t kWhole = 1'000'000;  ///< parts per million
constexpr size_t kMostName = 32;

/// Stores one value in the class.
std::string apply(TrafficConfig& traffic, Config& scratch, std::string_view key, const std::string& value,
                  bool first) {
    if (key == "name") {
        if (!is_class_name(value))
            return "name: " + expected_but_found(
                                  "at most 32 letters, digits, '-' and '_', and no word of the "
                                  "criteria",
                                  value);
        traffic.name = value;
        return {};
    }
    if (key == "share") {
        const Codec<uint64_t> codec = percent();
        const auto parsed = codec.parse(value, codec.range);
        if (!parsed) return "share: " + parsed.error;
        traffic.share = *parsed.value;
        return {};
    }
    const Field* const field = find_class_field(key);
    if (field == nullptr) return unknown_class_key(key);
    static_cast<TrafficConfig&>(scratch.load) = std::move(traffic);
    const std::string why = field->set(scratch, value, first);
    traffic = std::move(static_cast<TrafficConfig&>(scratch.load));
    return why.empty() ? why : fmt::format("{}: {}", key, why);
}

[[noreturn]] void refuse(const TrafficConfig& traffic, const std::string& why, const std::string& remedy) {
    throw usage_error(fmt::format("load.classes: class '{}': {}", traffic.name, why), remedy);
}

/// Whether the class says itself how much it does.
bool has_own_amount(const TrafficConfig& traffic) noexcept {
    return traffic.rate != 0 || traffic.request_rate != 0 || traffic.connections.has_value();
}

/// Makes the class of its text; the amounts that it does not give are absent.
TrafficConfig class_of(const LoadConfig::ClassText& text, Config& scratch, const TrafficConfig& inherited) {
    TrafficConfig traffic = inherited;
    traffic.name = text.name;
    for (const auto& [key, values] : text.given) {
        bool first = true;
        for (const std::string& value : values) {
            const std::string why = apply(traffic, scratch, key, value, std::exchange(first, false));
            if (!why.empty()) throw usage_error(fmt::format("load.classes: {}", why));
        }
    }
    if (traffic.share && has_own_amount(traffic))
        refuse(traffic, "share, and an amount of its own",
               "give one of share, rate, connections, request-rate");
    if (traffic.rate != 0 && traffic.request_rate != 0)
        refuse(traffic, "rate and request-rate", "give one of them");
    return traffic;
}

/// The shares of the classes that have no amount of their own, in parts per million.
std::vector<std::optional<uint64_t>> shares_of(const std::vector<TrafficConfig>& classes) {
    uint64_t given = 0, without = 0;
    for (const TrafficConfig& each : classes) {
        given += each.share.value_or(0);
        without += !each.share && !has_own_amount(each) ? 1 : 0;
    }
    if (given > kWhole)
        throw usage_error(fmt::format("load.classes: the shares sum up to {}", percent_text(given)),
                          "give shares of at most 100% together");
    if (without != 0 && given == kWhole)
        throw usage_error(
            "load.classes: the shares sum up to 100%, which leaves nothing to the other classes",
            "give each class a share, or a rate or connections of its own");
    std::vector<std::optional<uint64_t>> all;
    for (const TrafficConfig& each : classes)
        all.push_back(has_own_amount(each) ? std::nullopt
                                           : std::optional(each.share.value_or(
                                                 (kWhole - given) / std::max<uint64_t>(without, 1))));
    return all;
}

/// Hands out parts of one number, so that the parts of all shares sum up to it.
class Parts {
  public:
    explicit Parts(uint64_t whole) noexcept : whole_(static_cast<double>(whole)) {}
    /// The part for the next share. Shares that are one rounding below 100 % together get all.
    uint64_t next(uint64_t share) noexcept {
        constexpr double kRounding = static_cast<double>(kMostClasses) / static_cast<double>(kWhole);
        shared_ += static_cast<double>(share) / static_cast<double>(kWhole);
        const double upto = shared_ > 1 - kRounding ? whole_ : whole_ * shared_;
        const auto next = static_cast<uint64_t>(std::llround(upto));
        return next - std::exchange(given_, next);
    }

  private:
    double whole_, shared_ = 0;
    uint64_t given_ = 0;
};

/// Gives each class that has a share its part of the load's amounts.
void divide(const LoadConfig& load, std::vector<TrafficConfig>& classes) {
    const auto shares = shares_of(classes);
    Parts rate(load.rate), request_rate(load.request_rate), count(load.count),
        connections(load.connections.value_or(kDefaultConnections));
    const bool has_sharer =
        std::any_of(shares.begin(), shares.end(), [](const auto& share) { return share.has_value(); });
    const bool has_amount = load.rate != 0 || load.request_rate != 0 || load.connections;
    if (!classes.empty() && !has_sharer && has_amount)
        throw usage_error("load: a rate or connections, and every class has its own",
                          "give classes a share of it, or leave it out");
    const bool takes_connections = load.connections || load.rate == 0;
    for (size_t i = 0; i < classes.size(); ++i) {
        TrafficConfig& each = classes[i];
        if (!shares[i]) {
            if (load.count != 0 && each.count == 0)
                refuse(each, "load.count does not say how many of its connections to open",
                       "give the class a count, or a share instead of an amount of its own");
            continue;
        }
        each.rate = rate.next(*shares[i]);
        each.request_rate = request_rate.next(*shares[i]);
        if (takes_connections) each.connections = std::max<uint64_t>(1, connections.next(*shares[i]));
        if (each.count == 0) each.count = count.next(*shares[i]);
        if (load.rate != 0 && each.rate == 0)
            refuse(each, "its share of load.rate is less than one connection per second",
                   "raise one of them");
    }
}

/// A connection whose requests have times of their own has no number of requests unless the user gives one.
void fill_requests(TrafficConfig& traffic, bool was_given) {
    const bool has_times = traffic.request_rate != 0 || traffic.heartbeat > Duration::zero();
    if (has_times && !was_given) traffic.requests_per_connection = {0, 0};
}

bool gives_requests(const LoadConfig::ClassText& text) {
    return std::any_of(text.given.begin(), text.given.end(), [](const auto& given) {
        return given.first == "requests" || given.first == "requests-per-connection";
    });
}

}  // namespace

bool is_class_name(std::string_view name) noexcept {
    const auto is_word = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '-';
    };
    return !name.empty() && name.size() <= kMostName && std::all_of(name.begin(), name.end(), is_word) &&
           !is_figure(name);
}

std::string set_class_value(LoadConfig::ClassText& text, std::string_view key,
                            const std::vector<std::string>& values) {
    TrafficConfig traffic;
    Config scratch;
    bool first = true;
    for (const std::string& value : values)
        if (std::string why = apply(traffic, scratch, key, value, std::exchange(first, false)); !why.empty())
            return why;
    if (key == "name") {
        text.name = values.front();
        return {};
    }
    std::erase_if(text.given, [&](const auto& given) { return given.first == key; });
    text.given.emplace_back(key, values);
    return {};
}

void fill_classes(Config& config) {
    LoadConfig& load = config.load;
    load.classes.clear();
    if (load.class_texts.size() > kMostClasses)
        throw usage_error(fmt::format("load.classes: {} classes", load.class_texts.size()),
                          fmt::format("give at most {}", kMostClasses));
    TrafficConfig inherited = load;
    inherited.connections.reset();
    inherited.rate = inherited.request_rate = inherited.count = 0;
    std::set<std::string> names;
    std::vector<TrafficConfig> classes;
    Config scratch;
    for (const LoadConfig::ClassText& text : load.class_texts) {
        classes.push_back(class_of(text, scratch, inherited));
        std::string& name = classes.back().name;
        if (name.empty()) name = fmt::format("class{}", classes.size());
        if (!names.insert(name).second)
            throw usage_error(fmt::format("load.classes: two classes have the name '{}'", name),
                              "give each class a name of its own");
    }
    divide(load, classes);
    const bool all_give = config.was_given("load.requests-per-connection");
    for (size_t i = 0; i < classes.size(); ++i)
        fill_requests(classes[i], all_give || gives_requests(load.class_texts[i]));
    if (classes.empty()) fill_requests(load, all_give);
    load.classes = std::move(classes);
}

}  // namespace synfin::app
