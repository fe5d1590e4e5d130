#include "result_text.hh"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "config/quantity.hh"
#include "criteria.hh"
#include "ledger_report.hh"
#include "traffic/load_tally.hh"
#include "wire_model.hh"

namespace synfin::app {

namespace {

using nlohmann::ordered_json;

std::string number(const ordered_json& value) {
    if (value.is_null()) return "-";
    if (value.is_number_float()) return fmt::format("{:.1f}", value.get<double>());
    return value.is_string() ? value.get<std::string>() : value.dump();
}

/// "a 1  b 2", without zeros.
std::string pairs(const ordered_json& object) {
    std::string text;
    for (const auto& [key, value] : object.items())
        if (value != 0) text += fmt::format("{}{} {}", text.empty() ? "" : "  ", key, number(value));
    return text.empty() ? "none" : text;
}

/// A short description of the run.
std::string subject(const ordered_json& result) {
    const auto& config = result["config"];
    if (config.contains("bench"))
        return fmt::format("{}, {} connections at once per pair of engines",
                           number(config["bench"]["profile"]), number(config["bench"]["connections"]));
    if (config.contains("serve"))
        return fmt::format("{} on {}", number(config["serve"]["app"]), number(config["device"]));
    if (!config.contains("load")) return "";
    if (config["load"].contains("classes"))
        return fmt::format("{} classes of traffic", config["load"]["classes"].size());
    std::string targets;
    for (const auto& target : config["load"]["target"])
        targets += (targets.empty() ? "" : " ") + number(target);
    if (const auto& rate = config["load"]["request-rate"]; rate != 0)
        return fmt::format("{}, open loop at {} requests/s over {} connections", targets, number(rate),
                           number(config["load"]["connections"]));
    const bool open_loop = config["load"]["rate"] != 0;
    return fmt::format(
        "{}, {}", targets,
        open_loop ? fmt::format("open loop at {} connections/s", number(config["load"]["rate"]))
                  : fmt::format("closed loop of {} connections", number(config["load"]["connections"])));
}

std::string rate(const ordered_json& value, std::string_view unit) {
    return fmt::format("{} {}", count_text(value.get<double>()), unit);
}

/// "no_port 10 (widen --source-ports or give more --address)": each with the option that removes the cause.
std::string skips(const ordered_json& skipped_by) {
    std::string text;
    for (size_t i = 0; i < static_cast<size_t>(Skip::kCount); ++i) {
        const auto reason = static_cast<Skip>(i);
        if (const auto found = skipped_by.find(name(reason)); found != skipped_by.end())
            text += fmt::format("{}{} {} ({})", text.empty() ? "" : "  ", name(reason), number(*found),
                                remedy(reason));
    }
    return text;
}

/// "failed<1% (0 %)", followed by the verdict and its reason if it did not pass.
std::string criterion_text(const ordered_json& criterion) {
    const std::string unit = criterion["unit"].get<std::string>();
    std::string value = "no sample";
    if (!criterion["value"].is_null())
        value = unit == "us" ? fmt::format("{:.4g} ms", criterion["value"].get<double>() / 1e3)
                             : fmt::format("{:.4g}{}{}", criterion["value"].get<double>(),
                                           unit.empty() ? "" : " ", unit);
    std::string text = fmt::format("{}{} ({})", number(criterion["name"]), number(criterion["limit"]), value);
    if (criterion["verdict"] != name(Verdict::pass)) text += ": " + number(criterion["verdict"]);
    if (criterion.contains("why")) text += ", " + number(criterion["why"]);
    return text;
}

constexpr size_t kColumns = 80;

/// A label and its text, broken at the columns of a terminal: at a gap between two figures if there is one,
/// else at a space. A word that is too long stays whole.
std::string wrapped(std::string_view label, std::string_view text, size_t indent) {
    std::string out;
    for (std::string_view head = label;; head = "") {
        out += fmt::format("{:<{}}", head, indent);
        const size_t room = indent + 20 < kColumns ? kColumns - indent : 20;
        if (text.size() <= room) return out + std::string(text) + "\n";
        size_t cut = text.rfind("  ", room);
        if (cut == text.npos || cut == 0) cut = text.rfind(' ', room);
        if (cut == text.npos || cut == 0) cut = std::min(text.find(' '), text.size());
        out += fmt::format("{}\n", text.substr(0, text.find_last_not_of(' ', cut) + 1));
        const size_t next = text.find_first_not_of(' ', cut);
        if (next == text.npos) return out;
        text.remove_prefix(next);
    }
}

/// The first lines: whether the run is valid, whether it passed, and why not.
std::string verdict_text(const ordered_json& result) {
    std::string text;
    const auto block = [&](std::string_view label, std::string_view word,
                           const std::vector<std::string>& lines) {
        if (lines.empty()) text += fmt::format("{:<13}{}\n", label, word);
        for (const std::string& line : lines)
            text +=
                wrapped(fmt::format("{:<13}{}", std::exchange(label, ""), std::exchange(word, "")), line, 18);
    };
    const auto yes_or_no = [&](const char* key) { return result[key].get<bool>() ? "yes" : "NO"; };
    block("valid", yes_or_no("valid"), result["invalid_because"].get<std::vector<std::string>>());
    std::vector<std::string> criteria;
    for (const auto& each : result["criteria"]) criteria.push_back(criterion_text(each));
    if (!criteria.empty()) block("passed", yes_or_no("passed"), criteria);
    if (!result["warnings"].empty()) block("warning", "", result["warnings"].get<std::vector<std::string>>());
    return text;
}

/// Builds the lines of the screen from top to bottom: a label, then its figures.
class Lines {
  public:
    explicit Lines(const ordered_json& result) : result_(result) {}

