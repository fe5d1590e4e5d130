#include "page.hh"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "config/user_error.hh"
#include "html_text.hh"
#include "page_sections.hh"
#include "page_style.hh"

namespace synfin::app {

std::string report_page(const std::vector<StoredResult>& results) {
    PageContext page{results};
    const std::string title =
        results.size() == 1 ? subject_of(results.front()) : fmt::format("{} results", results.size());
    std::string html = fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
        "'unsafe-inline'\">\n<title>{} - synfin</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n",
        escaped(title, 200), kPageStyle);
    html += head_section(page);
    html += tiles_section(page);
    html += criteria_section(page);
    html += trials_section(page);
    html += time_section(page);
    html += latency_section(page);
    html += figures_section(page);
    html += classes_section(page);
    html += counts_section(page);
    html += host_section(page);
    html += "<footer>Made by synfin report. This file needs no network and no script.</footer>\n";
    return html + "</main>\n</body>\n</html>\n";
}

void write_report(const std::vector<StoredResult>& results, const std::string& path) {
    const std::string page = report_page(results);
    std::ofstream file(path, std::ios::binary);
    if (!(file << page) || !file.flush())
        throw run_error(fmt::format("{}: the report can't be written: {}", path, std::strerror(errno)),
                        "choose another file");
}

void write_report(const nlohmann::ordered_json& result, const std::string& path) {
    if (path.empty()) return;
    std::vector<StoredResult> results(1);
    results.front().path = results.front().label = "this run";
    results.front().json = result;
    write_report(results, path);
}

}  // namespace synfin::app
