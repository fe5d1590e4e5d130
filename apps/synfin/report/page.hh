#pragma once
/// @file
/// The report: an HTML page of one or more results. It is one file: the style is inside, charts are inline
/// SVG, nothing is fetched, and there is no script.

#include <string>
#include <vector>

#include "stored_result.hh"

namespace synfin::app {

/// The most results on a page.
inline constexpr size_t kMostOnPage = 6;

/// The whole page.
/// @param results one to kMostOnPage; several are overlaid, and compared with the first
/// @note size: bounded by the number of charts (kMostPoints each) and by the rows that the tables show
std::string report_page(const std::vector<StoredResult>& results);

/// Writes the page. Throws UserError(failed) when it can't be written.
void write_report(const std::vector<StoredResult>& results, const std::string& path);
/// The same for the result of a run that has just ended.
void write_report(const nlohmann::ordered_json& result, const std::string& path);

}  // namespace synfin::app