    std::string take() {
        text_ += verdict_text(result_);
        line(fmt::format("synfin {}", number(result_["command"])),
             fmt::format("{}, {:.2f} s{}", subject(result_), result_["duration_s"].get<double>(),
                         result_["interrupted"].get<bool>() ? ", interrupted" : ""));
        rates();
        connections();
        requests();
        latencies();
        classes();
        phases();
        tcp();
        cores();
        costs();
        floor();
        if (const auto& memory = result_["memory"]; !memory["bytes_per_connection"].is_null())
            line("memory",
                 fmt::format("{} bytes per open connection and end", number(memory["bytes_per_connection"])));
        if (result_.contains("time_wait_at"))
            line("time-wait", fmt::format("at the {}", number(result_["time_wait_at"])));
        build();
        for (const auto& deviation : result_["deviations"]) line("deviation", deviation.get<std::string>());
        if (result_.contains("ledger")) text_ += ledger_text(result_["ledger"]);
        if (result_.contains("model")) text_ += model_text(result_["model"]);
        return std::move(text_);
    }

  private:
    static constexpr size_t kIndent = 13;

    void line(std::string_view label, const std::string& value) { text_ += wrapped(label, value, kIndent); }

    void build() {
        const auto& build = result_["build"];
        line("build",
             fmt::format("synfin {}, {}, {}", number(build["version"]), number(build["march"]),
                         build["profile_guided"].get<bool>() ? "profile-guided" : "not profile-guided"));
    }

    void connections() {
        const auto& connections = result_["connections"];
        line("connections",
             fmt::format("offered {}  opened {}  established {}  completed {}  failed {}  skipped {}",
                         number(connections["offered"]), number(connections["opened"]),
                         number(connections["established"]), number(connections["completed"]),
                         number(connections["failed"]), number(connections["skipped"])));
        if (!connections["failed_by"].empty()) line("  failed by", pairs(connections["failed_by"]));
        if (!connections["skipped_by"].empty()) line("  skipped by", skips(connections["skipped_by"]));
        if (connections["pending"] != 0 || connections["unfinished"] != 0)
            line("  at the end",
                 fmt::format("pending {}  unfinished {}  of these unanswered {}",
                             number(connections["pending"]), number(connections["unfinished"]),
                             number(connections["unanswered"])));
    }

