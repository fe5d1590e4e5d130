#include <gtest/gtest.h>
#include <rte_ip.h>

#include <cstring>
#include <memory>

#include "buf/queue_pair.hh"
#include "frames.hh"
#include "port/device_port.hh"
#include "port/rx_checksum.hh"

namespace synfin::port {
namespace {

using buf::Verdict;
using test::Frame;

constexpr FlowTuple kFlow{0x0a000002, 0x0a000001, 40'000, 80};

/// A packet on the stack: no pool is needed to judge one.
struct Packet {
    explicit Packet(const Frame& frame) : bytes(frame) {
        mbuf->buf_addr = bytes.data();
        mbuf->buf_len = static_cast<uint16_t>(bytes.size());
        mbuf->data_len = static_cast<uint16_t>(bytes.size());
        mbuf->pkt_len = static_cast<uint32_t>(bytes.size());
        mbuf->nb_segs = 1;
    }
    Frame bytes;
    std::unique_ptr<rte_mbuf> mbuf = std::make_unique<rte_mbuf>();
};

struct Judged {
    Verdict ip, tcp;
    bool whole;
    bool operator==(const Judged&) const = default;
};

Judged judged(const Frame& frame) {
    Packet packet(frame);
    const bool whole = judge_local_checksums(packet.mbuf.get());
    return {DevicePort::ip_verdict(packet.mbuf.get()), DevicePort::tcp_verdict(packet.mbuf.get()), whole};
}

enum class Fill { full, partial };

Frame segment(Fill fill, test::Tags tags = test::Tags::none, Frame text = {}) {
    Frame frame = test::ethernet(0x0800, tags);
    const size_t ip_at = frame.size();
    test::put_ip(frame, 6, kFlow, static_cast<uint32_t>(20 + text.size()));
    test::put_tcp(frame, kFlow, 0x18);
    frame.insert(frame.end(), text.begin(), text.end());
    auto* ip = reinterpret_cast<rte_ipv4_hdr*>(frame.data() + ip_at);
    ip->hdr_checksum = rte_ipv4_cksum(ip);
    uint8_t* tcp = frame.data() + ip_at + 20;
    const uint16_t sum = fill == Fill::full ? rte_ipv4_udptcp_cksum(ip, tcp) : rte_ipv4_phdr_cksum(ip, 0);
    std::memcpy(tcp + 16, &sum, sizeof sum);
    return frame;
}

TEST(LocalChecksums, FullAndPartialAreGood) {
    for (const test::Tags tags : test::kTags) {
        for (const Frame& text : {Frame{}, Frame{1}, Frame{1, 2, 3}, Frame(1400, 0xa5)}) {
            EXPECT_EQ(judged(segment(Fill::full, tags, text)), (Judged{Verdict::good, Verdict::good, true}));
            EXPECT_EQ(judged(segment(Fill::partial, tags, text)),
                      (Judged{Verdict::good, Verdict::good, true}));
        }
    }
}

TEST(LocalChecksums, PaddingIsNotSummed) {
    Frame frame = segment(Fill::full);
    frame.resize(60, 0xff);
    EXPECT_EQ(judged(frame), (Judged{Verdict::good, Verdict::good, true}));
}

/// Every single flipped bit of a full segment is seen; none of the partial one's header tuple is missed.
TEST(LocalChecksums, DamageIsBad) {
    const Frame whole = segment(Fill::full, test::Tags::none, Frame(33, 0x77));
    for (size_t bit = (14 + 20) * 8; bit < whole.size() * 8; ++bit) {
        Frame frame = whole;
        frame[bit / 8] = static_cast<uint8_t>(frame[bit / 8] ^ 1u << bit % 8);
        ASSERT_EQ(judged(frame).tcp, Verdict::bad) << "bit " << bit;
    }
    Frame header = whole;
    header[14 + 8] ^= 1;  // TTL
    EXPECT_EQ(judged(header).ip, Verdict::bad);
    Frame field = segment(Fill::partial);
    field[14 + 20 + 16] ^= 1;
    EXPECT_EQ(judged(field).tcp, Verdict::bad);
}

TEST(LocalChecksums, CutFramesAreToldAndNotJudged) {
    Frame frame = segment(Fill::full, test::Tags::none, Frame(100, 1));
    frame.resize(frame.size() - 1);
    EXPECT_EQ(judged(frame), (Judged{Verdict::unknown, Verdict::unknown, false}));
}

TEST(LocalChecksums, WhatIsNoTcpIsLeftToTheStack) {
    EXPECT_EQ(judged(test::arp_frame(1, 1, 2)), (Judged{Verdict::unknown, Verdict::unknown, true}));
    Frame udp = segment(Fill::full);
    udp[14 + 9] = 17;
    EXPECT_EQ(judged(udp).tcp, Verdict::unknown);
    EXPECT_EQ(judged(Frame{1, 2, 3}), (Judged{Verdict::unknown, Verdict::unknown, true}));
}

TEST(Verdicts, DpdksNoneMeansIntact) {
    rte_mbuf mbuf{};
    EXPECT_EQ(DevicePort::tcp_verdict(&mbuf), Verdict::unknown);
    mbuf.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_NONE | RTE_MBUF_F_RX_IP_CKSUM_BAD;
    EXPECT_EQ(DevicePort::tcp_verdict(&mbuf), Verdict::good);
    EXPECT_EQ(DevicePort::ip_verdict(&mbuf), Verdict::bad);
}

}  // namespace
}  // namespace synfin::port
