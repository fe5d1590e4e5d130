#include "port/pci_function.hh"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <system_error>

namespace synfin::port {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEthernetClass = "0x0200";
constexpr std::array<std::string_view, 3> kUserSpace = {"vfio-pci", "uio_pci_generic", "igb_uio"};
constexpr std::array<std::string_view, 5> kShared = {"mlx4_core", "mlx5_core", "mana", "gve", "sfc"};

std::string read_word(const fs::path& file) {
    std::string word;
    std::ifstream(file) >> word;
    return word;
}

/// The last component of a link's target; empty when there is no link.
std::string link_name(const fs::path& link) {
    std::error_code error;
    const fs::path target = fs::read_symlink(link, error);
    return error ? std::string() : target.filename().string();
}

/// Interfaces of virtio lie one level below their function.
void add_interfaces(const fs::path& directory, std::vector<std::string>& names) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(directory / "net", error))
        names.push_back(entry.path().filename().string());
}

PciOwner owner_of(std::string_view driver) {
    const auto is_one_of = [&](const auto& names) {
        return std::find(names.begin(), names.end(), driver) != names.end();
    };
    if (driver.empty()) return PciOwner::nobody;
    return is_one_of(kUserSpace) ? PciOwner::user_space
           : is_one_of(kShared)  ? PciOwner::shared
                                 : PciOwner::kernel;
}

fs::path pci_directory(const fs::path& root) {
    return root / "sys/bus/pci/devices";
}

/// Bridges do not count: vfio allows them to keep pcieport.
std::vector<PciNeighbour> find_neighbours(const fs::path& root, const PciFunction& function) {
    std::vector<PciNeighbour> neighbours;
    std::error_code error;
    const fs::path group = root / "sys/kernel/iommu_groups" / function.iommu_group / "devices";
    for (const auto& entry : fs::directory_iterator(group, error)) {
        const std::string address = entry.path().filename().string();
        const std::string driver = link_name(pci_directory(root) / address / "driver");
        const bool harmless =
            driver.empty() || driver == "pcieport" || owner_of(driver) == PciOwner::user_space;
        if (address != function.address && !harmless) neighbours.push_back({address, driver});
    }
    std::sort(neighbours.begin(), neighbours.end(),
              [](const auto& a, const auto& b) { return a.address < b.address; });
    return neighbours;
}

}  // namespace

std::optional<PciFunction> read_pci_function(const fs::path& root, std::string_view address) {
    const fs::path directory = pci_directory(root) / address;
    if (!read_word(directory / "class").starts_with(kEthernetClass)) return std::nullopt;
    PciFunction function;
    function.address = address;
    const auto number = [&](const char* file, int base) {
        return std::strtol(read_word(directory / file).c_str(), nullptr, base);
    };
    function.vendor = static_cast<uint16_t>(number("vendor", 16));
    function.device = static_cast<uint16_t>(number("device", 16));
    if (const std::string node = read_word(directory / "numa_node"); !node.empty())
        function.numa_node = static_cast<int>(std::strtol(node.c_str(), nullptr, 10));
    function.driver = link_name(directory / "driver");
    function.iommu_group = link_name(directory / "iommu_group");
    function.owner = owner_of(function.driver);
    function.physical_function = link_name(directory / "physfn");
    function.most_virtual = static_cast<unsigned>(number("sriov_totalvfs", 10));
    function.virtual_functions = static_cast<unsigned>(number("sriov_numvfs", 10));
    if (!function.iommu_group.empty()) function.group_neighbours = find_neighbours(root, function);
    add_interfaces(directory, function.interfaces);
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(directory, error))
        if (entry.path().filename().string().starts_with("virtio"))
            add_interfaces(entry.path(), function.interfaces);
    std::sort(function.interfaces.begin(), function.interfaces.end());
    return function;
}

std::vector<PciFunction> find_pci_functions(const fs::path& root) {
    std::vector<PciFunction> functions;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(pci_directory(root), error))
        if (auto function = read_pci_function(root, entry.path().filename().string()))
            functions.push_back(std::move(*function));
    std::sort(functions.begin(), functions.end(),
              [](const auto& a, const auto& b) { return a.address < b.address; });
    return functions;
}

std::string bind_command(const PciFunction& function, std::string_view driver) {
    const std::string device = "/sys/bus/pci/devices/" + function.address;
    std::string command = "modprobe " + std::string(driver) + " && echo " + std::string(driver) + " >" +
                          device + "/driver_override";
    if (!function.driver.empty())
        command += " && echo " + function.address + " >" + device + "/driver/unbind";
    return command + " && echo " + function.address + " >/sys/bus/pci/drivers_probe";
}

}  // namespace synfin::port