    void requests() {
        if (result_.contains("payload_bytes")) {
            const auto& payload = result_["payload_bytes"];
            line("payload", fmt::format("sent {}  received {}", bytes_text(payload["sent"].get<double>()),
                                        bytes_text(payload["received"].get<double>())));
        }
        if (result_.contains("requests") && result_["requests"]["sent"] != 0) {
            const auto& requests = result_["requests"];
            line("requests", fmt::format("sent {}  answered {}  sent again {}", number(requests["sent"]),
                                         number(requests["answered"]), number(requests["resent"])));
            if (requests.contains("offered"))
                line("", fmt::format("due {}  waited for a connection {}  not sent {} ({})",
                                     number(requests["offered"]), number(requests["waited"]),
                                     number(requests["skipped"]), pairs(requests["skipped_by"])));
        }
        if (!result_["statuses"].empty()) line("statuses", pairs(result_["statuses"]));
        if (result_.contains("corrupt"))
            for (const auto& each : result_["corrupt"]) line("corrupt", corruption(each));
    }
    /// "10.0.0.1:40000 to 10.0.0.2:7: byte 1234 is 0x41, not 0x42"
    static std::string corruption(const ordered_json& json) {
        const std::string found = json["found"].is_null()
                                      ? "is missing"
                                      : fmt::format("is 0x{:02x}", json["found"].get<unsigned>());
        return fmt::format("{} to {}: byte {} {}, not 0x{:02x}", number(json["local"]), number(json["peer"]),
                           number(json["offset"]), found, json["expected"].get<unsigned>());
    }

    void rates() {
        const auto& rates = result_["rates"];
        line("rates", fmt::format("{}  {}  {}", rate(rates["cps"], "connections/s (CPS)"),
                                  rate(rates["established_per_s"], "established/s"),
                                  rate(rates["requests_per_s"], "requests/s")));
        line("", fmt::format("rx {}, {}   tx {}, {}", rate(rates["rx_pps"], "packets/s"),
                             rate(rates["rx_bps"], "bit/s"), rate(rates["tx_pps"], "packets/s"),
                             rate(rates["tx_bps"], "bit/s")));
    }

