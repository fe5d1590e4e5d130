#include "diagnosis.hh"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "config/config.hh"
#include "config/quantity.hh"
#include "port/capabilities.hh"

namespace synfin::app {

namespace {

using Level = Finding::Level;
using port::PciFunction;
using port::PciOwner;

/// Memory for DPDK and the packets of four engines.
constexpr uint64_t kHugeBytes = uint64_t{512} << 20;
/// Reserving hugepages must leave 1/kLeftPart of the memory available to other processes.
constexpr uint64_t kLeftPart = 4;
constexpr std::string_view kKinds[] = {"pci",   "af_packet",   "af_xdp", "tap", "memif",
                                       "vhost", "virtio-user", "vdev",   "ring"};
constexpr uint16_t kMellanox = 0x15b3;
constexpr const char* kGovernors = "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor";

class Diagnosis {
  public:
    Diagnosis(const HostScan& host, const Wish& wish)
        : host_(host),
          wish_(wish),
          kind_(wish.device.substr(0, wish.device.find(':'))),
          target_(wish.device.substr(std::min(wish.device.size(), kind_.size() + 1))) {}

    std::vector<Finding> run() {
        look_at_hugepages();
        look_at_cpus();
        look_at_permissions();
        const bool any = kind_.empty();
        if (!any && std::find(std::begin(kKinds), std::end(kKinds), kind_) == std::end(kKinds))
            add(Level::missing, fmt::format("{}: unknown kind of device", wish_.device),
                "use pci:ADDRESS, af_packet:IFACE, af_xdp:IFACE, tap:NAME, memif:PATH, vhost:PATH or "
                "virtio-user:PATH");
        if (any || kind_ == "pci") look_at_cards();
        if (any || kind_ == "tap") look_at_tap();
        if (kind_ == "af_packet" || kind_ == "af_xdp") look_at_interface();
        return std::move(findings_);
    }

  private:
    void good(std::string what) { findings_.push_back({Level::good, std::move(what), {}, false}); }
    void add(Level level, std::string what, std::string mend, bool harmless = false) {
        findings_.push_back({level, std::move(what), std::move(mend), harmless});
    }

    void look_at_hugepages() {
        uint64_t free = 0;
        for (const HugePages& pages : host_.hugepages) free += pages.bytes * pages.free;
        if (free >= kHugeBytes)
            return good(fmt::format("hugepages: {} free", bytes_text(static_cast<double>(free))));
        const bool needed = kind_ == "pci";
        const auto found =
            std::find_if(host_.hugepages.begin(), host_.hugepages.end(),
                         [](const HugePages& pages) { return pages.bytes == uint64_t{2} << 20; });
        const std::string what =
            fmt::format("hugepages: {} free; {} are enough for four cores{}",
                        bytes_text(static_cast<double>(free)), bytes_text(static_cast<double>(kHugeBytes)),
                        needed ? "" : ". Without them the run uses ordinary pages, which cost TLB misses");
        if (found == host_.hugepages.end())
            return add(Level::note, what,
                       "this kernel has no 2 MiB pages: boot with hugepagesz=1G hugepages=1");
        const uint64_t more = (kHugeBytes - free + found->bytes - 1) / found->bytes;
        const bool fits = host_.available_bytes >= more * found->bytes + host_.memory_bytes / kLeftPart;
        // A card behind uio needs memory with known physical addresses, which only hugepages provide.
        add(needed ? Level::missing : Level::note, what,
            fmt::format("echo {} >/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages",
                        found->total + more),
            fits);
    }

    void look_at_cpus() {
        const auto slow =
            std::count_if(host_.governors.begin(), host_.governors.end(),
                          [](const std::string& governor) { return governor != "performance"; });
        if (slow != 0)
            add(Level::note,
                fmt::format("CPU governor: {} of {} CPUs are not on performance; latency and figures vary",
                            slow, host_.governors.size()),
                fmt::format("for g in {}; do echo performance >$g; done", kGovernors), true);
        else if (!host_.governors.empty())
            good("CPU governor: performance");
        if (!host_.isolated_cpus.empty())
            return good(fmt::format("isolated cores: {}", host_.isolated_cpus.size()));
        const size_t cpus = host_.online_cpus.size();
        if (cpus < 3)
            return add(Level::note,
                       fmt::format("isolated cores: none; {} CPUs are too few to isolate any", cpus), "");
        add(Level::note, "isolated cores: none; the scheduler puts other work on the engines' cores",
            fmt::format("boot with isolcpus=1-{0} nohz_full=1-{0} rcu_nocbs=1-{0}, then --cores 1-{0}",
                        cpus - 1));
    }

