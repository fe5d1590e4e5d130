#include "host_scan.hh"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <initializer_list>
#include <set>
#include <sstream>
#include <system_error>

namespace synfin::app {

namespace {

namespace fs = std::filesystem;

std::string read_word(const fs::path& file) {
    std::string word;
    std::ifstream(file) >> word;
    return word;
}
uint64_t read_number(const fs::path& file, int base = 10) {
    return std::strtoull(read_word(file).c_str(), nullptr, base);
}

std::vector<fs::path> entries(const fs::path& directory) {
    std::vector<fs::path> paths;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(directory, error)) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    return paths;
}

/// The value after "NAME:" in a file of such lines; empty if there is none.
std::string field_of(const fs::path& file, std::string_view name) {
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
        if (!line.starts_with(name)) continue;
        std::istringstream rest(line.substr(name.size()));
        std::string value;
        rest >> value;
        return value;
    }
    return {};
}

/// The interfaces with a route to 0.0.0.0/0 or ::/0, without lo, on which the kernel has an unreachable ::/0.
std::set<std::string> default_route_interfaces(const fs::path& root) {
    std::set<std::string> names;
    std::ifstream v4(root / "proc/net/route");
    std::string line;
    std::getline(v4, line);  // the headings
    while (std::getline(v4, line)) {
        std::istringstream words(line);
        std::string name, destination, gateway, flags, references, uses, metric, mask;
        words >> name >> destination >> gateway >> flags >> references >> uses >> metric >> mask;
        if (destination == "00000000" && mask == "00000000") names.insert(name);
    }
    std::ifstream v6(root / "proc/net/ipv6_route");
    while (std::getline(v6, line)) {
        std::istringstream words(line);
        std::vector<std::string> all;
        for (std::string word; words >> word;) all.push_back(word);
        if (all.size() >= 10 && all[0] == std::string(32, '0') && all[1] == "00") names.insert(all.back());
    }
    names.erase("lo");
    return names;
}

KernelInterface read_interface(const fs::path& directory) {
    constexpr uint64_t kUp = 1;  // IFF_UP
    KernelInterface interface;
    interface.name = directory.filename().string();
    interface.address = read_word(directory / "address");
    interface.mtu = static_cast<unsigned>(read_number(directory / "mtu"));
    interface.up = (read_number(directory / "flags", 16) & kUp) != 0;
    interface.carrier = read_word(directory / "carrier") == "1";
    interface.mbps = std::max(0, std::atoi(read_word(directory / "speed").c_str()));
    for (const fs::path& queue : entries(directory / "queues")) {
        interface.rx_queues += queue.filename().string().starts_with("rx-");
        interface.tx_queues += queue.filename().string().starts_with("tx-");
    }
    std::error_code error;
    if (const fs::path driver = fs::read_symlink(directory / "device/driver", error); !error)
        interface.driver = driver.filename().string();
    return interface;
}

/// Without IPv6 in the kernel these files do not exist.
void scan_ipv6(const fs::path& root, KernelInterface& interface) {
    const fs::path settings = root / "proc/sys/net/ipv6/conf" / interface.name;
    interface.speaks_ipv6 = read_word(settings / "disable_ipv6") == "0";
    interface.takes_advertisements = interface.speaks_ipv6 && read_number(settings / "accept_ra") != 0;
}

bool any_is_there(const fs::path& root, std::initializer_list<const char*> paths) {
    std::error_code error;
    return std::any_of(paths.begin(), paths.end(),
                       [&](const char* path) { return fs::exists(root / path, error); });
}

/// The file is ice.pkg or, for a single card, ice-SERIAL.pkg. DPDK searches the kernel's firmware
/// directories.
bool has_ice_package(const fs::path& root) {
    for (const char* directory : {"lib/firmware/updates/intel/ice/ddp", "lib/firmware/intel/ice/ddp",
                                  "usr/lib/firmware/intel/ice/ddp"})
        for (const fs::path& file : entries(root / directory))
            if (const std::string name = file.filename().string();
                name.starts_with("ice") && name.find(".pkg") != name.npos)
                return true;
    return false;
}

/// "none [integrity] confidentiality": the word in brackets.
std::string lockdown_of(const fs::path& root) {
    std::ifstream file(root / "sys/kernel/security/lockdown");
    std::string line;
    std::getline(file, line);
    const size_t open = line.find('['), close = line.find(']');
    return open == line.npos || close == line.npos ? "" : line.substr(open + 1, close - open - 1);
}

/// Scans for the software that cards need in addition to a driver.
void scan_card_software(const fs::path& root, HostScan& host) {
    host.has_ice_package = has_ice_package(root);
    host.has_mlx5_library = any_is_there(root, {"usr/lib/x86_64-linux-gnu/libmlx5.so.1",
                                                "usr/lib64/libmlx5.so.1", "usr/lib/libmlx5.so.1"}) &&
                            any_is_there(root, {"usr/lib/x86_64-linux-gnu/libibverbs.so.1",
                                                "usr/lib64/libibverbs.so.1", "usr/lib/libibverbs.so.1"});
    for (const fs::path& device : entries(root / "dev/infiniband"))
        host.has_verbs_devices |= device.filename().string().starts_with("uverbs");
    host.ofed = read_word(root / "usr/share/ofed/version");
    if (host.ofed.empty() && any_is_there(root, {"usr/bin/ofed_info"})) host.ofed = "installed";
    host.lockdown = lockdown_of(root);
    for (const fs::path& group : entries(root / "dev/vfio"))
        if (group.filename() != "vfio" && access(group.c_str(), R_OK | W_OK) != 0)
            host.closed_vfio_groups.push_back(group.filename().string());
}

