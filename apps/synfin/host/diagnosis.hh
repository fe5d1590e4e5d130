#pragma once
/// @file
/// The diagnosis of `synfin doctor`: what works on this host, what could be better and what is missing, with
/// the command that fixes it. It depends on a HostScan only, so that tests cover every finding.

#include <string>
#include <vector>

#include "host_scan.hh"

namespace synfin::app {

struct Finding {
    enum class Level : uint8_t {
        good,
        note,     ///< works, but could work better
        missing,  ///< the requested device cannot work
    };
    Level level = Level::good;
    std::string what;       ///< a sentence
    std::string mend;       ///< a shell command or an instruction; empty: nothing to do
    bool harmless = false;  ///< doctor --fix may run the command, after asking: it takes no resource away
};

/// The run that the user plans.
struct Wish {
    std::string device;   ///< DEV; empty: any
    unsigned mtu = 1500;  ///< bytes of an IP packet
    std::string program;  ///< path of this command, for setcap
};

/// No command touches an interface that carries the host's default route, nor the card of one.
std::vector<Finding> diagnose(const HostScan& host, const Wish& wish);

}  // namespace synfin::app
