/// @file
/// synfin compare: the differences of two results, and whether they are more than noise.

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "report/comparison.hh"
#include "results/publish.hh"
#include "subcommand.hh"

namespace synfin::app {

namespace {

constexpr size_t kMostRuns = 100;

/// One side: a file, or a list of files separated by commas.
std::vector<StoredResult> side(const std::string& files) {
    std::vector<StoredResult> results;
    for (size_t from = 0; from <= files.size();) {
        const size_t to = std::min(files.find(',', from), files.size());
        if (results.size() == kMostRuns)
            throw usage_error(fmt::format("{}...: more than {} files", files.substr(0, 40), kMostRuns));
        results.push_back(read_result(files.substr(from, to - from)));
        from = to + 1;
    }
    return results;
}

Exit run(const Config& config) {
    if (config.inputs.size() != 2)
        throw usage_error(fmt::format("compare takes two results, found {}", config.inputs.size()),
                          "for example: synfin compare before.json after.json");
    check_json_path(config.json);
    const Comparison comparison =
        compare(side(config.inputs[0]), side(config.inputs[1]), static_cast<double>(config.margin) / 1e6);
    publish(to_json(comparison), to_text(comparison), config.json);
    return Exit::done;
}

}  // namespace

const Subcommand kCompareCommand{
    Command::compare,
    "compare",
    "compare two results: better, worse or undecidable for each figure",
    "  synfin compare before.json after.json\n"
    "  synfin compare before.json after.json --json differences.json\n"
    "  synfin compare a1.json,a2.json,a3.json,a4.json b1.json,b2.json,b3.json,b4.json\n",
    "RESULT",
    run};

}  // namespace synfin::app
