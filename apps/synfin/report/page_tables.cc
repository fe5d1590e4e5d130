/// @file
/// The tables of the report: every figure, classes, counts by cause, and the conditions of the run.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "comparison.hh"
#include "figures.hh"
#include "html_text.hh"
#include "page_sections.hh"

namespace synfin::app {

using nlohmann::ordered_json;

namespace {

constexpr size_t kMostRows = 60;

/// The counts of an object, greatest first, without zeros.
std::vector<std::pair<std::string, double>> counts_of(const ordered_json& object) {
    std::vector<std::pair<std::string, double>> all;
    for (const auto& [key, n] : object.items())
        if (n.is_number() && n.get<double>() > 0) all.emplace_back(key, std::min(n.get<double>(), 1e15));
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    return all;
}

/// A card with a bar for each count, as shares of their sum.
std::string bars(std::string_view title, const ordered_json& object, bool are_faults, bool is_shown_empty) {
    const auto all = counts_of(object);
    if (all.empty() && !is_shown_empty) return {};
    double sum = 0;
    for (const auto& each : all) sum += each.second;
    std::string html = fmt::format("<div class=\"card\"><h3>{}</h3>", title);
    if (all.empty()) return html + "<p class=\"note\">None.</p></div>\n";
    html += fmt::format("<ul class=\"bars{}\">", are_faults ? " faults" : "");
    for (size_t i = 0; i < all.size() && i < kMostRows; ++i)
        html += fmt::format(
            "<li><span class=\"what\">{}</span><span class=\"n\">{} ({:.3g} %)</span><span class=\"bar\"><i "
            "style=\"width:{:.2f}%\"></i></span></li>",
            escaped(all[i].first, 100), number_text(all[i].second), 100 * all[i].second / sum,
            std::max(0.4, 100 * all[i].second / sum));
    return html + "</ul></div>\n";
}

std::string connections_card(const ordered_json& result) {
    std::string html = "<div class=\"card\"><h3>Connections</h3>";
    HtmlTable table({"Count", "Connections"});
    for (const auto& [key, label] : {std::pair{"offered", "offered"},
                                     {"skipped", "skipped: could not be opened"},
                                     {"opened", "opened"},
                                     {"established", "established"},
                                     {"completed", "completed"},
                                     {"failed", "failed"},
                                     {"pending", "cut off before they were established"},
                                     {"unfinished", "cut off while established"}})
        if (const auto n = number_at(result, {"connections", key})) table.row({label, number_text(*n)});
    return html + table.take("Connections") + "</div>\n";
}

/// Received payload that was not as expected.
std::string corruptions_table(const ordered_json& result) {
    HtmlTable table({"Corrupt payload", "Peer", "Offset", "Expected", "Found"});
    for (const ordered_json& each : items_at(result, {"corrupt"})) {
        if (table.rows() == kMostRows) break;
        const std::string found = text_at(each, {"found"});
        table.row({escaped(text_at(each, {"local"}), 80), escaped(text_at(each, {"peer"}), 80),
                   number_text(number_or(each, {"offset"}, 0)), escaped(text_at(each, {"expected"}), 20),
                   found.empty() ? "nothing" : escaped(found, 20)});
    }
    return table.rows() == 0 ? "" : table.take("Corrupt payload");
}

/// Letter and heading of a run's cards if there are several.
std::string heading(const PageContext& page, size_t run) {
    if (page.is_single()) return {};
    return fmt::format("<h3>{}{}</h3>\n", PageContext::badge(run), escaped(page.results[run].label, 100));
}

std::string cores_table(const ordered_json& result) {
    HtmlTable table({"Core", "Role", "Busy", "Lost", "Longest gap", "Connections"});
    for (const ordered_json& core : items_at(result, {"cores"})) {
        if (table.rows() == kMostRows) break;
        const auto share = [&](const char* key) {
            const auto value = number_at(core, {key});
            return value ? fmt::format("{:.1f} %", 100 * *value) : "-";
        };
        const auto gap = number_at(core, {"longest_gap_us"}), established = number_at(core, {"established"});
        table.row({escaped("core " + text_at(core, {"core"}), 40), escaped(text_at(core, {"role"}), 40),
                   share("busy"), share("lost"), gap ? value_text(*gap, "us") : "-",
                   established ? number_text(*established) : "-"});
    }
    return table.rows() == 0 ? "" : table.take("Cores");
}

std::string texts_list(std::string_view title, const std::vector<std::string>& texts) {
    if (texts.empty()) return {};
    std::string html = fmt::format("<h3>{}</h3><ul class=\"list\">", title);
    for (size_t i = 0; i < texts.size() && i < kMostRows; ++i)
        html += fmt::format("<li>{}</li>", escaped(texts[i], 600));
    return html + "</ul>\n";
}

std::string folded_json(std::string_view title, const ordered_json& json) {
    if (json.empty()) return {};
    return fmt::format("<details><summary>{}</summary><pre tabindex=\"0\">{}</pre></details>\n", title, [&] {
        // Line by line: escaped() turns line feeds into spaces.
        const std::string text = json.dump(2, ' ', false, ordered_json::error_handler_t::replace);
        std::string html;
        constexpr size_t kMost = 65'536;
        for (size_t from = 0; from < text.size() && html.size() < kMost;) {
            const size_t to = std::min(text.find('\n', from), text.size());
            html += escaped(std::string_view(text).substr(from, to - from), 300) + "\n";
            from = to + 1;
        }
        return html.size() < kMost ? html : html + "…";
    }());
}

}  // namespace

std::string figures_section(const PageContext& page) {
    if (page.is_single()) return {};
    std::vector<std::string> heads = {"Figure"};
    for (size_t run = 0; run < page.results.size(); ++run) heads.push_back(PageContext::badge(run));
    const bool are_two = page.results.size() == 2 && page.results[0].command() == page.results[1].command();
    std::vector<FigureChange> changes;
    if (are_two) {
        changes = compare({page.results[0]}, {page.results[1]}, kDefaultMargin).figures;
        for (const char* head : {"Change", "Verdict"}) heads.emplace_back(head);
    }
    HtmlTable table(heads);
    for (const FigureKind& kind : figure_kinds()) {
        std::vector<std::string> cells = {kind.name};
        bool is_known = false;
        for (const StoredResult& result : page.results) {
            const auto value = figure_of(result.json, kind);
            is_known |= value && *value != 0;
            cells.push_back(value ? value_text(*value, kind.unit) : "-");
        }
        if (!is_known) continue;
        const auto change = std::find_if(changes.begin(), changes.end(), [&](const FigureChange& each) {
            return each.kind.name == kind.name;
        });
        if (are_two && change == changes.end()) cells.resize(cells.size() + 2, "-");
        if (change != changes.end()) {
            const bool is_share = kind.unit == "%";
            cells.push_back(
                fmt::format("{:+.2f} {}", (is_share ? 1 : 100) * change->change, is_share ? "pp" : "%"));
            cells.push_back(verdict_html(name(change->verdict)));
        }
        table.row(cells);
    }
    std::string html = "<h2>All figures</h2>\n" + table.take("All figures");
    if (are_two)
        html += "<p class=\"note\">synfin compare explains each verdict: method, interval and noise.</p>\n";
    return html;
}

std::string classes_section(const PageContext& page) {
    std::string html;
    for (size_t run = 0; run < page.results.size(); ++run) {
        HtmlTable table({"Class", "Opened", "Completed", "Failed", "CPS", "Requests/s", "Connect p99",
                         "First byte p99", "Last byte p99"});
        for (const auto& [name, part] : items_at(page.results[run].json, {"classes"}).items()) {
            if (table.rows() == kMostRows) break;
            const ordered_json& of = part;
            const auto count = [&](const char* key) {
                return number_text(number_or(of, {"connections", key}, 0));
            };
            const auto p99 = [&](const char* phase) {
                return number_or(of, {"latency_us", phase, "count"}, 0) > 0
                           ? value_text(number_or(of, {"latency_us", phase, "p99"}, 0), "us")
                           : "-";
            };
            table.row({escaped(name, 80), count("opened"), count("completed"), count("failed"),
                       number_text(number_or(of, {"rates", "cps"}, 0)),
                       number_text(number_or(of, {"rates", "requests_per_s"}, 0)), p99("connect"),
                       p99("first_byte"), p99("last_byte")});
        }
        if (table.rows() != 0) html += heading(page, run) + table.take("Classes");
    }
    return html.empty() ? html : "<h2>Classes of traffic</h2>\n" + html;
}

std::string counts_section(const PageContext& page) {
    std::string html = "<h2>Connections and failures</h2>\n";
    for (size_t run = 0; run < page.results.size(); ++run) {
        const ordered_json& result = page.results[run].json;
        html += heading(page, run) + "<div class=\"pair\">" + connections_card(result);
        html += bars("Failures by cause", items_at(result, {"connections", "failed_by"}), true, true);
        html += bars("Not opened, by cause", items_at(result, {"connections", "skipped_by"}), true, false);
        html += bars("Responses by status", items_at(result, {"statuses"}), false, false);
        html += bars("Dropped packets by reason", items_at(result, {"drops"}), true, false) + "</div>\n";
        html += corruptions_table(result);
    }
    return html;
}

std::string host_section(const PageContext& page) {
    std::string html = "<h2>Conditions</h2>\n";
    for (size_t run = 0; run < page.results.size(); ++run) {
        const ordered_json& result = page.results[run].json;
        html += heading(page, run) + cores_table(result);
        html += texts_list("Deviations", texts_at(result, {"deviations"}));
        html += "<h3>Configuration and host</h3>\n";
        html += folded_json("Configuration in force", items_at(result, {"config"}));
        html += folded_json("Host and device", items_at(result, {"host"}));
        html += folded_json("Build", items_at(result, {"build"}));
        html += folded_json("TCP counters", items_at(result, {"tcp"}));
    }
    return html;
}

}  // namespace synfin::app
