/// @file
/// synfin report: results as an HTML page, or as CSV.

#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "report/page.hh"
#include "report/result_csv.hh"
#include "subcommand.hh"

namespace synfin::app {

namespace {

void write_csv(const std::string& csv, const std::string& path) {
    if (path == "-") {
        if (std::fputs(csv.c_str(), stdout) < 0 || std::fflush(stdout) != 0)
            throw run_error("standard output: the CSV can't be written");
        return;
    }
    std::ofstream file(path, std::ios::binary);
    if (!(file << csv) || !file.flush())
        throw run_error(fmt::format("{}: the CSV can't be written there", path),
                        "choose another file for --csv");
}

Exit run(const Config& config) {
    if (config.inputs.empty())
        throw usage_error("report takes results, found none",
                          "for example: synfin report result.json -o report.html");
    if (config.page.empty() && config.csv.empty())
        throw usage_error("nothing to write", "give -o FILE.html, --csv FILE, or both");
    if (!config.page.empty() && config.inputs.size() > kMostOnPage)
        throw usage_error(
            fmt::format("{} results: a page shows at most {}", config.inputs.size(), kMostOnPage));
    std::vector<StoredResult> results;
    for (const std::string& path : config.inputs) results.push_back(read_result(path));
    if (!config.page.empty()) write_report(results, config.page);
    if (!config.csv.empty()) write_csv(to_csv(results), config.csv);
    return Exit::done;
}

}  // namespace

const Subcommand kReportCommand{Command::report,
                                "report",
                                "write results as an HTML page with charts, or as CSV",
                                "  synfin report result.json -o report.html\n"
                                "  synfin report before.json after.json -o report.html\n"
                                "  synfin report result.json --csv figures.csv\n",
                                "RESULT",
                                run};

}  // namespace synfin::app
