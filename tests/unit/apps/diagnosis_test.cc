#include "diagnosis.hh"

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
    EXPECT_EQ(finding.mend.find("sudo setcap cap_net_raw+ep /usr/bin/synfin"), 0u) << finding.mend;
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

TEST(Diagnosis, Interfaces) {
    HostScan host = good_host();
    EXPECT_EQ(the_one(diagnosed(host, "af_packet:eth1")).level, Level::missing);
    host.interfaces.push_back(up("eth1"));
    const Finding mtu = the_one(diagnosed(host, "af_packet:eth1", 9000));
    EXPECT_EQ(mtu.mend, "ip link set eth1 mtu 9000");
    EXPECT_TRUE(mtu.harmless);
    host.interfaces[0].up = false;
    EXPECT_EQ(the_one(diagnosed(host, "af_packet:eth1")).mend, "ip link set eth1 up");
    host.interfaces[0].up = true;
    host.interfaces[0].carrier = false;
    EXPECT_EQ(the_one(diagnosed(host, "af_packet:eth1")).level, Level::missing);
}

TEST(Diagnosis, NonsenseIsSaidToBe) {
    EXPECT_EQ(the_one(diagnosed(good_host(), "carrier-pigeon:x")).level, Level::missing);
    EXPECT_EQ(the_one(diagnosed(good_host(), "pci:0000:99:00.0")).level, Level::missing);
}

}  // namespace
}  // namespace synfin::app
