#pragma once
/// @file
/// The sections of the report's page. Each returns HTML, empty if no result has anything for it.

#include <string>
#include <vector>

#include "stored_result.hh"

namespace synfin::app {

/// The results of a page, and the next free number for the ids of its charts.
struct PageContext {
    const std::vector<StoredResult>& results;
    unsigned charts = 0;

    const StoredResult& first() const { return results.front(); }
    bool is_single() const noexcept { return results.size() == 1; }
    /// "A" for the first.
    static std::string letter(size_t run) { return std::string(1, static_cast<char>('A' + run)); }
    /// The letter on the run's colour.
    static std::string badge(size_t run);
    /// "A name", as charts label the run.
    std::string label(size_t run) const { return letter(run) + " " + results[run].label; }
};

/// What the run did, in a few words: its targets, or the bench's profile. Text.
std::string subject_of(const StoredResult& result);

std::string head_section(const PageContext& page);      ///< title, verdicts
std::string tiles_section(const PageContext& page);     ///< the main figures
std::string criteria_section(const PageContext& page);  ///< each criterion with its value
std::string time_section(PageContext& page);            ///< charts over time
std::string latency_section(PageContext& page);         ///< distributions and quantiles
std::string figures_section(const PageContext& page);   ///< several results: every figure side by side
std::string trials_section(PageContext& page);          ///< search and repeats
std::string counts_section(const PageContext& page);    ///< connections, failures by cause, statuses, drops
std::string classes_section(const PageContext& page);
std::string host_section(const PageContext& page);  ///< cores, host, build, configuration, deviations

}  // namespace synfin::app