/// Asks the kernel by ioctl, because /sys does not show the firmware version. Works for this host only.
void ask_versions(KernelInterface& interface) {
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    ethtool_drvinfo info{};
    info.cmd = ETHTOOL_GDRVINFO;
    ifreq request{};
    interface.name.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_data = reinterpret_cast<char*>(&info);
    if (ioctl(fd, SIOCETHTOOL, &request) == 0) {
        interface.driver_version = info.version;
        if (std::string_view(info.fw_version) != "N/A") interface.firmware = info.fw_version;
    }
    close(fd);
}

}  // namespace

std::vector<unsigned> parse_cpu_list(std::string_view text) {
    std::vector<unsigned> cpus;
    while (!text.empty()) {
        const std::string_view part = text.substr(0, text.find(','));
        text.remove_prefix(std::min(text.size(), part.size() + 1));
        unsigned first = 0, last = 0;
        const char* end = part.data() + part.size();
        auto read = std::from_chars(part.data(), end, first);
        if (read.ec != std::errc{}) return {};
        last = first;
        if (read.ptr != end && *read.ptr == '-') read = std::from_chars(read.ptr + 1, end, last);
        if (read.ec != std::errc{} || read.ptr != end || last < first || last - first > 4096) return {};
        for (unsigned cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
    }
    return cpus;
}

bool HostScan::carries_default_route(const port::PciFunction& card) const noexcept {
    return std::any_of(card.interfaces.begin(), card.interfaces.end(), [this](const std::string& name) {
        const KernelInterface* interface = find(name);
        return interface != nullptr && interface->carries_default_route;
    });
}

const KernelInterface* HostScan::find(const std::string& name) const noexcept {
    for (const KernelInterface& interface : interfaces)
        if (interface.name == name) return &interface;
    return nullptr;
}

HostScan scan_host(const fs::path& root) {
    HostScan host;
    host.cards = port::find_pci_functions(root);
    const std::set<std::string> routed = default_route_interfaces(root);
    for (const fs::path& directory : entries(root / "sys/class/net")) {
        if (directory.filename() == "lo" || !fs::is_directory(directory)) continue;
        host.interfaces.push_back(read_interface(directory));
        scan_ipv6(root, host.interfaces.back());
        if (root == "/") ask_versions(host.interfaces.back());
        host.interfaces.back().carries_default_route = routed.contains(host.interfaces.back().name);
    }
    for (const fs::path& directory : entries(root / "sys/kernel/mm/hugepages")) {
        const std::string name = directory.filename().string();  // hugepages-2048kB
        const uint64_t kib =
            std::strtoull(name.c_str() + std::min(name.size(), name.find('-') + 1), nullptr, 10);
        host.hugepages.push_back(
            {kib * 1024, read_number(directory / "nr_hugepages"), read_number(directory / "free_hugepages")});
    }
    std::sort(host.hugepages.begin(), host.hugepages.end(),
              [](const HugePages& a, const HugePages& b) { return a.bytes < b.bytes; });
    const auto kib_of = [&](std::string_view name) {
        return std::strtoull(field_of(root / "proc/meminfo", name).c_str(), nullptr, 10) * 1024;
    };
    host.memory_bytes = kib_of("MemTotal:");
    host.available_bytes = kib_of("MemAvailable:");
    host.online_cpus = parse_cpu_list(read_word(root / "sys/devices/system/cpu/online"));
    host.isolated_cpus = parse_cpu_list(read_word(root / "sys/devices/system/cpu/isolated"));
    for (const unsigned cpu : host.online_cpus) {
        const std::string governor = read_word(root / "sys/devices/system/cpu" /
                                               ("cpu" + std::to_string(cpu)) / "cpufreq/scaling_governor");
        if (!governor.empty()) host.governors.push_back(governor);
    }
    unsigned nodes = 0;
    for (const fs::path& node : entries(root / "sys/devices/system/node")) {
        const std::string name = node.filename().string();
        nodes += name.starts_with("node") && name.find_first_not_of("0123456789", 4) == name.npos;
    }
    host.numa_nodes = std::max(1u, nodes);
    host.has_iommu = !entries(root / "sys/kernel/iommu_groups").empty();
    host.has_no_iommu_mode = read_word(root / "sys/module/vfio/parameters/enable_unsafe_noiommu_mode") == "Y";
    std::error_code error;
    host.has_vfio_pci = fs::exists(root / "sys/bus/pci/drivers/vfio-pci", error);
    host.has_uio_pci_generic = fs::exists(root / "sys/bus/pci/drivers/uio_pci_generic", error);
    host.has_tun = fs::exists(root / "dev/net/tun", error);
    scan_card_software(root, host);
    host.capabilities = std::strtoull(field_of(root / "proc/self/status", "CapEff:").c_str(), nullptr, 16);
    std::ifstream limits(root / "proc/self/limits");
    constexpr std::string_view kLocked = "Max locked memory";
    for (std::string line; std::getline(limits, line);)
        if (line.starts_with(kLocked)) std::istringstream(line.substr(kLocked.size())) >> host.lock_limit;
    return host;
}

}  // namespace synfin::app
