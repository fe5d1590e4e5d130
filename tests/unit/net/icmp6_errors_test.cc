/// ICMPv6 errors that quote a segment of ours.

#include <gtest/gtest.h>

#include "ipv6_frames.hh"
#include "net/icmp_errors.hh"

namespace synfin::net {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

const AddressFold kFold(HashKey{3, 4});

struct Ours {
    std::optional<SegmentError> read(uint8_t type, uint8_t code, uint32_t parameter, const Octets& quote) {
        Octets body;
        put32(body, parameter);
        return read_icmp6_error(icmp6(type, code, body + quote), addresses, kFold);
    }
    LocalAddresses addresses{{*Cidr::parse("10.0.0.1/24"), {kUs, 64}}};
};

/// A segment that we sent.
Octets sent(uint8_t next_header = 6, const Octets& extensions = {}) {
    return packet6(next_header, extensions + segment(kUs, kPeer), kUs, kPeer);
}

TEST(Icmp6Errors, NameTheConnection) {
    Ours ours;
    const auto error = ours.read(1, 4, 0, sent());
    ASSERT_TRUE(error);
    EXPECT_EQ(error->tuple, (Tuple{kFold(kPeer), 80, 4000, 1}));
    EXPECT_EQ(error->remote6, kPeer);
    EXPECT_EQ(error->quoted_seq.value(), 0x01020304u);
}

TEST(Icmp6Errors, Kinds) {
    using Kind = SegmentError::Kind;
    Ours ours;
    for (int type = 0; type < 256; ++type) {
        for (int code = 0; code < 8; ++code) {
            const auto error =
                ours.read(static_cast<uint8_t>(type), static_cast<uint8_t>(code), 1400, sent());
            ASSERT_EQ(error.has_value(), type >= 1 && type <= 4) << type;
            if (!error) continue;
            const bool is_hard = type == 1 && (code == 1 || code == 4);
            EXPECT_EQ(error->kind, type == 2 ? Kind::too_big
                                   : is_hard ? Kind::hard
                                             : Kind::soft)
                << type << ", code " << code;
            EXPECT_EQ(error->mtu, type == 2 ? 1400 : 0);
        }
    }
}

TEST(Icmp6Errors, MtusOf32Bits) {
    Ours ours;
    for (const auto& [claimed, read] : {std::pair<uint32_t, int>{0, 1},
                                        {1, 1},
                                        {1280, 1280},
                                        {65'535, 65'535},
                                        {65'536, 65'535},
                                        {0x1'0000 + 1280, 65'535},
                                        {~0u, 65'535}})
        EXPECT_EQ(ours.read(2, 0, claimed, sent())->mtu, read) << claimed;
}

TEST(Icmp6Errors, QuotesBehindExtensionHeaders) {
    Ours ours;
    const Octets routing{60, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    const Octets options{6, 0, 1, 4, 0, 0, 0, 0};
    const auto error = ours.read(1, 4, 0, sent(43, routing + options));
    ASSERT_TRUE(error);
    EXPECT_EQ(error->tuple.remote_port, 80);
    EXPECT_TRUE(ours.read(1, 4, 0, sent(44, {6, 0, 0, 1, 0, 0, 0, 9}))) << "the first fragment";
    EXPECT_FALSE(ours.read(1, 4, 0, sent(44, {6, 0, 0, 9, 0, 0, 0, 9}))) << "a later one";
    Octets many;
    for (int i = 0; i < 9; ++i) put(many, Octets{static_cast<uint8_t>(i == 8 ? 6 : 60), 0, 1, 4, 0, 0, 0, 0});
    EXPECT_FALSE(ours.read(1, 4, 0, sent(60, many)));
}

TEST(Icmp6Errors, QuotesThatNameNoSegmentOfOurs) {
    Ours ours;
    const Octets whole = sent();
    for (size_t size = 0; size < 48; ++size)
        EXPECT_FALSE(ours.read(1, 4, 0, Octets(whole.begin(), whole.begin() + static_cast<long>(size))))
            << size;
    EXPECT_TRUE(ours.read(1, 4, 0, Octets(whole.begin(), whole.begin() + 48)));
    EXPECT_FALSE(ours.read(1, 4, 0, packet6(6, segment(kPeer, kUs), kPeer, kUs))) << "not our address";
    EXPECT_FALSE(ours.read(1, 4, 0, packet6(17, Octets(20), kUs, kPeer)));
    Octets ipv4 = whole;
    ipv4[0] = 0x45;
    EXPECT_FALSE(ours.read(1, 4, 0, ipv4));
}

}  // namespace
}  // namespace synfin::net
