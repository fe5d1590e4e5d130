/// @file
/// The head of the report: what ran, the verdict, the main figures, the criteria.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "figures.hh"
#include "html_text.hh"
#include "page_sections.hh"

namespace synfin::app {

using nlohmann::ordered_json;

namespace {

constexpr size_t kMostCriteria = 100;

struct Outcome {
    const char* mood;  ///< class of the style
    std::string head;  ///< HTML
    std::vector<std::string> reasons;
};

std::string limit_text(const ordered_json& criterion) {
    return text_at(criterion, {"name"}) + text_at(criterion, {"limit"});
}

std::string value_of(const ordered_json& criterion) {
    const auto value = number_at(criterion, {"value"});
    return value ? value_text(*value, text_at(criterion, {"unit"})) : "no sample";
}

Outcome outcome_of(const ordered_json& result) {
    const bool is_valid = bool_at(result, {"valid"}), has_passed = bool_at(result, {"passed"});
    const ordered_json& criteria = items_at(result, {"criteria"});
    Outcome outcome{"good", "", texts_at(result, {"invalid_because"})};
    size_t failed = 0, open = 0;
    for (const ordered_json& each : criteria) {
        const std::string verdict = text_at(each, {"verdict"});
        failed += verdict == "fail";
        open += verdict == "undecidable";
        if (verdict == "pass" || outcome.reasons.size() > 20) continue;
        const std::string why = text_at(each, {"why"});
        outcome.reasons.push_back(fmt::format("{}: {} ({}){}", limit_text(each),
                                              verdict == "fail" ? "missed" : "undecidable", value_of(each),
                                              why.empty() ? "" : ", " + why));
    }
    const auto count = criteria.size();
    if (!is_valid)
        outcome = {"bad", "✕ Not valid: the generator did not do what it was asked to",
                   std::move(outcome.reasons)};
    else if (failed != 0)
        outcome = {"bad", fmt::format("✕ Failed: {} of {} criteria missed", failed, count),
                   std::move(outcome.reasons)};
    else if (open != 0 || !has_passed)
        outcome = {"unsure", fmt::format("? Undecidable: {} of {} criteria had too few samples", open, count),
                   std::move(outcome.reasons)};
    else if (count == 0)
        outcome.head = "✓ Valid";
    else
        outcome.head = fmt::format("✓ Passed: valid, {} met",
                                   count == 1 ? "the criterion" : fmt::format("all {} criteria", count));
    if (bool_at(result, {"interrupted"})) outcome.head += ", interrupted";
    return outcome;
}

std::string list_of(const std::vector<std::string>& texts) {
    if (texts.empty()) return {};
    std::string html = "<ul>";
    for (const std::string& text : texts) html += fmt::format("<li>{}</li>", escaped(text, 600));
    return html + "</ul>";
}

std::string about(const StoredResult& result) {
    const ordered_json& json = result.json;
    std::string text =
        fmt::format("synfin {}, {:.4g} s", result.command(), number_or(json, {"duration_s"}, 0));
    for (const std::string& part :
         {text_at(json, {"host", "device", "driver"}), text_at(json, {"host", "cpu"})})
        if (!part.empty()) text += ", " + part;
    const auto cores = items_at(json, {"cores"}).size();
    if (cores != 0) text += fmt::format(", {} core{}", cores, cores == 1 ? "" : "s");
    if (const std::string version = text_at(json, {"build", "version"}); !version.empty())
        text += ", version " + version;
    return escaped(text, 400);
}

/// The main figures: each only if some result has it.
struct Tile {
    const char* figure;
    const char* label;
};
constexpr Tile kTiles[] = {{"cps", "Connections completed"},
                           {"requests_per_s", "Requests answered"},
                           {"failed", "Connections failed"},
                           {"connect.p99", "Connect, p99"},
                           {"first_byte.p99", "First byte, p99"},
                           {"life.p99", "Whole life, p99"},
                           {"rx_bps", "Received"},
                           {"cycles_per_connection", "Cycles per connection"}};

const FigureKind& kind_of(std::string_view name) {
    return *std::find_if(figure_kinds().begin(), figure_kinds().end(),
                         [&](const FigureKind& kind) { return kind.name == name; });
}

/// The number large, its unit small.
std::string tile_value(double value, const std::string& unit) {
    std::string text = value_text(value, unit);
    const size_t cut = std::min(text.find(' '), text.find('/'));
    if (cut == text.npos) return text;
    return fmt::format("{}<small>{}{}</small>", text.substr(0, cut), text[cut] == '/' ? " " : "",
                       text.substr(cut));
}

std::string others(const PageContext& page, const FigureKind& kind, double first) {
    std::string html;
    for (size_t run = 1; run < page.results.size(); ++run) {
        const auto value = figure_of(page.results[run].json, kind);
        std::string change;
        if (value && first != 0 && kind.unit != "%")
            change = fmt::format(", {:+.1f} %", 100 * (*value / first - 1));
        html += fmt::format("<span class=\"more\">{}{}{}</span>", PageContext::badge(run),
                            value ? value_text(*value, kind.unit) : "none", change);
    }
    return html;
}

/// What stands below a tile's value when there is one result.
std::string below(const ordered_json& result, std::string_view figure) {
    if (figure == "failed")
        return fmt::format("{} of {} opened", number_text(number_or(result, {"connections", "failed"}, 0)),
                           number_text(number_or(result, {"connections", "opened"}, 0)));
    if (figure == "cps")
        return value_text(number_or(result, {"rates", "established_per_s"}, 0), "/s") + " established";
    if (figure == "rx_bps") return value_text(number_or(result, {"rates", "tx_bps"}, 0), "bit/s") + " sent";
    const size_t dot = figure.find('.');
    if (dot == figure.npos) return {};
    const auto median = number_at(result, {"latency_us", figure.substr(0, dot), "p50"});
    return median ? "median " + value_text(*median, "us") : "";
}

std::string head_of_one(const StoredResult& result) {
    const Outcome outcome = outcome_of(result.json);
    std::string html = fmt::format(
        "<header><p class=\"brand\">SYNFIN REPORT</p><h1>{}</h1><p class=\"about\">{}</p></header>\n",
        escaped(subject_of(result), 300), about(result));
    html += fmt::format("<section class=\"verdict {}\"><p>{}</p>{}</section>\n", outcome.mood, outcome.head,
                        list_of(outcome.reasons));
    if (const auto warnings = texts_at(result.json, {"warnings"}); !warnings.empty())
        html +=
            fmt::format("<section class=\"verdict unsure\"><p>Warnings</p>{}</section>\n", list_of(warnings));
    return html;
}

}  // namespace

std::string PageContext::badge(size_t run) {
    return fmt::format("<span class=\"badge r{}\">{}</span>", run % 6, letter(run));
}

std::string subject_of(const StoredResult& result) {
    const ordered_json& config = items_at(result.json, {"config"});
    if (result.command() == "bench")
        return fmt::format("bench {}, {} connections at once", text_at(config, {"bench", "profile"}),
                           text_at(config, {"bench", "connections"}));
    if (result.command() == "serve") return fmt::format("serve {}", text_at(config, {"serve", "app"}));
    std::string subject;
    if (const std::string scenario = text_at(config, {"load", "scenario"}); !scenario.empty())
        subject = scenario + ": ";
    std::vector<std::string> targets = texts_at(config, {"load", "target"});
    const ordered_json& classes = items_at(config, {"load", "classes"});
    if (!classes.empty()) subject += fmt::format("{} classes of traffic", classes.size());
    for (size_t i = 0; classes.empty() && i < targets.size() && i < 3; ++i)
        subject += (i == 0 ? "" : ", ") + targets[i];
    if (classes.empty() && targets.size() > 3) subject += fmt::format(" and {} more", targets.size() - 3);
    return subject.empty() ? "load" : subject;
}

std::string head_section(const PageContext& page) {
    if (page.is_single()) return head_of_one(page.first());
    std::string html =
        fmt::format("<header><p class=\"brand\">SYNFIN REPORT</p><h1>{} results side by side</h1></header>\n",
                    page.results.size());
    for (size_t run = 0; run < page.results.size(); ++run) {
        const StoredResult& result = page.results[run];
        const Outcome outcome = outcome_of(result.json);
        html += fmt::format(
            "<section class=\"verdict {}\"><p>{}{}</p><span class=\"about\">{}: {}; {}</span>{}</section>\n",
            outcome.mood, PageContext::badge(run), outcome.head, escaped(result.label, 100),
            escaped(subject_of(result), 300), about(result), list_of(outcome.reasons));
    }
    return html;
}

std::string tiles_section(const PageContext& page) {
    std::string html;
    for (const Tile& tile : kTiles) {
        const FigureKind& kind = kind_of(tile.figure);
        const auto first = figure_of(page.first().json, kind);
        if (!first || (*first == 0 && kind.name != "failed" && kind.name != "cps")) continue;
        const std::string more = page.is_single() ? fmt::format("<span class=\"more\">{}</span>",
                                                                below(page.first().json, tile.figure))
                                                  : others(page, kind, *first);
        html += fmt::format("<li><span class=\"name\">{}{}</span><span class=\"value\">{}</span>{}</li>\n",
                            page.is_single() ? "" : PageContext::badge(0), tile.label,
                            tile_value(*first, kind.unit), more);
    }
    return html.empty() ? html : "<ul class=\"tiles\">" + html + "</ul>\n";
}

std::string criteria_section(const PageContext& page) {
    std::vector<std::string> heads = {"Criterion", "Verdict", "Value", "Samples"};
    if (!page.is_single()) heads.insert(heads.begin() + 1, "Result");
    HtmlTable table(heads);
    for (size_t run = 0; run < page.results.size(); ++run)
        for (const ordered_json& each : items_at(page.results[run].json, {"criteria"})) {
            if (table.rows() == kMostCriteria) break;
            std::vector<std::string> cells = {
                escaped(limit_text(each), 200), verdict_html(text_at(each, {"verdict"})),
                escaped(value_of(each), 80), number_text(number_or(each, {"samples"}, 0))};
            if (!page.is_single()) cells.insert(cells.begin() + 1, PageContext::badge(run));
            table.row(cells);
        }
    return table.rows() == 0 ? "" : "<h2>Criteria</h2>\n" + table.take("Criteria");
}

}  // namespace synfin::app
