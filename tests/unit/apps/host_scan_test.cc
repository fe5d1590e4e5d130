#include "host/host_scan.hh"

#include <gtest/gtest.h>

#include "fake_host.hh"

namespace synfin::app {
namespace {

using port::PciOwner;
using test::FakeHost;

TEST(HostScan, AnEmptyRootIsAHostWithNothing) {
    const FakeHost fake;
    const HostScan host = scan_host(fake.root());
    EXPECT_TRUE(host.cards.empty());
    EXPECT_TRUE(host.interfaces.empty());
    EXPECT_TRUE(host.hugepages.empty());
    EXPECT_FALSE(host.has_iommu || host.has_vfio_pci || host.has_tun);
    EXPECT_EQ(host.numa_nodes, 1u);
    EXPECT_EQ(host.capabilities, 0u);
}

TEST(HostScan, CardsAndWhoHasThem) {
    FakeHost fake;
    fake.card("0000:3b:00.1", "vfio-pci", "", "17");
    fake.card("0000:3b:00.0", "igb", "eth1");
    fake.card("0000:3c:00.0", "mlx5_core", "eth2");
    fake.card("0000:3d:00.0", "");
    fake.file("sys/bus/pci/devices/0000:00:1f.0/class", "0x060100\n");  // an ISA bridge
    const HostScan host = scan_host(fake.root());
    ASSERT_EQ(host.cards.size(), 4u);
    EXPECT_EQ(host.cards[0].address, "0000:3b:00.0");
    EXPECT_EQ(host.cards[0].owner, PciOwner::kernel);
    EXPECT_EQ(host.cards[0].interfaces, std::vector<std::string>{"eth1"});
    EXPECT_EQ(host.cards[0].vendor, 0x8086);
    EXPECT_EQ(host.cards[0].device, 0x10c9);
    EXPECT_EQ(host.cards[0].numa_node, 1);
    EXPECT_EQ(host.cards[1].owner, PciOwner::user_space);
    EXPECT_EQ(host.cards[1].iommu_group, "17");
    EXPECT_EQ(host.cards[2].owner, PciOwner::shared);
    EXPECT_EQ(host.cards[3].owner, PciOwner::nobody);
    EXPECT_TRUE(host.has_iommu);
    EXPECT_FALSE(port::read_pci_function(fake.root(), "0000:00:1f.0"));
    EXPECT_FALSE(port::read_pci_function(fake.root(), "0000:99:00.0"));
}

TEST(HostScan, VirtioInterfacesHangOneLevelBelow) {
    FakeHost fake;
    fake.card("0000:00:03.0", "virtio-pci");
    fake.directory("sys/bus/pci/devices/0000:00:03.0/virtio0/net/eth0");
    EXPECT_EQ(scan_host(fake.root()).cards[0].interfaces, std::vector<std::string>{"eth0"});
}

TEST(HostScan, InterfacesAndTheDefaultRoute) {
    FakeHost fake;
    fake.interface("lo", "0x9", 65536);
    fake.interface("eth0", "0x1003", 1500);
    fake.interface("eth1", "0x1002", 9000, false);
    fake.link("sys/class/net/eth1/device/driver", "../../bus/pci/drivers/igb");
    fake.default_route("eth0");
    fake.card("0000:3b:00.0", "igb", "eth0");
    fake.card("0000:3b:00.1", "igb", "eth1");
    const HostScan host = scan_host(fake.root());
    ASSERT_EQ(host.interfaces.size(), 2u) << "lo is none";
    const KernelInterface& eth0 = host.interfaces[0];
    EXPECT_TRUE(eth0.up && eth0.carrier && eth0.carries_default_route);
    EXPECT_EQ(eth0.mtu, 1500u);
    EXPECT_EQ(eth0.mbps, 10000);
    EXPECT_EQ(eth0.rx_queues, 2u);
    EXPECT_EQ(eth0.tx_queues, 1u);
    const KernelInterface& eth1 = host.interfaces[1];
    EXPECT_FALSE(eth1.up || eth1.carrier || eth1.carries_default_route);
    EXPECT_EQ(eth1.driver, "igb");
    EXPECT_TRUE(host.carries_default_route(host.cards[0]));
    EXPECT_FALSE(host.carries_default_route(host.cards[1]));
}

TEST(HostScan, WhereTheKernelSpeaksIpv6) {
    FakeHost fake;
    for (const char* name : {"eth0", "eth1", "eth2", "eth3"}) fake.interface(name, "0x1003", 1500);
    fake.file("proc/sys/net/ipv6/conf/eth0/disable_ipv6", "0\n");
    fake.file("proc/sys/net/ipv6/conf/eth0/accept_ra", "1\n");
    fake.file("proc/sys/net/ipv6/conf/eth1/disable_ipv6", "0\n");
    fake.file("proc/sys/net/ipv6/conf/eth1/accept_ra", "0\n");
    fake.file("proc/sys/net/ipv6/conf/eth2/disable_ipv6", "1\n");
    fake.file("proc/sys/net/ipv6/conf/eth2/accept_ra", "1\n");
    const auto interfaces = scan_host(fake.root()).interfaces;
    ASSERT_EQ(interfaces.size(), 4u);
    EXPECT_TRUE(interfaces[0].speaks_ipv6 && interfaces[0].takes_advertisements);
    EXPECT_TRUE(interfaces[1].speaks_ipv6 && !interfaces[1].takes_advertisements);
    EXPECT_FALSE(interfaces[2].speaks_ipv6 || interfaces[2].takes_advertisements);
    EXPECT_FALSE(interfaces[3].speaks_ipv6) << "a kernel without IPv6";
}

TEST(HostScan, TheDefaultRouteMayBeIpv6s) {
    FakeHost fake;
    fake.interface("eth0", "0x1003", 1500);
    const std::string zero(32, '0');
    fake.file("proc/net/ipv6_route", zero + " 00 " + zero + " 00 fe80 00000400 1 0 00000003 eth0\n" + zero +
                                         " 00 " + zero + " 00 " + zero + " ffffffff 1 0 00200200 lo\n");
    EXPECT_TRUE(scan_host(fake.root()).interfaces[0].carries_default_route);
}

TEST(HostScan, MemoryCpusModulesAndRights) {
    FakeHost fake;
    fake.pages("1048576", 2, 1);
    fake.pages("2048", 512, 100);
    fake.file("proc/meminfo", "MemTotal:       16384 kB\nMemFree: 1 kB\nMemAvailable:    8192 kB\n");
    fake.file("sys/devices/system/cpu/online", "0-2,5\n");
    fake.file("sys/devices/system/cpu/isolated", "5\n");
    fake.file("sys/devices/system/cpu/cpu5/cpufreq/scaling_governor", "powersave\n");
    fake.directory("sys/devices/system/node/node0");
    fake.directory("sys/devices/system/node/node1");
    fake.directory("sys/devices/system/node/power");
    fake.directory("sys/bus/pci/drivers/vfio-pci");
    fake.file("dev/net/tun", "");
    fake.capabilities("0000000000002000");
    fake.file("proc/self/limits",
              "Max locked memory         8388608              8388608              bytes     \n");
    const HostScan host = scan_host(fake.root());
    ASSERT_EQ(host.hugepages.size(), 2u);
    EXPECT_EQ(host.hugepages[0].bytes, uint64_t{2} << 20);
    EXPECT_EQ(host.hugepages[0].total, 512u);
    EXPECT_EQ(host.hugepages[0].free, 100u);
    EXPECT_EQ(host.memory_bytes, uint64_t{16} << 20);
    EXPECT_EQ(host.available_bytes, uint64_t{8} << 20);
    EXPECT_EQ(host.online_cpus, (std::vector<unsigned>{0, 1, 2, 5}));
    EXPECT_EQ(host.isolated_cpus, std::vector<unsigned>{5});
    EXPECT_EQ(host.governors, std::vector<std::string>{"powersave"});
    EXPECT_EQ(host.numa_nodes, 2u);
    EXPECT_TRUE(host.has_vfio_pci && host.has_tun);
    EXPECT_FALSE(host.has_uio_pci_generic);
    EXPECT_TRUE(host.can(13));
    EXPECT_FALSE(host.can(12));
    EXPECT_EQ(host.lock_limit, "8388608");
}

TEST(HostScan, WhatCardsNeedBesideADriver) {
    FakeHost fake;
    HostScan host = scan_host(fake.root());
    EXPECT_FALSE(host.has_ice_package || host.has_mlx5_library || host.has_verbs_devices);
    EXPECT_EQ(host.ofed + host.lockdown, "");
    fake.file("lib/firmware/intel/ice/ddp/ice-1.3.30.0.pkg", "");
    fake.file("usr/lib/x86_64-linux-gnu/libmlx5.so.1", "");
    EXPECT_FALSE(scan_host(fake.root()).has_mlx5_library) << "libibverbs is needed, too";
    fake.file("usr/lib/x86_64-linux-gnu/libibverbs.so.1", "");
    fake.file("dev/infiniband/uverbs0", "");
    fake.file("usr/bin/ofed_info", "");
    fake.file("sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
    host = scan_host(fake.root());
    EXPECT_TRUE(host.has_ice_package && host.has_mlx5_library && host.has_verbs_devices);
    EXPECT_EQ(host.ofed, "installed");
    EXPECT_EQ(host.lockdown, "integrity");
}

TEST(HostScan, VirtualFunctionsAndNeighboursInTheGroup) {
    FakeHost fake;
    fake.card("0000:3b:00.0", "ice", "eth1", "17");
    fake.card("0000:3b:02.0", "vfio-pci", "", "18");
    const std::string devices = "sys/bus/pci/devices/";
    fake.file(devices + "0000:3b:00.0/sriov_totalvfs", "64\n");
    fake.file(devices + "0000:3b:00.0/sriov_numvfs", "1\n");
    fake.link(devices + "0000:3b:02.0/physfn", "../0000:3b:00.0");
    for (const char* one : {"0000:3b:02.0", "0000:00:1f.2", "0000:3a:00.0", "0000:3b:02.1"})
        fake.file("sys/kernel/iommu_groups/18/devices/" + std::string(one), "");
    fake.link(devices + "0000:00:1f.2/driver", "../../drivers/ahci");
    fake.link(devices + "0000:3a:00.0/driver", "../../drivers/pcieport");
    const HostScan host = scan_host(fake.root());
    ASSERT_EQ(host.cards.size(), 2u);
    EXPECT_EQ(host.cards[0].most_virtual, 64u);
    EXPECT_EQ(host.cards[0].virtual_functions, 1u);
    EXPECT_EQ(host.cards[1].physical_function, "0000:3b:00.0");
    ASSERT_EQ(host.cards[1].group_neighbours.size(), 1u) << "bridges and those without a driver do not count";
    EXPECT_EQ(host.cards[1].group_neighbours[0].address, "0000:00:1f.2");
    EXPECT_EQ(host.cards[1].group_neighbours[0].driver, "ahci");
}

TEST(HostScan, SetsOfCpus) {
    EXPECT_TRUE(parse_cpu_list("").empty());
    EXPECT_EQ(parse_cpu_list("3"), std::vector<unsigned>{3});
    EXPECT_EQ(parse_cpu_list("0,2-4"), (std::vector<unsigned>{0, 2, 3, 4}));
    for (const char* bad : {"x", "1-", "4-2", "1,,2", "1-x", "0-99999"})
        EXPECT_TRUE(parse_cpu_list(bad).empty()) << bad;
}

}  // namespace
}  // namespace synfin::app