    void look_at_permissions() {
        const bool any = kind_.empty();
        std::string driver;
        if (const KernelInterface* interface = host_.find(target_)) driver = interface->driver;
        for (const PciFunction& card : host_.cards)
            if (kind_ == "pci" && card.address.ends_with(target_)) driver = card.driver;
        // A virtual interface without a driver in /sys is most likely a veth.
        if (kind_ == "af_packet" && driver.empty()) driver = "veth";
        auto needs = port::capabilities_for(any ? "af_packet" : kind_, any ? "veth" : driver);
        if (any) {
            for (const port::Capability& more : port::capabilities_for("pci", "uio_pci_generic"))
                needs.push_back(more);
        }
        const std::string lacking = port::lacking(needs, host_.capabilities);
        if (needs.empty()) return;
        if (lacking.empty()) return good("permissions: sufficient");
        add(any ? Level::note : Level::missing, "permissions: this process lacks " + lacking,
            port::setcap_command(needs, wish_.program) + "   (or run as root)");
    }

    void look_at_tap() {
        if (host_.has_tun) return good("tap: /dev/net/tun exists");
        add(kind_ == "tap" ? Level::missing : Level::note, "tap: no /dev/net/tun", "modprobe tun", true);
    }

    void look_at_cards() {
        if (host_.cards.empty())
            return add(kind_ == "pci" ? Level::missing : Level::note, "PCI: no Ethernet card",
                       "use af_packet:, af_xdp: or tap: instead");
        if (host_.has_iommu) {
            good("IOMMU: present; cards can be bound to vfio-pci");
            if (!host_.has_vfio_pci) add(Level::note, "vfio-pci is not loaded", "modprobe vfio-pci", true);
        } else {
            add(Level::note, "IOMMU: none; a card assigned to a program can write to all memory",
                "boot with intel_iommu=on iommu=pt (Intel; AMD's is on by itself) and the IOMMU enabled in "
                "the firmware; in a guest without one: modprobe vfio enable_unsafe_noiommu_mode=1 && "
                "modprobe "
                "vfio-pci; else use uio_pci_generic");
            if (host_.lockdown == "integrity" || host_.lockdown == "confidentiality")
                add(Level::missing,
                    fmt::format(
                        "kernel lockdown is {} (Secure Boot): without an IOMMU no card can be assigned to a "
                        "program",
                        host_.lockdown),
                    "switch Secure Boot off in the firmware, or the IOMMU on");
            if (!host_.has_uio_pci_generic && !host_.has_no_iommu_mode)
                add(Level::note, "uio_pci_generic is not loaded", "modprobe uio_pci_generic", true);
        }
        bool found = false;
        for (const PciFunction& card : host_.cards) {
            if (kind_ == "pci" && !card.address.ends_with(target_)) continue;
            found = true;
            look_at_card(card);
        }
        if (kind_ == "pci" && !found)
            add(Level::missing, fmt::format("{}: no such Ethernet card", target_), "see: synfin devices");
    }

    void look_at_card(const PciFunction& card) {
        look_at_owner(card);
        look_at_versions(card);
        if (is_ice(card)) look_at_ice(card);
        if (card.vendor == kMellanox) look_at_mlx5(card);
        look_at_vfio_group(card);
        look_at_virtual_functions(card);
    }