    void latencies() {
        const auto& latencies = result_["latency_us"];
        if (latencies["connect"]["count"] == 0) return;
        const auto row = [this](const std::string& label, const std::array<std::string, 7>& cells) {
            text_ += fmt::format("{:<13}", label);
            for (size_t i = 0; i < cells.size(); ++i)
                text_ += fmt::format("{0:>{1}}", cells[i], i == 6 ? 11 : 9);
            text_ += '\n';
        };
        row("latency (us)", {"p50", "p90", "p99", "p99.9", "max", "mean", "count"});
        for (const auto& [phase, l] : latencies.items())
            if (l["count"] != 0)
                row("  " + phase, {us(l["p50"]), us(l["p90"]), us(l["p99"]), us(l["p999"]), us(l["max"]),
                                   us(l["mean"]), number(l["count"])});
    }
    /// Ten digits would not fit; the tenths of long times mean nothing.
    static std::string us(const ordered_json& value) {
        const auto time = value.get<double>();
        return fmt::format("{:.{}f}", time, time < 100'000 ? 1 : 0);
    }

    /// One row for each class.
    void classes() {
        if (!result_.contains("classes")) return;
        text_ += fmt::format("{:<18}{:>9}{:>11}{:>13}{:>13}{:>8}{:>8}\n", "classes", "conn/s", "requests/s",
                             "connect p99", "answer p99", "failed", "skipped");
        const auto p99 = [](const ordered_json& of) -> std::string {
            return of["count"] == 0 ? "-" : fmt::format("{:.3f} ms", of["p99"].get<double>() / 1e3);
        };
        for (const auto& [name, of] : result_["classes"].items()) {
            const auto &rates = of["rates"], &latency = of["latency_us"];
            text_ += fmt::format("  {:<16}{:>9}{:>11}{:>13}{:>13}{:>8}{:>8}\n", name,
                                 count_text(rates["established_per_s"].get<double>()),
                                 count_text(rates["requests_per_s"].get<double>()), p99(latency["connect"]),
                                 p99(latency["last_byte"]), number(of["connections"]["failed"]),
                                 number(of["connections"]["skipped"]));
        }
    }

    /// One row for each part of the run; the figures above are those of `sustain`.
    void phases() {
        if (!result_.contains("phases")) return;
        text_ += fmt::format("{:<18}{:>9}{:>9}{:>11}{:>12}{:>9}{:>12}\n", "phases", "from s", "to s",
                             "opened", "completed", "failed", "requests");
        for (const auto& of : result_["phases"])
            text_ += fmt::format("  {:<16}{:>9.1f}{:>9.1f}{:>11}{:>12}{:>9}{:>12}\n",
                                 of["name"].get<std::string>(), of["from_s"].get<double>(),
                                 of["to_s"].get<double>(), number(of["opened"]), number(of["completed"]),
                                 number(of["failed"]), number(of["requests"]));
    }

    void tcp() {
        ordered_json trouble = ordered_json::object();
        for (const char* key :
             {"retransmitted", "rto_expirations", "syn_retransmitted", "stale_syn", "fast_retransmits",
              "out_of_order", "duplicate_acks", "challenge_acks", "zero_window_probes", "resets_sent",
              "resets_received", "time_wait_entered", "time_wait_reused", "time_wait_reused_active"})
            trouble[key] = result_["tcp"][key];
        line("tcp", pairs(trouble));
        line("drops", pairs(result_["drops"]));
        if (!result_.contains("device") || result_["device"]["link_downs"] == 0) return;
        const auto& device = result_["device"];
        line("link", fmt::format("went down {} times, for {:.1f} s together", number(device["link_downs"]),
                                 device["link_down_s"].get<double>()));
    }

    void cores() {
        std::string text;
        for (const auto& core : result_["cores"]) {
            text += fmt::format("{}core {} {} {:.0f} % busy", text.empty() ? "" : "  ", number(core["core"]),
                                number(core["role"]), 100 * core["busy"].get<double>());
            if (core.contains("lost"))
                text += fmt::format(", {:.1f} % lost", 100 * core["lost"].get<double>());
            if (result_["cores"].size() > 1 && core.contains("established"))
                text += fmt::format(" {} connections", number(core["established"]));
        }
        line("cores", text);
    }

    /// "client 1  server 2  both 3"
    static std::string by_end(const ordered_json& ends) {
        return fmt::format("client {}  server {}  both {}", number(ends["client"]), number(ends["server"]),
                           number(ends["both"]));
    }

    void costs() {
        const auto& packets = result_["packets_per_connection"];
        line("packets", fmt::format("per connection (rx+tx): client {}  server {}", number(packets["client"]),
                                    number(packets["server"])));
        line("cycles", "per connection: " + by_end(result_["cycles_per_connection"]));
        const auto& rates = result_["rates"];
        if (rates["requests_per_s"].get<double>() > 2 * rates["cps"].get<double>())
            line("", "per request: " + by_end(result_["cycles_per_request"]));
    }

    void floor() {
        if (!result_.contains("floor")) return;
        const auto& floor = result_["floor"];
        const auto& cycles = floor["cycles_per_connection"];
        line("floor", fmt::format("the same packets without TCP: {}; cycles: {}",
                                  rate(floor["cps"], "connections/s"), by_end(cycles)));
        const auto& both = result_["cycles_per_connection"]["both"];
        if (const double least = cycles["both"].get<double>(); least > 0 && !both.is_null())
            line("", fmt::format("TCP costs {:.2f} times the floor's cycles", both.get<double>() / least));
    }

    const ordered_json& result_;
    std::string text_;
};

}  // namespace

std::string to_text(const ordered_json& result) {
    return Lines(result).take();
}

}  // namespace synfin::app
