#include "port/host_check.hh"

#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "port/capabilities.hh"
#include "port/pci_function.hh"

namespace synfin::port {

namespace {

/// A packet buffer, with the headers and headrooms of DPDK and XDP, must fit in a page of AF_XDP memory.
constexpr uint16_t kAfXdpMaxMtu = 2798;

std::string number(unsigned value) {
    return std::to_string(value);
}

/// One message names all missing capabilities, so that the user need not find them one by one. It includes
/// missing optional ones, so that one setcap command grants them too.
bool check_capabilities(const DeviceSpec& spec, const std::string& driver, Refusal& refusal) {
    const auto wanted = capabilities_for(name(spec.kind), driver);
    const uint64_t effective = effective_capabilities();
    if (!lacks_needed(wanted, effective)) return true;
    std::error_code error;
    const std::string program = std::filesystem::read_symlink("/proc/self/exe", error).string();
    return refusal.because(Error::no_permission, "no permission for " + spec.text + ": this process lacks " +
                                                     lacking(wanted, effective) +
                                                     "; run as root, or: " + setcap_command(wanted, program));
}

bool check_interface(const DeviceSpec& spec, uint16_t mtu, unsigned engines, HostFacts& facts,
                     Refusal& refusal) {
    const std::string& name = spec.target;
    facts.interface = find_interface(name, refusal);
    if (!facts.interface) return false;
    if (!check_capabilities(spec, facts.interface->driver, refusal)) return false;
    if (!facts.interface->up)
        return refusal.because(Error::no_device,
                               "interface " + name + " is down: ip link set " + name + " up");
    if (facts.interface->mtu < mtu)
        return refusal.because(Error::invalid, "MTU " + number(mtu) + " is more than the " +
                                                   number(facts.interface->mtu) + " of " + name +
                                                   ": ip link set " + name + " mtu " + number(mtu));
    if (spec.kind != DeviceKind::af_xdp) return true;
    if (mtu > kAfXdpMaxMtu)
        return refusal.because(Error::invalid, "MTU " + number(mtu) + ": af_xdp carries up to " +
                                                   number(kAfXdpMaxMtu) + "; use af_packet:" + name);
    if (facts.interface->channels > engines)
        return refusal.because(
            Error::invalid, name + " distributes received frames over " + number(facts.interface->channels) +
                                " queues and there are " + number(engines) + " cores: ethtool -L " + name +
                                " combined " + number(engines) + ", or give it more cores");
    return true;
}

/// An existing interface with the tap's name must be a tap with several queues, because DPDK opens it so.
bool check_tap_name(const std::string& name, Refusal& refusal) {
    const std::filesystem::path directory = "/sys/class/net/" + name;
    std::error_code error;
    if (!std::filesystem::exists(directory, error)) return true;
    std::ifstream file(directory / "tun_flags");
    unsigned flags = 0;
    if (!(file >> std::hex >> flags))
        return refusal.because(
            Error::in_use,
            "tap:" + name + ": " + name + " is an existing interface and not a tap; choose another name");
    constexpr unsigned kWanted = IFF_TAP | IFF_MULTI_QUEUE;
    if ((flags & kWanted) == kWanted) return true;
    return refusal.because(
        Error::in_use, "tap:" + name + ": " + name +
                           " exists and is not a tap with several queues; delete it: ip link del " + name +
                           ", or create it: ip tuntap add " + name + " mode tap multi_queue");
}

bool check_tap(const DeviceSpec& spec, Refusal& refusal) {
    if (access("/dev/net/tun", F_OK) != 0)
        return refusal.because(Error::no_device, "no /dev/net/tun here: modprobe tun");
    if (!check_capabilities(spec, "", refusal)) return false;
    if (access("/dev/net/tun", R_OK | W_OK) != 0)
        return refusal.because(Error::no_permission,
                               "no permission for /dev/net/tun: sudo chmod 666 /dev/net/tun, or run as root");
    return check_tap_name(spec.target, refusal);
}

bool is_socket(const std::string& path) {
    struct stat status {};
    return stat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

/// Whether a process listens at the path. memif uses SOCK_SEQPACKET, vhost-user SOCK_STREAM.
bool is_listening(const std::string& path, int type) {
    const int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return false;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const bool refused = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
                         errno == ECONNREFUSED;
    close(fd);
    return !refused;
}

bool check_listening_path(const DeviceSpec& spec, int type, Refusal& refusal) {
    const std::string& path = spec.target;
    const auto directory = std::filesystem::absolute(path).parent_path();
    std::error_code ignored;
    if (!std::filesystem::is_directory(directory, ignored))
        return refusal.because(Error::no_device, "no directory " + directory.string() +
                                                     " for the socket of " + spec.text + ": mkdir -p " +
                                                     directory.string());
    if (access(directory.c_str(), W_OK) != 0)
        return refusal.because(Error::no_permission,
                               "no permission to make a socket in " + directory.string());
    if (!std::filesystem::exists(path, ignored)) return true;
    if (!is_socket(path)) return refusal.because(Error::in_use, path + " exists and is not a socket");
    if (is_listening(path, type)) return refusal.because(Error::in_use, "another process listens at " + path);
    unlink(path.c_str());  // its process is dead
    return true;
}

bool check_pci(const DeviceSpec& spec, Refusal& refusal) {
    const std::filesystem::path device = "/sys/bus/pci/devices/" + spec.target;
    std::error_code error;
    if (!std::filesystem::exists(device, error))
        return refusal.because(Error::no_device,
                               "no PCI device " + spec.target + " here; see: synfin devices");
    const auto function = read_pci_function("/", spec.target);
    if (!function)
        return refusal.because(Error::no_device,
                               spec.target + " is not an Ethernet card; see: synfin devices");
    if (function->owner == PciOwner::user_space || function->owner == PciOwner::shared) return true;
    const std::string has = function->driver.empty()
                                ? "no driver is bound to it"
                                : "a kernel driver is bound to it (" + function->driver + ")";
    // Some cards must stay with the kernel; `synfin doctor` knows which.
    return refusal.because(
        Error::in_use,
        spec.target + ": " + has + "; how to give it to DPDK: synfin doctor --device pci:" + spec.target);
}

}  // namespace

std::optional<HostFacts> check_host(const DeviceSpec& spec, uint16_t mtu, unsigned engines,
                                    Refusal& refusal) {
    HostFacts facts;
    bool good = true;
    switch (spec.kind) {
        case DeviceKind::af_packet:
        case DeviceKind::af_xdp: good = check_interface(spec, mtu, engines, facts, refusal); break;
        case DeviceKind::tap: good = check_tap(spec, refusal); break;
        case DeviceKind::memif:
            if (spec.role == MemifRole::server) good = check_listening_path(spec, SOCK_SEQPACKET, refusal);
            break;
        case DeviceKind::vhost: good = check_listening_path(spec, SOCK_STREAM, refusal); break;
        case DeviceKind::virtio_user:
            if (!is_socket(spec.target))
                good = refusal.because(Error::no_device, "no vhost-user socket at " + spec.target +
                                                             ": start the vhost side first");
            break;
        case DeviceKind::pci: good = check_pci(spec, refusal); break;
        case DeviceKind::ring:
        case DeviceKind::vdev: break;
    }
    if (!good) return std::nullopt;
    return facts;
}

}  // namespace synfin::port
