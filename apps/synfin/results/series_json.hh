#pragma once
/// @file
/// The series of a load as JSON: in the result, and as lines of the file of --series.

#include <cstdio>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "run_result.hh"
#include "series.hh"

namespace synfin::app {

/// @param names of the classes; empty for a load without classes
/// @param ramps the part before the measured one is a ramp-up, not a warm-up
nlohmann::ordered_json to_json(const SeriesPoint& point, const std::vector<std::string>& names, bool ramps);

/// `phases`: what was counted in each part of the run.
nlohmann::ordered_json phases_json(const RunResult& result);
nlohmann::ordered_json series_json(const RunResult& result);

std::vector<std::string> class_names(const LoadConfig& load);

/// The file of --series. Lines reach the file one by one, so that other programs can follow it.
class SeriesFile {
  public:
    /// @param path empty: no file. Throws UserError(failed) when it can't be written.
    explicit SeriesFile(const std::string& path);
    ~SeriesFile();
    SeriesFile(const SeriesFile&) = delete;
    SeriesFile& operator=(const SeriesFile&) = delete;

    bool is_open() const noexcept { return file_ != nullptr; }
    void write(const nlohmann::ordered_json& line);
    /// Why the file is not complete; empty: it is.
    const std::string& trouble() const noexcept { return trouble_; }

  private:
    std::FILE* file_ = nullptr;
    std::string path_, trouble_;
};

}  // namespace synfin::app
