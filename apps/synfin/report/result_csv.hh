#pragma once
/// @file
/// Results as CSV for spreadsheets and statistics programs.

#include <string>
#include <vector>

#include "stored_result.hh"

namespace synfin::app {

/// RFC 4180, one value per row: `result,class,t_s,figure,value,unit`. Figures of the whole run have no t_s;
/// those of the series have the end of their interval. Classes follow the total, which has no class.
std::string to_csv(const std::vector<StoredResult>& results);

}  // namespace synfin::app