    void look_at_owner(const PciFunction& card) {
        std::string names;
        for (const std::string& name : card.interfaces) names += (names.empty() ? "" : ", ") + name;
        const std::string who = card.address + (names.empty() ? "" : " (" + names + ")");
        const Level level = kind_ == "pci" ? Level::missing : Level::note;
        switch (card.owner) {
            case PciOwner::user_space:
                if (card.vendor == kMellanox)
                    return add(
                        level,
                        fmt::format("{}: bound to {}, but DPDK drives mlx5 cards together with mlx5_core",
                                    who, card.driver),
                        bind_command(card, "mlx5_core"));
                return good(fmt::format("{}: bound to {}", who, card.driver));
            case PciOwner::shared:
                return good(fmt::format("{}: {} stays bound; DPDK works together with it", who, card.driver));
            case PciOwner::kernel:
            case PciOwner::nobody: break;
        }
        if (host_.carries_default_route(card))
            return add(level, fmt::format("{}: carries this host's default route and is left alone", who),
                       "use another card");
        const bool in_use =
            std::any_of(card.interfaces.begin(), card.interfaces.end(), [&](const std::string& name) {
                const KernelInterface* interface = host_.find(name);
                return interface != nullptr && interface->up;
            });
        if (card.vendor == kMellanox)
            return add(level, fmt::format("{}: no driver is bound, and mlx5 needs mlx5_core", who),
                       bind_command(card, "mlx5_core"), true);
        const std::string driver =
            host_.has_iommu || host_.has_no_iommu_mode ? "vfio-pci" : "uio_pci_generic";
        add(level,
            card.owner == PciOwner::nobody ? fmt::format("{}: no driver is bound", who)
            : in_use ? fmt::format("{}: in use by the kernel ({}), and up; binding takes the interface away",
                                   who, card.driver)
                     : fmt::format("{}: bound to the kernel's {}, and down", who, card.driver),
            bind_command(card, driver), card.owner == PciOwner::nobody);
    }

    static bool is_ice(const PciFunction& card) {
        constexpr uint16_t kIntel = 0x8086;
        // E810-C, E810-XXV, E823-C, E822, E823-L, E830.
        constexpr std::pair<uint16_t, uint16_t> kIds[] = {{0x1591, 0x1593}, {0x1599, 0x159b},
                                                          {0x188a, 0x188e}, {0x1890, 0x1899},
                                                          {0x124c, 0x124f}, {0x12d0, 0x12d5}};
        return card.vendor == kIntel &&
               (card.driver == "ice" || std::any_of(std::begin(kIds), std::end(kIds), [&](auto ids) {
                    return card.device >= ids.first && card.device <= ids.second;
                }));
    }

    void look_at_versions(const PciFunction& card) {
        for (const std::string& name : card.interfaces)
            if (const KernelInterface* interface = host_.find(name);
                interface != nullptr && !interface->firmware.empty())
                good(fmt::format(
                    "{} ({}): driver {} {}, firmware {}; for the versions that DPDK supports see "
                    "https://doc.dpdk.org/guides/nics/",
                    card.address, name, card.driver, interface->driver_version, interface->firmware));
    }

    void look_at_ice(const PciFunction& card) {
        if (host_.has_ice_package)
            return good(fmt::format("{}: the ice DDP package is installed", card.address));
        add(kind_ == "pci" ? Level::missing : Level::note,
            fmt::format(
                "{}: no DDP package in /lib/firmware/intel/ice/ddp; without it the card runs in safe mode, "
                "which DPDK refuses",
                card.address),
            "apt-get install firmware-misc-nonfree (Debian, section non-free-firmware), or Intel's ice.pkg "
            "of "
            "https://doc.dpdk.org/guides/nics/ice.html into that directory");
    }

    void look_at_mlx5(const PciFunction& card) {
        const Level level = kind_ == "pci" ? Level::missing : Level::note;
        if (!host_.has_mlx5_library)
            add(level,
                fmt::format("{}: no libmlx5 and libibverbs; DPDK's mlx5 driver needs them", card.address),
                "apt-get install rdma-core ibverbs-providers   (or NVIDIA's OFED with --upstream-libs "
                "--dpdk)");
        else
            good(fmt::format("{}: {}", card.address,
                             host_.ofed.empty() ? "rdma-core's libmlx5 is installed" : "OFED " + host_.ofed));
        if (!host_.has_verbs_devices)
            add(level, fmt::format("{}: no /dev/infiniband/uverbs*", card.address),
                "modprobe -a ib_uverbs mlx5_ib", true);
    }

