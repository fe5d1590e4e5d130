#include "result_csv.hh"

#include <fmt/format.h>

#include <iterator>

#include "figures.hh"

namespace synfin::app {

using nlohmann::ordered_json;

namespace {

/// A text cell. Spreadsheets would run a cell that begins like a formula: it gets an apostrophe.
std::string cell(std::string text) {
    if (!text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos)
        text.insert(0, "'");
    if (text.find_first_of(",\"\r\n") == text.npos) return text;
    std::string quoted = "\"";
    for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + '"';
}

class CsvRows {
  public:
    void begin(const std::string& result, const std::string& of_class) {
        head_ = cell(result) + "," + cell(of_class) + ",";
    }
    void put(const std::string& t, const std::string& figure, double value, std::string_view unit) {
        fmt::format_to(std::back_inserter(text_), "{}{},{},{},{}\r\n", head_, t, figure, value, unit);
    }
    std::string take() { return std::move(text_); }

  private:
    std::string head_, text_ = "result,class,t_s,figure,value,unit\r\n";
};

void put_whole(CsvRows& rows, const ordered_json& part) {
    for (const char* key : {"offered", "opened", "established", "completed", "failed", "skipped"})
        if (const auto n = number_at(part, {"connections", key})) rows.put("", key, *n, "connections");
    for (const FigureKind& kind : figure_kinds())
        if (const auto value = figure_of(part, kind))
            rows.put("", kind.name == "failed" ? "failed_share" : kind.name, *value, kind.unit);
    for (const auto& [status, n] : items_at(part, {"statuses"}).items())
        if (n.is_number()) rows.put("", cell("status(" + status + ")"), n.get<double>(), "responses");
}

void put_interval(CsvRows& rows, const std::string& t, const ordered_json& row) {
    for (const char* key : {"offered", "opened", "established", "completed", "failed", "open"})
        if (const auto n = number_at(row, {key})) rows.put(t, key, *n, "connections");
    if (const auto n = number_at(row, {"requests"})) rows.put(t, "requests", *n, "requests");
    for (const auto& [status, n] : items_at(row, {"statuses"}).items())
        if (n.is_number()) rows.put(t, cell("status(" + status + ")"), n.get<double>(), "responses");
    for (const char* phase : {"connect", "first_byte", "last_byte", "life"})
        for (const char* quantile : {"p50", "p90", "p99", "p999", "max"})
            if (const auto us = number_at(row, {"latency", phase, quantile}))
                rows.put(t, fmt::format("{}.{}", phase, quantile), *us, "us");
}

}  // namespace

std::string to_csv(const std::vector<StoredResult>& results) {
    CsvRows rows;
    for (const StoredResult& result : results) {
        rows.begin(result.label, "");
        put_whole(rows, result.json);
        for (const auto& [name, part] : items_at(result.json, {"classes"}).items()) {
            rows.begin(result.label, name);
            put_whole(rows, part);
        }
        for (const ordered_json& point : items_at(result.json, {"series"})) {
            const std::string t = fmt::format("{}", number_or(point, {"t"}, 0));
            rows.begin(result.label, "");
            put_interval(rows, t, point);
            for (const auto& [name, part] : items_at(point, {"classes"}).items()) {
                rows.begin(result.label, name);
                put_interval(rows, t, part);
            }
        }
    }
    return rows.take();
}

}  // namespace synfin::app
