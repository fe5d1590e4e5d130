/// Row 28: the checksum, always sent and always checked.
#include "fakes/world.hh"

namespace synfin::fakes {
namespace {

TEST(Row28, EveryFlippedBitIsNoticed) {
    ROW(28, "9293-3.1 MUST-3", "wire::tcp_checksum_ok");
    World w;
    w.open();
    for (const uint32_t len : {0u, 1u, 8u, 17u}) {
        const auto good = build(w.main().make({.seq = 1, .ack = 1, .len = len}));
        for (size_t bit = ip_header_bytes() * 8u; bit < good.size() * 8; ++bit) {
            auto bad = good;
            bad[bit / 8] = static_cast<uint8_t>(bad[bit / 8] ^ (1 << bit % 8));
            const uint64_t counted = w[DropReason::bad_tcp_checksum] + w[DropReason::bad_tcp_header];
            w.stack().input(bad);
            SILENT(w);
            ASSERT_EQ(w[DropReason::bad_tcp_checksum] + w[DropReason::bad_tcp_header], counted + 1)
                << "bit " << bit << " of " << len << " bytes";
        }
    }
    EXPECT_EQ(w.read_all(), 0u);
    STATE(w, established);
}

TEST(Row28, TheAddressesAreCovered) {
    ROW(28, "9293-3.1 MUST-3", "wire::tcp_checksum_ok");
    World w;
    w.listen();
    auto bytes = build(w.main().make({.seq = 0, .flags = kSyn}));
    // Another source: the IPv4 checksum is right, the TCP checksum wrong.
    if (is_ipv6()) {
        bytes[23] ^= 1;
    } else {
        bytes[15] ^= 1;
        bytes[10] = bytes[11] = 0;
        const uint32_t sum = ones_sum(Bytes(bytes).first(20));
        bytes[10] = static_cast<uint8_t>(~sum >> 8);
        bytes[11] = static_cast<uint8_t>(~sum);
    }
    w.raw(bytes);
    SILENT(w);
    EXPECT_EQ(w[DropReason::bad_tcp_checksum], 1u);
}

TEST(Row28, AnIpv4HeaderWithAWrongChecksumIsDropped) {
    ROW(28, "1122-3.2.1.2", "wire::tcp_checksum_ok");
    IPV4_ONLY("IPv6 has no header checksum");
    World w;
    w.listen();
    const auto good = build(w.main().make({.seq = 0, .flags = kSyn}));
    for (size_t bit = 0; bit < 20 * 8; ++bit) {
        auto bad = good;
        bad[bit / 8] = static_cast<uint8_t>(bad[bit / 8] ^ (1 << bit % 8));
        w.stack().input(bad);
        SILENT(w);
    }
    EXPECT_EQ(w.all_drops(), 160u);
    EXPECT_GE(w[DropReason::bad_ip_checksum], 120u);
    EXPECT_EQ(w.occupancy().half_open, 0u);
}

TEST(Row28, AClosedPortDoesNotAnswerABadChecksum) {
    ROW(28, "9293-3.1 MUST-3", "wire::tcp_checksum_ok");
    World w;
    auto bytes = build(w.main().make({.seq = 0, .flags = kSyn}));
    bytes[ip_header_bytes() + 16u] ^= 0x55;
    w.raw(bytes);
    SILENT(w);
    EXPECT_EQ(w[DropReason::bad_tcp_checksum], 1u);
}

TEST(Row28, EverySentSegmentHasARightOne) {
    ROW(28, "9293-3.1 MUST-2", "wire::tcp_checksum_ok");
    // The harness checks each packet that the stack sends; here, payloads of every parity and pattern.
    World w;
    w.open();
    REQUIRE(w.main().c.set_no_delay(true));
    for (uint32_t len = 1; len < 600; len += 7) {
        w.send(len);
        RECV(w, {.len = len});
        w.in({.ack = w.main().rcv_nxt});
    }
    w.main().check_payload = false;
    const uint32_t una = w.main().rel_una();
    for (const uint8_t fill : {uint8_t{0x00}, uint8_t{0xff}}) {
        const std::vector<uint8_t> same(999, fill);
        REQUIRE(w.stack().send(w.main().c, same));
    }
    w.discard();
    w.in({.ack = una + 1998});
    EXPECT_EQ(w.main().rel_una(), una + 1998);
}

TEST(Row28, PaddingBehindTheDatagramIsNotData) {
    ROW(28, "894, 1122-3.2.1", "net::read_ip");
    // Ethernet pads short frames; the IP length decides.
    World w;
    w.open();
    auto bytes = build(w.main().make({.seq = 1, .ack = 1, .len = 2}));
    bytes.resize(bytes.size() + 4, 0xee);
    w.raw(bytes);
    w.advance(500ms);
    RECV(w, {.ack = 3});
    EXPECT_EQ(w.read_all(), 2u);
}

}  // namespace
}  // namespace synfin::fakes