    /// vfio assigns an IOMMU group only as a whole.
    void look_at_vfio_group(const PciFunction& card) {
        if (card.owner == PciOwner::shared || card.iommu_group.empty()) return;
        const Level level = kind_ == "pci" ? Level::missing : Level::note;
        const bool is_ours = !host_.carries_default_route(card);
        for (const port::PciNeighbour& other : card.group_neighbours) {
            const auto neighbour =
                std::find_if(host_.cards.begin(), host_.cards.end(),
                             [&](const PciFunction& one) { return one.address == other.address; });
            const bool may_be_bound =
                is_ours && neighbour != host_.cards.end() && !host_.carries_default_route(*neighbour);
            add(level,
                fmt::format(
                    "{}: its IOMMU group {} has {} too, which the kernel's {} holds; vfio gives only whole "
                    "groups",
                    card.address, card.iommu_group, other.address, other.driver),
                may_be_bound ? bind_command(*neighbour, "vfio-pci")
                             : "put the card into another slot, or enable ACS in the firmware");
        }
        const auto& closed = host_.closed_vfio_groups;
        if (std::find(closed.begin(), closed.end(), card.iommu_group) != closed.end())
            add(level, fmt::format("{}: no permission for /dev/vfio/{}", card.address, card.iommu_group),
                fmt::format("sudo chown $USER /dev/vfio/{}", card.iommu_group));
    }

    void look_at_virtual_functions(const PciFunction& card) {
        if (!card.physical_function.empty()) {
            good(fmt::format(
                "{}: a virtual function of {}; for VLANs or another MAC: ip link set IFACE vf N trust on "
                "spoofchk off",
                card.address, card.physical_function));
        } else if (card.most_virtual != 0 && card.virtual_functions == 0 && card.owner == PciOwner::kernel &&
                   !host_.carries_default_route(card)) {
            add(Level::note,
                fmt::format(
                    "{}: supports {} virtual functions and has none; with one, the kernel keeps the card",
                    card.address, card.most_virtual),
                fmt::format("echo 1 >/sys/bus/pci/devices/{}/sriov_numvfs", card.address));
        }
    }

    void look_at_interface() {
        const KernelInterface* interface = host_.find(target_);
        if (interface == nullptr)
            return add(Level::missing, fmt::format("{}: no such interface", target_), "see: synfin devices");
        const bool ours_to_touch = !interface->carries_default_route;
        if (!ours_to_touch)
            add(Level::note,
                fmt::format("{}: carries this host's default route; doctor does not change it", target_),
                "use another interface");
        const auto mend = [&](std::string command) {
            return ours_to_touch ? std::move(command) : std::string();
        };
        if (!interface->up)
            add(Level::missing, fmt::format("{}: down", target_),
                mend(fmt::format("ip link set {} up", target_)), ours_to_touch);
        else if (!interface->carrier)
            add(Level::missing, fmt::format("{}: no carrier", target_), "check the cable and the other end");
        else
            good(fmt::format("{}: up{}", target_,
                             interface->mbps == 0 ? "" : fmt::format(", {} Mb/s", interface->mbps)));
        if (interface->mtu < wish_.mtu)
            add(Level::missing,
                fmt::format("{}: MTU {}, but --mtu asks for {}", target_, interface->mtu, wish_.mtu),
                mend(fmt::format("ip link set {} mtu {}", target_, wish_.mtu)), ours_to_touch);
        else if (interface->mtu < kLeastMtu6)
            add(Level::note,
                fmt::format("{}: MTU {}; IPv6 needs at least {}", target_, interface->mtu, kLeastMtu6),
                mend(fmt::format("ip link set {} mtu {}", target_, kLeastMtu6)), ours_to_touch);
        // af_xdp hides received frames from the kernel. Not harmless: the kernel loses its IPv6 addresses.
        if (kind_ == "af_packet" && interface->speaks_ipv6)
            add(Level::note,
                fmt::format("{}: the kernel uses IPv6 there too: it answers for its own addresses{}, and its "
                            "link-local address may be the same as synfin's",
                            target_,
                            interface->takes_advertisements ? ", adds more from router advertisements" : ""),
                mend(fmt::format("echo 1 >/proc/sys/net/ipv6/conf/{}/disable_ipv6", target_)));
    }

    const HostScan& host_;
    const Wish& wish_;
    std::string kind_, target_;
    std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> diagnose(const HostScan& host, const Wish& wish) {
    return Diagnosis(host, wish).run();
}

}  // namespace synfin::app
