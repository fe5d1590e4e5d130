#pragma once
/// @file
/// The Linux capabilities that each kind of device needs of a process that is not root's. Found by running
/// with setpriv, with all but one.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace synfin::port {

struct Capability {
    unsigned number = 0;    ///< in <linux/capability.h>
    const char* name = "";  ///< as setcap and setpriv write it: "cap_net_raw"
    bool is_needed = true;  ///< false: the device works without, and less well
};

/// @param kind the word of DEV before the colon
/// @param driver the kernel's driver of the interface or card; empty: unknown or none
std::vector<Capability> capabilities_for(std::string_view kind, std::string_view driver);

/// Those that are not among `effective` (the mask of CapEff), as "cap_net_raw,cap_net_admin"; empty when all
/// are there.
std::string lacking(const std::vector<Capability>& wanted, uint64_t effective);

/// Whether one that is needed is not there.
bool lacks_needed(const std::vector<Capability>& wanted, uint64_t effective) noexcept;

/// The command that gives all of them to a program: setcap takes away what it does not name.
std::string setcap_command(const std::vector<Capability>& wanted, const std::string& program);

/// This process's effective capabilities.
uint64_t effective_capabilities();

}  // namespace synfin::port
