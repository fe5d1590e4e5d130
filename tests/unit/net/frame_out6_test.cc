/// IPv6 frames from FrameOut, read back octet by octet and by FrameIn.

#include "net/frame_out.hh"

#include <gtest/gtest.h>

#include <set>

#include "base/random.hh"
#include "ipv6_frames.hh"
#include "net/frame_in.hh"
#include "wire/icmpv6.hh"

namespace synfin::net {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

const HashKey kFoldKey{3, 4}, kLabelKey{5, 6};

struct Builder {
    explicit Builder(const buf::QueueCaps& queue = {}, std::optional<uint16_t> vlan = {},
                     std::optional<uint16_t> outer = {}, HashKey label_key = kLabelKey)
        : ours({*Cidr::parse("10.0.0.1/24"), {kUs, 64}, {kUsToo, 64}, {kUsLocal, 64}}),
          link(queue, vlan, outer),
          frame_out(ours, link, queue, 61, 10, label_key),
          blocks(64, 64) {}

    SegmentOut segment(uint32_t length = 0, uint8_t flags = wire::kAck) {
        SegmentOut out;
        out.tuple = {AddressFold(kFoldKey)(kPeer), 80, 4000, 2};
        out.remote6 = kPeer;
        out.seq = tcp::Seq(0x01020304);
        out.ack = tcp::Seq(0x05060708);
        out.flags = flags;
        out.wnd = 1000;
        if (length != 0) {
            Octets bytes(length);
            for (size_t i = 0; i < length; ++i) bytes[i] = static_cast<uint8_t>(i * 7 + 1);
            EXPECT_EQ(buf::append(blocks, text, bytes), length);
            out.text = &text;
            out.len = static_cast<decltype(out.len)>(length);
        }
        return out;
    }

