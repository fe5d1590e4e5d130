#pragma once
/// @file
/// Network cards on the PCI bus, as sysfs shows them. No DPDK in here.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace synfin::port {

/// Who has a card now.
enum class PciOwner : uint8_t {
    nobody,      ///< no driver is bound
    user_space,  ///< vfio-pci or a uio driver: a poll-mode driver can take it
    shared,      ///< a kernel driver that a poll-mode driver works beside (mlx5, mana): nothing to bind
    kernel,      ///< an ordinary kernel driver
};

/// Another function of the same IOMMU group, of any class.
struct PciNeighbour {
    std::string address;
    std::string driver;  ///< the kernel's
};

/// One PCI function whose class is Ethernet controller.
struct PciFunction {
    std::string address;  ///< "0000:3b:00.0"
    uint16_t vendor = 0, device = 0;
    std::string driver;                   ///< the kernel's, bound now; empty: none
    std::vector<std::string> interfaces;  ///< names of its network interfaces
    int numa_node = -1;                   ///< -1: there is but one, or nobody knows
    std::string iommu_group;              ///< empty: no IOMMU is behind it
    PciOwner owner = PciOwner::nobody;
    std::string
        physical_function;  ///< address of the card that this is a virtual function of; empty: of none
    unsigned most_virtual = 0, virtual_functions = 0;  ///< SR-IOV: how many can be made, and have been
    /// The others in its IOMMU group that a kernel driver has: vfio gives no device of such a group away.
    std::vector<PciNeighbour> group_neighbours{};
};

/// @param root where /sys is looked for: "/" but in tests.
/// @return null when there is no such function, or it is no Ethernet controller.
std::optional<PciFunction> read_pci_function(const std::filesystem::path& root, std::string_view address);

/// All of them, by address.
std::vector<PciFunction> find_pci_functions(const std::filesystem::path& root);

/// Shell commands that take a card from its kernel driver and give it to `driver`, in one line.
std::string bind_command(const PciFunction& function, std::string_view driver);

}  // namespace synfin::port
