#include "host/address_lock.hh"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "config/user_error.hh"

namespace synfin::app {
namespace {

class AddressLockTest : public testing::Test {
  protected:
    AddressLockTest() {
        std::string name = testing::TempDir() + "synfin-lock-XXXXXX";
        directory_ = mkdtemp(name.data());
    }
    ~AddressLockTest() override { std::filesystem::remove_all(directory_); }

    /// The refusal in another process; empty: it got the lock.
    std::string refusal_elsewhere(const std::string& device, const std::string& address) const {
        int ends[2];
        if (pipe(ends) != 0) return "no pipe";
        const pid_t child = fork();
        if (child == 0) {
            std::string why;
            try {
                const AddressLock lock(device, {*AddressRange::parse(address).value}, directory_);
            } catch (const UserError& error) {
                why = error.what();
            }
            _exit(write(ends[1], why.data(), why.size()) < 0);
        }
        close(ends[1]);
        char text[256];
        const ssize_t size = read(ends[0], text, sizeof text);
        close(ends[0]);
        waitpid(child, nullptr, 0);
        return {text, static_cast<size_t>(std::max<ssize_t>(size, 0))};
    }

    std::string directory_;
};

TEST_F(AddressLockTest, TheSecondProcessIsToldWhoHasIt) {
    {
        const AddressLock lock("memif:/tmp/a.sock,server", {*Cidr::parse("10.0.0.1/24")}, directory_);
        EXPECT_EQ(refusal_elsewhere("memif:/tmp/a.sock,server", "10.0.0.1/16"),
                  "10.0.0.1 on memif:/tmp/a.sock,server is already served by another synfin (process " +
                      std::to_string(getpid()) + ")");
        EXPECT_NE(refusal_elsewhere("memif:/tmp/./a.sock,server", "10.0.0.1/24"), "") << "another spelling";
        EXPECT_EQ(refusal_elsewhere("memif:/tmp/a.sock", "10.0.0.1/24"), "") << "the other end";
        EXPECT_EQ(refusal_elsewhere("memif:/tmp/a.sock,server", "10.0.0.2/24"), "") << "another address";
        EXPECT_EQ(refusal_elsewhere("memif:/tmp/b.sock,server", "10.0.0.1/24"), "") << "another device";
    }
    EXPECT_EQ(refusal_elsewhere("memif:/tmp/a.sock,server", "10.0.0.1/24"), "") << "it has ended";
}

TEST_F(AddressLockTest, Ipv6AddressesAndRanges) {
    const std::vector<AddressRange> ours = {
        *AddressRange::parse("2001:db8::1/64").value,
        *AddressRange::parse("2001:db8::ffff:fff0-2001:db8::1:0:f/64").value,
        *AddressRange::parse("10.0.1.1-10.0.4.254/16").value};
    const AddressLock lock("tap:x", ours, directory_);
    EXPECT_EQ(refusal_elsewhere("tap:x", "2001:db8::1/128"),
              "2001:db8::1 on tap:x is already served by another synfin (process " +
                  std::to_string(getpid()) + ")");
    EXPECT_NE(refusal_elsewhere("tap:x", "2001:db8::1:0:3/64"), "") << "beyond a multiple of 2^32";
    EXPECT_NE(refusal_elsewhere("tap:x", "2001:db8::ffff:ffff/64"), "");
    EXPECT_NE(refusal_elsewhere("tap:x", "10.0.2.1/16"), "") << "inside the range";
    EXPECT_NE(refusal_elsewhere("tap:x", "10.0.4.254-10.0.9.1/16"), "") << "ranges overlap";
    EXPECT_EQ(refusal_elsewhere("tap:x", "10.0.4.255/16"), "") << "one beyond the range";
    EXPECT_EQ(refusal_elsewhere("tap:x", "2001:db8::2/64"), "");
    EXPECT_EQ(refusal_elsewhere("tap:x", "2001:db8:1::1/64"), "") << "another network, the same last bits";
    EXPECT_EQ(refusal_elsewhere("tap:y", "2001:db8::1/64"), "");
}

TEST_F(AddressLockTest, AnotherUsersFileAndALinkAreNotUsed) {
    const std::string victim = directory_ + "/victim", file = directory_ + "/address-locks";
    std::ofstream(victim) << "mine";
    std::filesystem::create_symlink(victim, file);
    const AddressLock lock("tap:x", {*Cidr::parse("10.0.0.1/24")}, directory_);
    EXPECT_EQ(refusal_elsewhere("tap:x", "10.0.0.1/24"), "") << "nothing is locked, and nobody is kept out";
    EXPECT_EQ(std::filesystem::file_size(victim), 4u);
}

TEST(DeviceIdentity, IsTheDevicesNotTheSpellings) {
    EXPECT_EQ(device_identity("pci:3B:00.0"), device_identity("pci:0000:3b:00.0"));
    EXPECT_NE(device_identity("pci:0000:3b:00.0"), device_identity("pci:0000:3b:00.1"));
    EXPECT_EQ(device_identity("af_packet:lo"), device_identity("af_xdp:lo")) << "one interface";
    EXPECT_NE(device_identity("af_packet:lo"), device_identity("tap:lo")) << "a tap's two ends are two";
    EXPECT_EQ(device_identity("vhost:/tmp/../tmp/v"), device_identity("vhost:/tmp/v"));
    EXPECT_EQ(device_identity("vdev:net_null0"), "vdev:net_null0");
    EXPECT_EQ(device_identity("ring"), "ring");
}

}  // namespace
}  // namespace synfin::app
