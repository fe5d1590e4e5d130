/// What this process may do and use: capabilities, limits, its directory.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "port/capabilities.hh"
#include "port/limits.hh"
#include "port/run_directory.hh"

namespace synfin::port {
namespace {

TEST(Capabilities, AllThatLackAreNamedAtOnce) {
    const auto veth = capabilities_for("af_packet", "veth");
    EXPECT_EQ(lacking(veth, 0), "cap_net_raw,cap_net_admin,cap_bpf");
    EXPECT_EQ(lacking(veth, uint64_t{1} << CAP_NET_RAW), "cap_net_admin,cap_bpf");
    EXPECT_TRUE(lacks_needed(veth, 0));
    EXPECT_FALSE(lacks_needed(veth, uint64_t{1} << CAP_NET_RAW)) << "the others are for merged segments";
    EXPECT_EQ(lacking(capabilities_for("af_xdp", "ixgbe"), 0),
              "cap_net_raw,cap_net_admin,cap_sys_admin,cap_ipc_lock");
    EXPECT_EQ(lacking(capabilities_for("tap", ""), 0), "cap_net_admin");
    EXPECT_EQ(lacking(capabilities_for("pci", "vfio-pci"), 0), "cap_ipc_lock");
    EXPECT_EQ(lacking(capabilities_for("pci", "mlx5_core"), 0), "cap_net_raw,cap_net_admin,cap_ipc_lock");
    EXPECT_FALSE(lacks_needed(capabilities_for("memif", ""), 0)) << "a memif needs none";
    EXPECT_EQ(setcap_command(veth, "/opt/synfin"),
              "sudo setcap cap_net_raw,cap_net_admin,cap_bpf+ep /opt/synfin")
        << "setcap takes away what it does not name";
}

TEST(Limits, DescriptorsThatLackAreCounted) {
    EXPECT_EQ(lacking_descriptors(8), "");
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    int limit = 0;
    for (int free = 0; free < 3; ++limit) free += fcntl(limit, F_GETFD) < 0;
    const rlimit few{static_cast<rlim_t>(limit), before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    EXPECT_EQ(lacking_descriptors(3), "");
    EXPECT_EQ(lacking_descriptors(8),
              "not enough file descriptors: 8 are needed and 3 are left of a limit of " +
                  std::to_string(few.rlim_cur) + "; raise it: ulimit -n 1024");
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(RunDirectory, IsOursAloneAndNoLink) {
    std::string name = testing::TempDir() + "synfin-run-XXXXXX";
    const std::string base = mkdtemp(name.data());
    const auto usable = [](const std::string& path) { return usable_directory(std::vector{path}); };
    EXPECT_EQ(usable(base + "/made"), base + "/made");
    std::filesystem::create_symlink(base + "/made", base + "/link");
    EXPECT_EQ(usable(base + "/link"), "");
    ASSERT_EQ(chmod((base + "/made").c_str(), 0777), 0);
    EXPECT_EQ(usable(base + "/made"), "") << "others may put files there";
    EXPECT_EQ(usable(base + "/no/such/parent"), "");
    const std::vector<std::string> candidates = {base + "/link", base + "/next"};
    EXPECT_EQ(usable_directory(candidates), base + "/next");
    if (geteuid() == 0) {
        ASSERT_EQ(chown((base + "/next").c_str(), 65534, 65534), 0);
        EXPECT_EQ(usable(base + "/next"), "") << "another user's";
    }
    std::filesystem::remove_all(base);
}

}  // namespace
}  // namespace synfin::port
