#include "publish.hh"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string_view>

#include "config/user_error.hh"
#include "json_text.hh"
#include "report/page.hh"
#include "result_json.hh"
#include "result_text.hh"

namespace synfin::app {

using nlohmann::ordered_json;

namespace {

void check_writable(const std::string& path, std::string_view what, std::string_view option) {
    if (!std::ofstream(path, std::ios::app))
        throw run_error(fmt::format("{}: the {} can't be written there", path, what),
                        fmt::format("choose another file for {}", option));
}

}  // namespace

void check_json_path(const std::string& json_path) {
    if (!json_path.empty() && json_path != "-") check_writable(json_path, "result", "--json");
}

void check_report_path(const std::string& report_path) {
    if (!report_path.empty()) check_writable(report_path, "report", "--report");
}

void publish(const RunResult& result, const std::string& json_path) {
    const ordered_json json = to_json(result);
    publish(json, to_text(json), json_path);
    write_report(json, result.config.report);
}

void publish(const ordered_json& result, const std::string& text, const std::string& json_path) {
    const bool to_stdout = json_path == "-";
    const std::string json = json_text(result);
    if (to_stdout) std::fputs(text.c_str(), stderr);
    const std::string& said = to_stdout ? json : text;
    const int trouble = std::fputs(said.c_str(), stdout) >= 0 && std::fflush(stdout) == 0 ? 0 : errno;
    // scripts/run.sh sets it to a line that tells how to get a faster build.
    if (const char* note = std::getenv("SYNFIN_NOTE"); note != nullptr && *note != '\0') {
        std::fputs(note, stderr);
        std::fputc('\n', stderr);
    }
    if (!json_path.empty() && !to_stdout) {
        std::ofstream file(json_path);
        if (!(file << json) || !file.flush())
            throw run_error(fmt::format("{}: the result can't be written", json_path),
                            "choose another file for --json");
    }
    if (trouble != 0)
        throw run_error(
            fmt::format("standard output: the result can't be written: {}", std::strerror(trouble)));
}

}  // namespace synfin::app
