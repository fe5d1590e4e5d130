#pragma once
/// @file
/// Network cards on the PCI bus, from sysfs. This file does not use DPDK.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace synfin::port {

/// Who owns a card now.
enum class PciOwner : uint8_t {
    nobody,      ///< no driver is bound
    user_space,  ///< vfio-pci or a uio driver: a poll-mode driver can take it
    shared,  ///< a kernel driver that works together with a poll-mode driver (mlx5, mana): nothing to bind
    kernel,  ///< an ordinary kernel driver
};

/// Another function of the same IOMMU group, of any class.
struct PciNeighbour {
    std::string address;
    std::string driver;  ///< its kernel driver
};

/// One PCI function whose class is Ethernet controller.
struct PciFunction {
    std::string address;  ///< "0000:3b:00.0"
    uint16_t vendor = 0, device = 0;
    std::string driver;                   ///< the bound kernel driver; empty: none
    std::vector<std::string> interfaces;  ///< names of its network interfaces
    int numa_node = -1;                   ///< -1: unknown, or the host has only one
    std::string iommu_group;              ///< empty: no IOMMU
    PciOwner owner = PciOwner::nobody;
    std::string physical_function;  ///< address of the card that this virtual function belongs to; empty: not
                                    ///< a virtual function
    unsigned most_virtual = 0, virtual_functions = 0;  ///< SR-IOV: the most possible, and the number created
    /// Other devices of its IOMMU group that a kernel driver owns: vfio then refuses every device of the
    /// group.
    std::vector<PciNeighbour> group_neighbours{};
};

/// @param root the directory that contains sys: "/" except in tests.
/// @return null when the function does not exist or is not an Ethernet controller.
std::optional<PciFunction> read_pci_function(const std::filesystem::path& root, std::string_view address);

/// All Ethernet functions, ordered by address.
std::vector<PciFunction> find_pci_functions(const std::filesystem::path& root);

/// One line of shell commands that unbind a card from its kernel driver and bind it to `driver`.
std::string bind_command(const PciFunction& function, std::string_view driver);

}  // namespace synfin::port
