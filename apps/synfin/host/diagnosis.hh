#pragma once
/// @file
/// The diagnosis of `synfin doctor`: what of a host is in order, what could be better, what is missing, and
/// the command that mends it. Looks at a HostScan alone, so that every finding can be tested.

#include <string>
#include <vector>

#include "host_scan.hh"

namespace synfin::app {

struct Finding {
    enum class Level : uint8_t {
        good,
        note,     ///< works, and would work better
        missing,  ///< what was asked for cannot work
    };
    Level level = Level::good;
    std::string what;  ///< a sentence
    std::string mend;  ///< a shell command, or what to do in words; empty: nothing is to be done
    bool harmless =
        false;  ///< the command may be run for the user, who is asked: it takes nothing from anybody
};

/// What the user wants to run.
struct Wish {
    std::string device;   ///< DEV; empty: any
    unsigned mtu = 1500;  ///< bytes of an IP packet
    std::string program;  ///< path of this command, for setcap
};

/// No mend ever touches an interface, or the card of one, that carries the host's default route.
std::vector<Finding> diagnose(const HostScan& host, const Wish& wish);

}  // namespace synfin::app
