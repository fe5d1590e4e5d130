#include "host/diagnosis.hh"

#include <gtest/gtest.h>
#include <linux/capability.h>

#include <algorithm>

namespace synfin::app {
namespace {

using port::PciFunction;
using port::PciOwner;
using Level = Finding::Level;

/// A host on which everything is in order.
HostScan good_host() {
    HostScan host;
    host.hugepages = {{uint64_t{2} << 20, 1024, 1024}};
    host.memory_bytes = host.available_bytes = uint64_t{16} << 30;
    host.online_cpus = {0, 1, 2, 3};
    host.isolated_cpus = {1, 2, 3};
    host.governors = {"performance", "performance"};
    host.has_iommu = host.has_vfio_pci = host.has_tun = true;
    host.capabilities = ~uint64_t{0};
    host.cards.push_back(PciFunction{.address = "0000:3b:00.0",
                                     .driver = "vfio-pci",
                                     .interfaces = {},
                                     .iommu_group = "1",
                                     .owner = PciOwner::user_space});
    return host;
}
KernelInterface up(const std::string& name) {
    KernelInterface interface;
    interface.name = name;
    interface.mtu = 1500;
    interface.up = interface.carrier = true;
    return interface;
}
void give_to_kernel(HostScan& host, const std::string& interface) {
    host.cards[0].driver = "igb";
    host.cards[0].owner = PciOwner::kernel;
    host.cards[0].interfaces = {interface};
    host.interfaces.push_back(up(interface));
}

std::vector<Finding> diagnosed(const HostScan& host, const std::string& device = {}, unsigned mtu = 1500) {
    return diagnose(host, {device, mtu, "/usr/bin/synfin"});
}
/// The only finding that is not good, or one that says so of none or several.
Finding the_one(const std::vector<Finding>& findings) {
    std::vector<Finding> bad;
    for (const Finding& finding : findings)
        if (finding.level != Level::good) bad.push_back(finding);
    if (bad.size() == 1) return bad[0];
    std::string all = std::to_string(bad.size()) + " findings:";
    for (const Finding& finding : bad) all += " [" + finding.what + "]";
    return {Level::good, all, {}, false};
}

TEST(Diagnosis, NothingIsSaidOfAHostInOrder) {
    for (const char* device : {"", "pci:0000:3b:00.0", "pci:3b:00.0", "tap:x", "memif:/tmp/m"})
        for (const Finding& finding : diagnosed(good_host(), device))
            EXPECT_EQ(finding.level, Level::good) << device << ": " << finding.what;
}

TEST(Diagnosis, Hugepages) {
    HostScan host = good_host();
    host.hugepages[0].free = 100;
    Finding finding = the_one(diagnosed(host));
    EXPECT_EQ(finding.level, Level::note) << finding.what;
    EXPECT_EQ(finding.mend, "echo 1180 >/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
    EXPECT_TRUE(finding.harmless);
    EXPECT_EQ(the_one(diagnosed(host, "pci:0000:3b:00.0")).level, Level::missing);
    host.available_bytes = uint64_t{4} << 30;
    EXPECT_FALSE(the_one(diagnosed(host)).harmless) << "it would take the memory that others need";
}

TEST(Diagnosis, Cpus) {
    HostScan host = good_host();
    host.governors[1] = "powersave";
    Finding finding = the_one(diagnosed(host));
    EXPECT_TRUE(finding.harmless) << finding.what;
    EXPECT_NE(finding.mend.find("scaling_governor"), std::string::npos);
    host = good_host();
    host.isolated_cpus.clear();
    finding = the_one(diagnosed(host));
    EXPECT_NE(finding.mend.find("isolcpus=1-3"), std::string::npos) << finding.what;
    EXPECT_FALSE(finding.harmless);
}

TEST(Diagnosis, Permissions) {
    HostScan host = good_host();
    host.capabilities = ~(uint64_t{1} << CAP_NET_RAW);
    host.interfaces.push_back(up("eth1"));
    const Finding finding = the_one(diagnosed(host, "af_packet:eth1"));
    EXPECT_EQ(finding.level, Level::missing);
    EXPECT_EQ(finding.what, "permissions: this process lacks cap_net_raw");
    EXPECT_EQ(finding.mend.find("sudo setcap cap_net_raw,cap_net_admin,cap_bpf+ep /usr/bin/synfin"), 0u)
        << "setcap takes away what it does not name: " << finding.mend;
    EXPECT_FALSE(finding.harmless);
    EXPECT_EQ(the_one(diagnosed(host)).level, Level::note) << "some devices need none of it";
}

TEST(Diagnosis, Modules) {
    HostScan host = good_host();
    host.has_tun = false;
    EXPECT_EQ(the_one(diagnosed(host, "tap:x")).mend, "modprobe tun");
    EXPECT_EQ(the_one(diagnosed(host, "tap:x")).level, Level::missing);
    host = good_host();
    host.has_vfio_pci = false;
    EXPECT_EQ(the_one(diagnosed(host)).mend, "modprobe vfio-pci");
    host = good_host();
    host.has_iommu = false;
    host.has_uio_pci_generic = true;
    EXPECT_NE(the_one(diagnosed(host)).mend.find("intel_iommu=on"), std::string::npos);
}

TEST(Diagnosis, ACardOfTheKernels) {
    HostScan host = good_host();
    give_to_kernel(host, "eth1");
    const Finding finding = the_one(diagnosed(host, "pci:0000:3b:00.0"));
    EXPECT_EQ(finding.level, Level::missing);
    EXPECT_EQ(finding.mend,
              "modprobe vfio-pci && echo vfio-pci >/sys/bus/pci/devices/0000:3b:00.0/driver_override && "
              "echo 0000:3b:00.0 >/sys/bus/pci/devices/0000:3b:00.0/driver/unbind && "
              "echo 0000:3b:00.0 >/sys/bus/pci/drivers_probe");
    EXPECT_FALSE(finding.harmless) << "its interface goes away";
    host.has_iommu = false;
    host.has_uio_pci_generic = true;
    const auto findings = diagnosed(host, "pci:0000:3b:00.0");
    EXPECT_TRUE(std::any_of(findings.begin(), findings.end(), [](const Finding& f) {
        return f.mend.find("modprobe uio_pci_generic && ") == 0;
    }));
}

TEST(Diagnosis, WhatCarriesTheDefaultRouteIsNeverTouched) {
    HostScan host = good_host();
    give_to_kernel(host, "eth0");
    host.interfaces[0].carries_default_route = true;
    host.interfaces[0].up = false;
    host.has_tun = host.has_vfio_pci = host.has_iommu = false;
    host.hugepages[0].free = 0;
    for (const char* device : {"", "pci:0000:3b:00.0", "af_packet:eth0", "af_xdp:eth0"}) {
        const auto findings = diagnosed(host, device, 9000);
        EXPECT_FALSE(findings.empty());
        for (const Finding& finding : findings) {
            EXPECT_EQ(finding.mend.find("eth0"), std::string::npos) << finding.mend;
            EXPECT_EQ(finding.mend.find("3b:00.0"), std::string::npos) << finding.mend;
        }
    }
}

TEST(Diagnosis, AKernelThatSpeaksIpv6OnTheInterface) {
    HostScan host = good_host();
    host.interfaces.push_back(up("eth1"));
    host.interfaces[0].speaks_ipv6 = true;
    Finding finding = the_one(diagnosed(host, "af_packet:eth1"));
    EXPECT_EQ(finding.level, Level::note) << finding.what;
    EXPECT_EQ(finding.mend, "echo 1 >/proc/sys/net/ipv6/conf/eth1/disable_ipv6");
    EXPECT_FALSE(finding.harmless) << "it takes the kernel's addresses away";
    EXPECT_EQ(finding.what.find("advertisements"), std::string::npos);
    host.interfaces[0].takes_advertisements = true;
    finding = the_one(diagnosed(host, "af_packet:eth1"));
    EXPECT_NE(finding.what.find("adds more from router advertisements"), std::string::npos) << finding.what;
    EXPECT_TRUE(the_one(diagnosed(host, "af_xdp:eth1")).what.starts_with("0 findings"));
}

TEST(Diagnosis, Interfaces) {
    HostScan host = good_host();
    EXPECT_EQ(the_one(diagnosed(host, "af_packet:eth1")).level, Level::missing);
    host.interfaces.push_back(up("eth1"));
    const Finding mtu = the_one(diagnosed(host, "af_packet:eth1", 9000));
    EXPECT_EQ(mtu.mend, "ip link set eth1 mtu 9000");
    EXPECT_TRUE(mtu.harmless);
    host.interfaces[0].mtu = 1000;
    const Finding small = the_one(diagnosed(host, "af_packet:eth1", 1000));
    EXPECT_EQ(small.level, Level::note) << "IPv4 works";
    EXPECT_EQ(small.what, "eth1: MTU 1000; IPv6 needs at least 1280");
    EXPECT_EQ(small.mend, "ip link set eth1 mtu 1280");
    host.interfaces[0].mtu = 1500;
    host.interfaces[0].up = false;
    EXPECT_EQ(the_one(diagnosed(host, "af_packet:eth1")).mend, "ip link set eth1 up");
    host.interfaces[0].up = true;
    host.interfaces[0].carrier = false;
    EXPECT_EQ(the_one(diagnosed(host, "af_packet:eth1")).level, Level::missing);
}

TEST(Diagnosis, IceCardsNeedTheirPackage) {
    HostScan host = good_host();
    host.cards[0].vendor = 0x8086;
    host.cards[0].device = 0x1592;
    Finding finding = the_one(diagnosed(host, "pci:0000:3b:00.0"));
    EXPECT_EQ(finding.level, Level::missing) << finding.what;
    EXPECT_NE(finding.mend.find("apt-get install firmware-misc-nonfree"), std::string::npos);
    host.has_ice_package = true;
    EXPECT_EQ(the_one(diagnosed(host, "pci:0000:3b:00.0")).what, "0 findings:");
}

TEST(Diagnosis, Mlx5NeedsItsLibrariesAndStaysWithTheKernel) {
    HostScan host = good_host();
    host.cards[0].vendor = 0x15b3;
    host.cards[0].driver = "mlx5_core";
    host.cards[0].owner = PciOwner::shared;
    host.has_verbs_devices = true;
    Finding finding = the_one(diagnosed(host, "pci:0000:3b:00.0"));
    EXPECT_EQ(finding.mend.find("apt-get install rdma-core ibverbs-providers"), 0u) << finding.what;
    host.has_mlx5_library = true;
    host.has_verbs_devices = false;
    finding = the_one(diagnosed(host, "pci:0000:3b:00.0"));
    EXPECT_EQ(finding.mend, "modprobe -a ib_uverbs mlx5_ib");
    EXPECT_TRUE(finding.harmless);
    host.has_verbs_devices = true;
    host.cards[0].driver = "vfio-pci";
    host.cards[0].owner = PciOwner::user_space;
    EXPECT_NE(the_one(diagnosed(host, "pci:0000:3b:00.0")).mend.find("modprobe mlx5_core && "),
              std::string::npos);
}

TEST(Diagnosis, VfioGivesWholeGroupsToThoseWhoMayOpenThem) {
    HostScan host = good_host();
    host.cards[0].group_neighbours = {{"0000:3b:00.1", "igb"}};
    host.cards.push_back(PciFunction{
        .address = "0000:3b:00.1", .driver = "igb", .iommu_group = "1", .owner = PciOwner::kernel});
    Finding finding = the_one(diagnosed(host, "pci:0000:3b:00.0"));
    EXPECT_NE(finding.what.find("group 1 has 0000:3b:00.1 too, which the kernel's igb holds"),
              std::string::npos);
    EXPECT_EQ(finding.mend.find("modprobe vfio-pci && "), 0u) << finding.mend;
    host.cards[0].group_neighbours = {{"0000:00:1f.2", "ahci"}};
    EXPECT_NE(the_one(diagnosed(host, "pci:0000:3b:00.0")).mend.find("another slot"), std::string::npos)
        << "no command takes a disk controller away";
    host.cards[0].group_neighbours.clear();
    host.closed_vfio_groups = {"1"};
    EXPECT_EQ(the_one(diagnosed(host, "pci:0000:3b:00.0")).mend, "sudo chown $USER /dev/vfio/1");
}

TEST(Diagnosis, WithoutAnIommuThereIsAModeAndALockdown) {
    HostScan host = good_host();
    host.has_iommu = false;
    host.has_no_iommu_mode = true;
    EXPECT_NE(the_one(diagnosed(host)).mend.find("enable_unsafe_noiommu_mode=1"), std::string::npos);
    host.lockdown = "integrity";
    const auto findings = diagnosed(host, "pci:0000:3b:00.0");
    EXPECT_TRUE(std::any_of(findings.begin(), findings.end(), [](const Finding& f) {
        return f.level == Level::missing && f.what.find("lockdown is integrity") != std::string::npos;
    }));
}

TEST(Diagnosis, VirtualFunctionsLetTheKernelKeepItsCard) {
    HostScan host = good_host();
    give_to_kernel(host, "eth1");
    host.cards[0].most_virtual = 63;
    const auto findings = diagnosed(host, "pci:0000:3b:00.0");
    EXPECT_TRUE(std::any_of(findings.begin(), findings.end(), [](const Finding& f) {
        return f.mend == "echo 1 >/sys/bus/pci/devices/0000:3b:00.0/sriov_numvfs" && !f.harmless;
    }));
    host.interfaces.back().firmware = "4.40 0x8001c7d4";
    host.interfaces.back().driver_version = "6.1.0";
    const auto all = diagnosed(host, "pci:0000:3b:00.0");
    EXPECT_TRUE(std::any_of(all.begin(), all.end(), [](const Finding& f) {
        return f.what.find("driver igb 6.1.0, firmware 4.40 0x8001c7d4") != std::string::npos;
    }));
}

TEST(Diagnosis, NonsenseIsSaidToBe) {
    EXPECT_EQ(the_one(diagnosed(good_host(), "carrier-pigeon:x")).level, Level::missing);
    EXPECT_EQ(the_one(diagnosed(good_host(), "pci:0000:99:00.0")).level, Level::missing);
}

}  // namespace
}  // namespace synfin::app
