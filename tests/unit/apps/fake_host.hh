#pragma once
/// @file
/// A directory that looks like the root of a host, as far as HostScan reads one.

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace synfin::app::test {

class FakeHost {
  public:
    FakeHost() {
        std::string name = (std::filesystem::temp_directory_path() / "synfin-host-XXXXXX").string();
        root_ = mkdtemp(name.data());
    }
    ~FakeHost() { std::filesystem::remove_all(root_); }
    FakeHost(const FakeHost&) = delete;
    FakeHost& operator=(const FakeHost&) = delete;

    const std::filesystem::path& root() const { return root_; }
    void file(const std::string& path, const std::string& text) {
        std::filesystem::create_directories((root_ / path).parent_path());
        std::ofstream(root_ / path) << text;
    }
    void directory(const std::string& path) { std::filesystem::create_directories(root_ / path); }
    void link(const std::string& path, const std::string& target) {
        std::filesystem::create_directories((root_ / path).parent_path());
        std::filesystem::create_symlink(target, root_ / path);
    }

    /// @param driver empty: none is bound
    void card(const std::string& address, const std::string& driver, const std::string& interface = {},
              const std::string& group = {}) {
        const std::string at = "sys/bus/pci/devices/" + address + "/";
        file(at + "class", "0x020000\n");
        file(at + "vendor", "0x8086\n");
        file(at + "device", "0x10c9\n");
        file(at + "numa_node", "1\n");
        if (!driver.empty()) link(at + "driver", "../../../bus/pci/drivers/" + driver);
        if (!group.empty()) link(at + "iommu_group", "../../../kernel/iommu_groups/" + group);
        if (!group.empty()) directory("sys/kernel/iommu_groups/" + group);
        if (!interface.empty()) directory(at + "net/" + interface);
    }
    void interface(const std::string& name, const std::string& flags, int mtu, bool carrier = true) {
        const std::string at = "sys/class/net/" + name + "/";
        file(at + "address", "02:00:00:00:00:01\n");
        file(at + "mtu", std::to_string(mtu) + "\n");
        file(at + "flags", flags + "\n");
        file(at + "carrier", carrier ? "1\n" : "0\n");
        file(at + "speed", "10000\n");
        for (const char* queue : {"rx-0", "rx-1", "tx-0"}) directory(at + "queues/" + queue);
    }
    void default_route(const std::string& interface) {
        file("proc/net/route",
             "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
             "eth9\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0\n" +
                 interface + "\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n");
    }
    void pages(const std::string& kib, int total, int free) {
        const std::string at = "sys/kernel/mm/hugepages/hugepages-" + kib + "kB/";
        file(at + "nr_hugepages", std::to_string(total) + "\n");
        file(at + "free_hugepages", std::to_string(free) + "\n");
    }
    void capabilities(const std::string& mask) {
        file("proc/self/status", "Name:\tsynfin\nCapEff:\t" + mask + "\n");
    }

  private:
    std::filesystem::path root_;
};

}  // namespace synfin::app::test
