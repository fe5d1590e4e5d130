#include "publish.hh"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "config/user_error.hh"
#include "json_text.hh"
#include "result_json.hh"
#include "result_text.hh"

namespace synfin::app {

using nlohmann::ordered_json;

void check_json_path(const std::string& json_path) {
    if (json_path.empty() || json_path == "-") return;
    if (!std::ofstream(json_path, std::ios::app))
        throw run_error(fmt::format("{}: the result can't be written there", json_path),
                        "choose another file for --json");
}

void publish(const RunResult& result, const std::string& json_path) {
    const ordered_json json = to_json(result);
    publish(json, to_text(json), json_path);
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