    LocalAddresses ours;
    Link link;
    FrameOut frame_out;
    buf::BlockPool blocks;
    buf::ByteQueue text{};
};

buf::QueueCaps bare() {
    buf::QueueCaps out;
    out.ethernet = false;
    return out;
}

TEST(FrameOut6, ASegment) {
    for (const uint32_t length : {0u, 1u, 7u, 100u, 1440u}) {
        Builder builder(bare());
        Octets frame(2000, 0xee);
        const SegmentOut s = builder.segment(length);
        frame.resize(builder.frame_out.build6(frame.data(), s, builder.blocks));
        ASSERT_EQ(frame.size(), 60 + length);
        Octets expected = packet6(6, Octets(frame.begin() + 40, frame.end()), kUsToo, kPeer);
        const uint32_t label = builder.frame_out.flow_label(s.tuple);
        expected[0] = 0x62;  // DSCP 10 in the traffic class
        expected[1] = static_cast<uint8_t>(0x80 | label >> 16);
        expected[2] = static_cast<uint8_t>(label >> 8);
        expected[3] = static_cast<uint8_t>(label);
        expected[7] = 61;
        EXPECT_EQ(frame, expected);
        EXPECT_EQ(upper_sum(kUsToo, kPeer, 6, Bytes(frame).subspan(40)), 0xffff);
        EXPECT_EQ(wire::load_be32(&frame[40]), uint32_t{4000} << 16 | 80);
        EXPECT_EQ(wire::load_be32(&frame[44]), 0x01020304u);
        for (size_t i = 0; i < length; ++i) ASSERT_EQ(frame[60 + i], static_cast<uint8_t>(i * 7 + 1));
        const buf::TxMeta meta = builder.frame_out.segment_meta6();
        EXPECT_TRUE(meta.is_v6);
        EXPECT_FALSE(meta.ip_checksum || meta.tcp_checksum);
    }
}

/// The template behind every link header.
TEST(FrameOut6, BehindTags) {
    buf::QueueCaps queue;
    queue.mac = kOurMac;
    const std::optional<uint16_t> none;
    for (const auto& [vlan, outer] : {std::pair{none, none},
                                      {std::optional<uint16_t>(7), none},
                                      {std::optional<uint16_t>(7), std::optional<uint16_t>(100)}}) {
        Builder builder(queue, vlan, outer);
        Octets frame(2000, 0xee);
        frame.resize(builder.frame_out.build6(frame.data(), builder.segment(30), builder.blocks));
        std::copy(kOurMac.octets.begin(), kOurMac.octets.end(), frame.begin());
        const LocalAddresses peer({{kPeer, 64}});
        const FrameIn reader(peer, builder.link, AddressFold(kFoldKey));
        SegmentIn in{};
        const ReceivedFrame received{frame.data(), static_cast<uint32_t>(frame.size()), {}, {}};
        ASSERT_TRUE(reader.read_usual6(received, in));
        EXPECT_EQ(*in.remote6, kUsToo);
        EXPECT_EQ(in.text.size(), 30u);
        EXPECT_EQ(builder.frame_out.segment_meta6().l2_len, builder.link.header_bytes());
    }
}

TEST(FrameOut6, TheDeviceCompletesTheChecksum) {
    buf::QueueCaps queue = bare();
    queue.tx_tcp_checksum = queue.tx_ip_checksum = true;
    Builder builder(queue);
    Octets frame(2000);
    frame.resize(builder.frame_out.build6(frame.data(), builder.segment(5), builder.blocks));
    const buf::TxMeta meta = builder.frame_out.segment_meta6();
    EXPECT_TRUE(meta.is_v6 && meta.tcp_checksum);
    EXPECT_FALSE(meta.ip_checksum);
    EXPECT_EQ(meta.l3_len, 40);
    EXPECT_EQ(wire::load_be16(&frame[56]), upper_sum(kUsToo, kPeer, 6, Octets(25)) /* zeros add nothing */);
}

TEST(FrameOut6, LargeFrames) {
    buf::QueueCaps queue = bare();
    queue.tx_tcp_checksum = true;
    queue.large_frame = 16'000;
    Builder builder(queue);
    EXPECT_EQ(builder.frame_out.large_text(), 16'000u - 40 - 20 - 12);
    SegmentOut s = builder.segment(3000);
    s.segment_bytes = 1000;
    s.timestamps = true;
    Octets frame(16'000);
    const FrameOut::Built built = builder.frame_out.build_large6(frame.data(), s, builder.blocks);
    EXPECT_EQ(built.length, 3072u);
    EXPECT_TRUE(built.meta.is_v6 && built.meta.tcp_checksum);
    EXPECT_EQ(built.meta.l3_len, 40);
    EXPECT_EQ(built.meta.l4_len, 32);
    EXPECT_EQ(built.meta.segment_bytes, 1000);
    EXPECT_EQ(wire::load_be16(&frame[56]), upper_sum(kUsToo, kPeer, 6, {})) << "without the length";
}

/// RFC 6437 2: the same for all packets of a flow, not 0, other flows have others.
TEST(FrameOut6, FlowLabels) {
    Builder builder(bare()), other_key(bare(), {}, {}, HashKey{7, 8});
    std::set<uint32_t> labels, with_other_key;
    Random random(1);
    for (uint32_t i = 0; i < 2000; ++i) {
        const Tuple t{static_cast<uint32_t>(random.next()), 80, static_cast<uint16_t>(1024 + i), 1 + i % 2};
        const uint32_t label = builder.frame_out.flow_label(t);
        EXPECT_EQ(label, builder.frame_out.flow_label(t));
        EXPECT_GE(label, 1u);
        EXPECT_LE(label, 0xfffffu);
        EXPECT_NE(label, other_key.frame_out.flow_label(t));
        labels.insert(label);
    }
    EXPECT_GT(labels.size(), 1980u);
    uint32_t zeros = 0;  // one of a million, if 0 were a value
    for (uint32_t i = 0; i < 5'000'000; ++i) zeros += builder.frame_out.flow_label({i, 80, 81, 1}) == 0;
    EXPECT_EQ(zeros, 0u);
    SegmentOut s = builder.segment();
    Octets frame(200);
    builder.frame_out.build6(frame.data(), s, builder.blocks);
    const uint32_t first = wire::load_be32(frame.data());
    s.flags = wire::kRst, s.seq = tcp::Seq(9), s.wnd = 0;
    builder.frame_out.build6(frame.data(), s, builder.blocks);
    EXPECT_EQ(wire::load_be32(frame.data()), first);
}

TEST(FrameOut6, EchoReplies) {
    Builder builder(bare());
    const LocalAddresses& ours = builder.ours;
    const Link link(bare(), {}, {});
    const FrameIn reader(ours, link, AddressFold(kFoldKey));
    struct Case {
        Ipv6 from, to, source;
    };
    for (const Case& c : {Case{kPeer, kUsToo, kUsToo}, Case{kPeer, kAllNodes, kUs},
                          Case{kPeerLocal, kAllNodes, kUsLocal}, Case{kPeer, kSolicited, kUs}}) {
        for (const size_t data : {0u, 1u, 56u, 1000u}) {
            const Octets message = icmp6(128, 0, Octets{0x12, 0x34, 0, 7} + Octets(data, 0x5a), c.from, c.to);
            Octets packet = packet6(58, message, c.from, c.to);
            packet[0] = 0x65, packet[1] = 0xcf;  // traffic class, flow label
            SegmentIn unused{};
            const FrameContent asked =
                reader.read({packet.data(), static_cast<uint32_t>(packet.size()), {}, {}}, unused);
            ASSERT_EQ(asked.kind, FrameKind::echo_request6);
            Octets frame(2000, 0xee);
            frame.resize(builder.frame_out.build_echo_reply6(frame.data(), asked.payload, asked.ip6));
            EXPECT_EQ(frame.size(), builder.frame_out.echo_reply6_bytes(asked.payload));
            Octets expected =
                packet6(58, icmp6(129, 0, Octets{0x12, 0x34, 0, 7} + Octets(data, 0x5a), c.source, c.from),
                        c.source, c.from);
            expected[0] = 0x65, expected[1] = 0xc0;
            expected[7] = 61;
            EXPECT_EQ(frame, expected);
        }
    }
}

TEST(FrameOut6, ParameterProblems) {
    Builder builder(bare());
    for (const size_t size : {8u, 1192u, 1193u, 1400u}) {
        const Octets packet = packet6(17, Octets(size, 0x33), kPeer, kUs);
        wire::Ipv6Header ip;
        ASSERT_EQ(wire::parse_ipv6(packet, ip), wire::Ipv6Check::ok);
        Octets frame(1280, 0xee);
        frame.resize(builder.frame_out.build_parameter_problem(frame.data(), {1, false, 6}, packet, ip));
        const Octets quote(packet.begin(),
                           packet.begin() + static_cast<long>(std::min(40 + size, size_t{1232})));
        Octets expected = packet6(58, icmp6(4, 1, Octets{0, 0, 0, 6} + quote, kUs, kPeer), kUs, kPeer);
        expected[7] = 61;
        EXPECT_EQ(frame, expected);
        EXPECT_LE(frame.size(), 1280u);
    }
}

}  // namespace
}  // namespace synfin::net
