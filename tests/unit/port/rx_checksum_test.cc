#include <gtest/gtest.h>
#include <rte_ip.h>

#include <cstring>
#include <memory>

#include "buf/queue_pair.hh"
#include "frames6.hh"
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

Frame segment6(Fill fill, const test::Extensions& extensions = {}, const Frame& text = {}) {
    Frame frame = test::tcp6_frame(test::kFlow6, 0x18, test::Tags::vlan, extensions);
    frame.insert(frame.end(), text.begin(), text.end());
    constexpr size_t kIp = 18;
    const size_t tcp = frame.size() - text.size() - 20;
    frame[kIp + 4] = static_cast<uint8_t>((frame.size() - kIp - 40) >> 8);
    frame[kIp + 5] = static_cast<uint8_t>(frame.size() - kIp - 40);
    auto ip = *reinterpret_cast<const rte_ipv6_hdr*>(frame.data() + kIp);
    ip.proto = IPPROTO_TCP;  // the pseudo-header's, and its length
    ip.payload_len = rte_cpu_to_be_16(static_cast<uint16_t>(frame.size() - tcp));
    const uint16_t sum =
        fill == Fill::full ? rte_ipv6_udptcp_cksum(&ip, frame.data() + tcp) : rte_ipv6_phdr_cksum(&ip, 0);
    std::memcpy(frame.data() + tcp + 16, &sum, sizeof sum);
    return frame;
}

TEST(LocalChecksums, OfIpv6) {
    const Judged good{Verdict::unknown, Verdict::good, true}, bad{Verdict::unknown, Verdict::bad, true};
    for (const Frame& text : {Frame{}, Frame{1}, Frame{1, 2, 3}, Frame(1400, 0xa5)}) {
        for (const Fill fill : {Fill::full, Fill::partial}) EXPECT_EQ(judged(segment6(fill, {}, text)), good);
        Frame frame = segment6(Fill::full, {}, text);
        frame.back() ^= 1;
        EXPECT_EQ(judged(frame), bad);
    }
    for (size_t octet = 18 + 8; octet < 18 + 40; ++octet) {  // the addresses
        Frame frame = segment6(Fill::full);
        frame[octet] ^= 1;
        EXPECT_EQ(judged(frame), bad);
    }
    Frame padded = segment6(Fill::full);
    padded.resize(100, 0xff);
    EXPECT_EQ(judged(padded), good);
    Frame cut = segment6(Fill::full);
    cut.pop_back();
    EXPECT_EQ(judged(cut), (Judged{Verdict::unknown, Verdict::unknown, false}));
}

TEST(LocalChecksums, BehindExtensionHeaders) {
    const Judged good{Verdict::unknown, Verdict::good, true}, bad{Verdict::unknown, Verdict::bad, true};
    const test::Extensions extensions{test::options(0), test::options(60)};
    for (const Frame& text : {Frame{}, Frame{1}, Frame{1, 2, 3}, Frame(1400, 0xa5)}) {
        for (const Fill fill : {Fill::full, Fill::partial})
            EXPECT_EQ(judged(segment6(fill, extensions, text)), good);
        Frame frame = segment6(Fill::full, extensions, text);
        frame.back() ^= 1;
        EXPECT_EQ(judged(frame), bad);
    }
    Frame fragment = segment6(Fill::full, {test::fragment(1)});
    EXPECT_EQ(judged(fragment), (Judged{Verdict::unknown, Verdict::unknown, true}));
}

/// A card may take extension headers for TCP's, and that is no reason to distrust it.
TEST(Verdicts, BehindExtensionHeadersAreNotHeldAgainstACard) {
    Packet packet(segment6(Fill::full, {test::options(0)}));
    for (const uint64_t flag : {RTE_MBUF_F_RX_L4_CKSUM_GOOD, RTE_MBUF_F_RX_L4_CKSUM_BAD}) {
        packet.mbuf->ol_flags = flag;
        EXPECT_FALSE(has_false_verdict(packet.mbuf.get()));
    }
}

/// A card's word on an IPv6 header, which has no checksum, is neither true nor false.
TEST(Verdicts, OnIpv6HeadersAreNoReasonToDistrustACard) {
    Packet packet(segment6(Fill::full));
    for (const uint64_t ip :
         {uint64_t{RTE_MBUF_F_RX_IP_CKSUM_GOOD}, uint64_t{RTE_MBUF_F_RX_IP_CKSUM_BAD}, uint64_t{0}}) {
        packet.mbuf->ol_flags = ip | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
        EXPECT_FALSE(has_false_verdict(packet.mbuf.get()));
        packet.mbuf->ol_flags = ip | RTE_MBUF_F_RX_L4_CKSUM_BAD;
        EXPECT_TRUE(has_false_verdict(packet.mbuf.get()));
    }
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
