/// What a slot of an AF_PACKET ring becomes. The sockets themselves are the integration tests' (they need
/// root).
#include "port/packet_socket.hh"

#include <gtest/gtest.h>
#include <linux/if_ether.h>

#include <array>
#include <cstring>
#include <memory>
#include <vector>

namespace synfin::port {
namespace {

using Frame = std::vector<uint8_t>;

/// A slot as the kernel fills it, and a packet to copy it into.
class SlotTest : public testing::Test {
  protected:
    static constexpr uint16_t kRoom = 2048;

    Frame copied(const Frame& frame, uint32_t status, uint16_t tpid = 0, uint16_t tci = 0) {
        auto* header = reinterpret_cast<tpacket2_hdr*>(slot_.data());
        header->tp_status = TP_STATUS_USER | status;
        header->tp_mac = 80;
        header->tp_snaplen = header->tp_len = static_cast<uint32_t>(frame.size());
        header->tp_vlan_tpid = tpid;
        header->tp_vlan_tci = tci;
        std::memcpy(slot_.data() + header->tp_mac, frame.data(), frame.size());
        std::memset(static_cast<void*>(&packet_), 0, sizeof packet_);
        packet_.buf_addr = buffer_.data();
        packet_.buf_len = kRoom;
        packet_.nb_segs = 1;
        if (!copy_from_slot(*header, packet_)) return {};
        EXPECT_EQ(packet_.pkt_len, packet_.data_len);
        return {buffer_.begin(), buffer_.begin() + packet_.data_len};
    }
    static Frame frame_of(size_t bytes) {
        Frame frame(bytes);
        for (size_t i = 0; i < bytes; ++i) frame[i] = static_cast<uint8_t>(i * 7);
        return frame;
    }

    alignas(64) std::array<uint8_t, 4096> slot_{};
    alignas(64) std::array<uint8_t, kRoom> buffer_{};
    std::unique_ptr<rte_mbuf> mbuf_ = std::make_unique<rte_mbuf>();
    rte_mbuf& packet_ = *mbuf_;
};

TEST_F(SlotTest, AFrameArrivesAsItIs) {
    const Frame frame = frame_of(1514);
    EXPECT_EQ(copied(frame, 0), frame);
    EXPECT_EQ(packet_.ol_flags, 0u) << "no word, no verdict";
}

TEST_F(SlotTest, TheKernelsWordOnTheChecksumIsTheVerdict) {
    for (const uint32_t said : {TP_STATUS_CSUMNOTREADY, TP_STATUS_CSUM_VALID}) {
        copied(frame_of(60), said);
        EXPECT_EQ(packet_.ol_flags, RTE_MBUF_F_RX_L4_CKSUM_GOOD);
    }
}

TEST_F(SlotTest, ATagThatWasTakenOffIsPutBackAsTheKindItWas) {
    const Frame frame = frame_of(60);
    for (const uint16_t kind : {uint16_t{ETH_P_8021Q}, uint16_t{ETH_P_8021AD}}) {
        Frame right = frame;
        right.insert(right.begin() + 12,
                     {static_cast<uint8_t>(kind >> 8), static_cast<uint8_t>(kind & 0xff), 0x20, 0x05});
        EXPECT_EQ(copied(frame, TP_STATUS_VLAN_VALID | TP_STATUS_VLAN_TPID_VALID, kind, 0x2005), right);
    }
    EXPECT_EQ(copied(frame, TP_STATUS_VLAN_VALID, 0, 5).at(12), 0x81)
        << "a kernel that does not tell the kind";
}

TEST_F(SlotTest, WhatDoesNotFitAPacketIsRefused) {
    EXPECT_EQ(copied(frame_of(kRoom), 0).size(), size_t{kRoom});
    EXPECT_TRUE(copied(frame_of(kRoom + 1), 0).empty());
    EXPECT_TRUE(copied(frame_of(kRoom - 3), TP_STATUS_VLAN_VALID, 0, 5).empty()) << "with its tag";
    EXPECT_TRUE(copied(frame_of(11), 0).empty()) << "no frame";
}

}  // namespace
}  // namespace synfin::port
