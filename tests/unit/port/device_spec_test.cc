#include <gtest/gtest.h>

#include "port/device_spec.hh"

namespace synfin::port {
namespace {

DeviceSpec parsed(std::string_view text) {
    Refusal refusal;
    const auto spec = parse_device(text, refusal);
    EXPECT_TRUE(spec) << text << ": " << refusal.why;
    return spec.value_or(DeviceSpec{});
}

std::string refused(std::string_view text) {
    Refusal refusal;
    EXPECT_FALSE(parse_device(text, refusal)) << text;
    EXPECT_EQ(refusal.error, Error::invalid);
    EXPECT_NE(refusal.why.find(text), std::string::npos) << refusal.why;
    return refusal.why;
}

TEST(DeviceSpec, TakesEveryForm) {
    EXPECT_EQ(parsed("pci:0000:3b:00.0").target, "0000:3b:00.0");
    EXPECT_EQ(parsed("pci:3b:00.1").target, "0000:3b:00.1");
    EXPECT_EQ(parsed("af_xdp:eth1").kind, DeviceKind::af_xdp);
    EXPECT_EQ(parsed("af_packet:veth0").target, "veth0");
    EXPECT_EQ(parsed("tap:t0").kind, DeviceKind::tap);
    EXPECT_EQ(parsed("vhost:/run/v.sock").target, "/run/v.sock");
    EXPECT_EQ(parsed("virtio-user:/run/v.sock").kind, DeviceKind::virtio_user);
    EXPECT_EQ(parsed("ring").kind, DeviceKind::ring);
    EXPECT_EQ(parsed("vdev:net_null0,size=64").target, "net_null0,size=64");
}

TEST(DeviceSpec, MemifIsClientUnlessSaid) {
    EXPECT_EQ(parsed("memif:/run/m.sock").role, MemifRole::client);
    EXPECT_EQ(parsed("memif:/run/m.sock,client").role, MemifRole::client);
    EXPECT_EQ(parsed("memif:/run/m.sock,server").role, MemifRole::server);
    EXPECT_EQ(parsed("memif:/run/m.sock,server").target, "/run/m.sock");
}

TEST(DeviceSpec, RefusesWithWhatWasExpected) {
    EXPECT_NE(refused("dpdk:0").find("af_packet:IFACE"), std::string::npos);
    EXPECT_NE(refused("eth0").find("af_packet:eth0"), std::string::npos) << "guesses what was meant";
    EXPECT_NE(refused("pci:3b").find("pci:0000:3b:00.0"), std::string::npos);
    EXPECT_NE(refused("pci:0000:3b:00.9").find("PCI address"), std::string::npos);
    EXPECT_NE(refused("pci:0000:xx:00.0").find("PCI address"), std::string::npos);
    EXPECT_NE(refused("memif:/run/m.sock,master").find("'master'"), std::string::npos);
    EXPECT_NE(refused("ring:1").find("'ring' alone"), std::string::npos);
    refused("");
    refused("af_packet:");
    refused("af_packet");
    refused("tap:name-of-16-bytes");
    refused("af_xdp:a b");
    refused("vhost:");
    refused("vdev:");
    refused("virtio-user:/" + std::string(107, 'x'));
}

TEST(DeviceSpec, ArgumentsForDpdk) {
    const VdevNeeds needs{.index = 3, .queues = 2, .frame = 1518, .ring = 1024};
    EXPECT_EQ(devargs(parsed("af_packet:v0"), needs), "");
    EXPECT_EQ(devargs(parsed("af_xdp:v0"), needs), "net_af_xdp3,iface=v0,start_queue=0,queue_count=2");
    EXPECT_EQ(devargs(parsed("tap:t"), needs), "net_tap3,iface=t");
    EXPECT_EQ(devargs(parsed("memif:/m,server"), needs), "");
    EXPECT_EQ(devargs(parsed("vhost:/v"), needs), "net_vhost3,iface=/v,queues=1,client=0,tso=0");
    EXPECT_EQ(devargs(parsed("virtio-user:/v"), needs),
              "net_virtio_user3,path=/v,queues=1,queue_size=1024,server=0");
    EXPECT_EQ(devargs(parsed("pci:3b:00.0"), needs), "0000:3b:00.0");
    EXPECT_EQ(devargs(parsed("ring"), needs), "");
}

TEST(DeviceSpec, AfPacketSlotsHoldTheFrameAndFillPages) {
    for (uint32_t frame = 594; frame <= 9018; ++frame) {
        const uint32_t slot = af_packet_slot(frame);
        ASSERT_GE(slot, frame + 80) << frame;
        ASSERT_TRUE(4096 % slot == 0 || slot % 4096 == 0) << "no slot may cross a block's end: " << slot;
    }
}

}  // namespace
}  // namespace synfin::port
