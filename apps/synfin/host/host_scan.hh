#pragma once
/// @file
/// HostScan: the facts about this host that matter to a user-space TCP endpoint, read from /sys, /proc, /dev
/// and /usr. diagnosis.hh judges them.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "port/pci_function.hh"

namespace synfin::app {

/// A network interface of the kernel other than lo.
struct KernelInterface {
    std::string name;
    std::string driver;   ///< driver of its device; empty for virtual interfaces
    std::string address;  ///< MAC
    unsigned mtu = 0;     ///< bytes
    bool up = false;      ///< administratively
    bool carrier = false;
    int mbps = 0;  ///< 0: unknown
    unsigned rx_queues = 0, tx_queues = 0;
    bool carries_default_route = false;    ///< of IPv4 or IPv6
    bool speaks_ipv6 = false;              ///< the kernel has IPv6 there (disable_ipv6 is 0)
    bool takes_advertisements = false;     ///< and makes addresses from router advertisements (accept_ra)
    std::string driver_version, firmware;  ///< as in ethtool -i; empty: unknown
};

/// Hugepages of one size.
struct HugePages {
    uint64_t bytes = 0;  ///< size of one page
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
    bool has_iommu = false;          ///< IOMMU groups exist
    bool has_no_iommu_mode = false;  ///< vfio runs with enable_unsafe_noiommu_mode
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
    /// True if one of the card's interfaces carries the default route.
    bool carries_default_route(const port::PciFunction& card) const noexcept;
    const KernelInterface* find(const std::string& name) const noexcept;
};

/// @param root "/", or a directory in tests. Files that do not exist leave the defaults.
HostScan scan_host(const std::filesystem::path& root);

/// Parses a sysfs CPU list such as "0-3,6"; empty if it is malformed.
std::vector<unsigned> parse_cpu_list(std::string_view text);

}  // namespace synfin::app
