#pragma once
/// @file
/// HostScan: what of this host matters to a user-space TCP endpoint, read from /sys and /proc and judged by
/// nobody yet.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "port/pci_function.hh"

namespace synfin::app {

/// A network interface of the kernel, but for lo.
struct KernelInterface {
    std::string name;
    std::string driver;   ///< of its device; empty for virtual ones
    std::string address;  ///< MAC
    unsigned mtu = 0;     ///< bytes
    bool up = false;      ///< administratively
    bool carrier = false;
    int mbps = 0;  ///< 0: unknown
    unsigned rx_queues = 0, tx_queues = 0;
    bool carries_default_route = false;    ///< IPv4's or IPv6's
    std::string driver_version, firmware;  ///< as ethtool -i tells; empty: unknown
};

/// Hugepages of one size.
struct HugePages {
    uint64_t bytes = 0;  ///< of one page
    uint64_t total = 0, free = 0;
};

struct HostScan {
    std::vector<port::PciFunction> cards;
    std::vector<KernelInterface> interfaces;
    std::vector<HugePages> hugepages;  ///< by size, ascending
    uint64_t memory_bytes = 0, available_bytes = 0;
    std::vector<unsigned> online_cpus, isolated_cpus;
    std::vector<std::string> governors;  ///< of each CPU that has one
    unsigned numa_nodes = 1;
    bool has_iommu = false;          ///< groups are there
    bool has_no_iommu_mode = false;  ///< vfio was told to do without
    bool has_vfio_pci = false, has_uio_pci_generic = false, has_tun = false;
    bool has_ice_package = false;    ///< the DDP package that the ice driver loads into its cards
    bool has_mlx5_library = false;   ///< libibverbs with its provider for mlx5
    bool has_verbs_devices = false;  ///< /dev/infiniband/uverbs*: ib_uverbs and mlx5_ib are loaded
    std::string ofed;                ///< version of MLNX_OFED or DOCA-OFED; empty: none
    std::string lockdown;            ///< the kernel's: "none", "integrity", "confidentiality"; empty: unknown
    std::vector<std::string> closed_vfio_groups;  ///< /dev/vfio/N that this process may not open
    uint64_t capabilities = 0;                    ///< effective, of this process
    std::string lock_limit;                       ///< bytes that this process may lock, or "unlimited"

    bool can(unsigned capability) const noexcept { return (capabilities >> capability & 1) != 0; }
    /// Whether one of a card's interfaces carries the default route.
    bool carries_default_route(const port::PciFunction& card) const noexcept;
    const KernelInterface* find(const std::string& name) const noexcept;
};

/// @param root "/" but in tests. What is not there is left at its default.
HostScan scan_host(const std::filesystem::path& root);

/// "0-3,6" as sysfs writes sets of CPUs; nothing of a malformed one.
std::vector<unsigned> parse_cpu_list(std::string_view text);

}  // namespace synfin::app
