#include "port/capabilities.hh"

#include <linux/capability.h>

#include <algorithm>
#include <fstream>

namespace synfin::port {

namespace {

constexpr Capability kNetRaw{CAP_NET_RAW, "cap_net_raw", true};
constexpr Capability kNetAdmin{CAP_NET_ADMIN, "cap_net_admin", true};
constexpr Capability kIpcLock{CAP_IPC_LOCK, "cap_ipc_lock", true};
constexpr Capability kSysAdmin{CAP_SYS_ADMIN, "cap_sys_admin", true};
constexpr Capability kSysRawio{CAP_SYS_RAWIO, "cap_sys_rawio", true};
constexpr Capability kBpf{CAP_BPF, "cap_bpf", true};

constexpr Capability optional(Capability capability) {
    capability.is_needed = false;
    return capability;
}

bool has(const Capability& capability, uint64_t effective) noexcept {
    return (effective >> capability.number & 1) != 0;
}

}  // namespace

std::vector<Capability> capabilities_for(std::string_view kind, std::string_view driver) {
    // Without the optional ones, merged segments (GRO) are lost, and on a veth also the other end's
    // super-segments.
    if (kind == "af_packet" && driver == "veth") return {kNetRaw, optional(kNetAdmin), optional(kBpf)};
    if (kind == "af_packet") return {kNetRaw, optional(kNetAdmin)};
    // The driver's library opens its XDP program by id, which CAP_BPF does not allow; packet memory is
    // locked.
    if (kind == "af_xdp") return {kNetRaw, kNetAdmin, kSysAdmin, kIpcLock};
    if (kind == "tap") return {kNetAdmin};
    if (kind != "pci") return {};
    if (driver.starts_with("mlx")) return {kNetRaw, kNetAdmin, kIpcLock};
    if (driver == "vfio-pci") return {kIpcLock};
    // With uio: I/O ports of the card, and physical addresses of packet memory (/proc/self/pagemap).
    return {kSysRawio, kIpcLock, kSysAdmin};
}

std::string lacking(const std::vector<Capability>& wanted, uint64_t effective) {
    std::string names;
    for (const Capability& capability : wanted)
        if (!has(capability, effective)) names += (names.empty() ? "" : ",") + std::string(capability.name);
    return names;
}

bool lacks_needed(const std::vector<Capability>& wanted, uint64_t effective) noexcept {
    return std::any_of(wanted.begin(), wanted.end(), [&](const Capability& capability) {
        return capability.is_needed && !has(capability, effective);
    });
}

std::string setcap_command(const std::vector<Capability>& wanted, const std::string& program) {
    return "sudo setcap " + lacking(wanted, 0) + "+ep " + (program.empty() ? "synfin" : program);
}

uint64_t effective_capabilities() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        if (word != "CapEff:") continue;
        uint64_t effective = 0;
        status >> std::hex >> effective;
        return effective;
    }
    return 0;
}

}  // namespace synfin::port
