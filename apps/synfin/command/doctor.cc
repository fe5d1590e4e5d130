/// @file
/// synfin doctor: lists the problems of the host, each with the command that fixes it.

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "host/diagnosis.hh"
#include "results/publish.hh"
#include "subcommand.hh"

namespace synfin::app {

namespace {

using nlohmann::ordered_json;

const char* word(Finding::Level level) {
    switch (level) {
        case Finding::Level::good: return "ok";
        case Finding::Level::note: return "note";
        case Finding::Level::missing: return "missing";
    }
    return "?";
}

std::string own_path() {
    char path[4096];
    const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
    return size > 0 ? std::string(path, static_cast<size_t>(size)) : std::string();
}

/// Asks on standard error, because standard output may carry the result. Only y, Y and yes agree; end of
/// input refuses.
bool agrees(const std::string& command) {
    std::fputs(fmt::format("\nrun this?  {}\n[y/N] ", command).c_str(), stderr);
    std::string answer;
    return std::getline(std::cin, answer) && (answer == "y" || answer == "Y" || answer == "yes");
}

void mend(const std::vector<Finding>& findings) {
    for (const Finding& finding : findings) {
        if (!finding.harmless || finding.mend.empty() || !agrees(finding.mend)) continue;
        const int status =
            std::system(finding.mend.c_str());  // NOLINT(cert-env33-c): the command was shown and agreed to
        const std::string outcome =
            status == 0 ? "done" : fmt::format("failed with status {}", WEXITSTATUS(status));
        std::fputs((outcome + "\n").c_str(), stderr);
    }
}

ordered_json to_json(const std::vector<Finding>& findings) {
    ordered_json all = ordered_json::array();
    for (const Finding& finding : findings)
        all.push_back({{"level", word(finding.level)},
                       {"what", finding.what},
                       {"mend", finding.mend},
                       {"harmless", finding.harmless}});
    return {{"schema", "synfin.doctor/1"}, {"findings", all}};
}

Exit run(const Config& config) {
    check_json_path(config.json);
    const Wish wish{config.device, static_cast<unsigned>(config.mtu), own_path()};
    std::vector<Finding> findings = diagnose(scan_host("/"), wish);
    if (config.doctor_fix) {
        mend(findings);
        findings = diagnose(scan_host("/"), wish);
        std::fputs("\n", stderr);
    }
    std::string text;
    bool missing = false;
    for (const Finding& finding : findings) {
        text += fmt::format("{:<8} {}\n", word(finding.level), finding.what);
        if (!finding.mend.empty())
            text += fmt::format("         {} {}\n", finding.harmless ? "$" : "->", finding.mend);
        missing |= finding.level == Finding::Level::missing;
    }
    publish(to_json(findings), text, config.json);
    return missing ? Exit::invalid : Exit::done;
}

}  // namespace

const Subcommand kDoctorCommand{Command::doctor,
                                "doctor",
                                "list the problems of this host, each with the command that fixes it",
                                "  synfin doctor\n"
                                "  synfin doctor --device pci:0000:3b:00.0 --fix\n"
                                "  synfin doctor --device af_packet:eth1 --mtu 9000\n",
                                "",
                                run};

}  // namespace synfin::app
