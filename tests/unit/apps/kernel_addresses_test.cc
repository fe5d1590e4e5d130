#include "host/kernel_addresses.hh"

#include <gtest/gtest.h>

#include <algorithm>

#include "host/device_news.hh"

namespace synfin::app {
namespace {

TEST(KernelAddresses, LoopbacksIsAmongThem) {
    const auto all = kernel_addresses();
    const bool found = std::any_of(all.begin(), all.end(), [](const KernelAddress& one) {
        return one.interface == "lo" && one.address.text() == "127.0.0.1/8";
    });
    // A namespace whose loopback is down has none.
    EXPECT_TRUE(found || all.empty());
}

TEST(KernelAddresses, OneThatIsOursTooIsSaidWithTheRemedy) {
    const std::vector<KernelAddress> kernel = {{"eth1", *Cidr::parse("10.0.0.2/16")},
                                               {"lo", *Cidr::parse("127.0.0.1/8")}};
    const std::vector<AddressRange> ours = {*Cidr::parse("10.0.0.1/24"), *Cidr::parse("10.0.0.2/24")};
    const auto warnings = shared_addresses("af_packet:eth1", ours, kernel);
    ASSERT_EQ(warnings.size(), 1u);
    EXPECT_EQ(warnings[0],
              "the kernel has the address 10.0.0.2 too, on eth1, and answers its segments with RST; take it "
              "from the "
              "kernel: ip address del 10.0.0.2/16 dev eth1, or choose another --address");
    EXPECT_TRUE(shared_addresses("af_packet:eth1", {ours[0]}, kernel).empty());
    EXPECT_NE(
        shared_addresses("pci:0000:3b:00.0", ours, kernel).at(0).find("keeps what this host sends to it"),
        std::string::npos);
}

TEST(KernelAddresses, BothFamiliesAndRanges) {
    const std::vector<KernelAddress> kernel = {{"eth1", *Cidr::parse("2001:db8::2/64")},
                                               {"eth1", *Cidr::parse("fe80::1/64")},
                                               {"eth2", *Cidr::parse("fe80::2/64")}};
    const auto warnings = shared_addresses("af_packet:eth1",
                                           {*AddressRange::parse("2001:db8::1-2001:db8::ff/64").value,
                                            *AddressRange::parse("fe80::1-fe80::2/64").value},
                                           kernel);
    ASSERT_EQ(warnings.size(), 2u) << "fe80::2 is on another link";
    EXPECT_NE(warnings[0].find("the address 2001:db8::2 too, on eth1, and answers its segments with RST"),
              std::string::npos)
        << warnings[0];
    EXPECT_NE(warnings[0].find("ip address del 2001:db8::2/64 dev eth1"), std::string::npos) << warnings[0];
    EXPECT_NE(warnings[1].find("the address fe80::1 too, on eth1"), std::string::npos) << warnings[1];
}

TEST(DeviceNews, ChangesAreToldOnce) {
    DeviceStats up, down, again, gone;
    up.link_up = again.link_up = true;
    down.link_downs = again.link_downs = 1;
    down.link_down_time = 100ms;
    again.link_down_time = 1500ms;
    gone = down;
    gone.is_gone = true;
    EXPECT_EQ(device_news({}, up), "") << "a peer that comes for the first time";
    EXPECT_EQ(device_news(up, up), "");
    EXPECT_EQ(device_news(up, down), "the link went down");
    EXPECT_EQ(device_news(down, down), "");
    EXPECT_EQ(device_news(down, again), "the link is up again; it was down for 1.5 s in all");
    EXPECT_EQ(device_news(up, again), "the link was down for 1.5 s") << "between two looks";
    EXPECT_EQ(device_news(up, gone), "gone: the interface was deleted, or moved to another namespace");
    EXPECT_EQ(device_news(gone, gone), "");
}

}  // namespace
}  // namespace synfin::app
