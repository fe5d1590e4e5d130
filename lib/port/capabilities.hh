#pragma once
/// @file
/// The Linux capabilities that each kind of device needs in a process that does not run as root. Determined
/// by running under setpriv with each one removed in turn.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace synfin::port {

struct Capability {
    unsigned number = 0;    ///< in <linux/capability.h>
    const char* name = "";  ///< as setcap and setpriv write it: "cap_net_raw"
    bool is_needed = true;  ///< false: the device works less well without it
};

/// @param kind the word before the colon in DEV
/// @param driver the kernel driver of the interface or card; empty: unknown or none
std::vector<Capability> capabilities_for(std::string_view kind, std::string_view driver);

/// The capabilities missing from `effective` (the mask of CapEff), as "cap_net_raw,cap_net_admin"; empty when
/// none is missing.
std::string lacking(const std::vector<Capability>& wanted, uint64_t effective);

/// Whether a required capability is missing.
bool lacks_needed(const std::vector<Capability>& wanted, uint64_t effective) noexcept;

/// The setcap command for a program. It names all of them, because setcap removes the others.
std::string setcap_command(const std::vector<Capability>& wanted, const std::string& program);

/// This process's effective capabilities.
uint64_t effective_capabilities();

}  // namespace synfin::port
