/// @file
/// RFC 6528 and RFC 7323 5.4.

#include "core_world.hh"

namespace synfin::tcp {
namespace {

Instant at_us(int64_t us) {
    return Instant::from_ns(us * 1000);
}

TEST(Isn, TheClockTicksEvery4Microseconds) {  // RFC 9293 MUST-8
    const Seq a = InitialSequenceNumbers(kKey, kLocal).of(kTuple, at_us(1'000'000));
    EXPECT_EQ(InitialSequenceNumbers(kKey, kLocal).of(kTuple, at_us(1'000'003)), a);
    EXPECT_EQ(InitialSequenceNumbers(kKey, kLocal).of(kTuple, at_us(1'000'004)), a + 1u);
    EXPECT_EQ(InitialSequenceNumbers(kKey, kLocal).of(kTuple, at_us(2'000'000)), a + 250'000u);
    EXPECT_EQ(InitialSequenceNumbers(kKey, kLocal).of(kTuple, at_us(1'000'000 + (int64_t{4} << 32))), a)
        << "4.77 hours";
}

TEST(Isn, EachPartOfTheTupleAndOfTheSecretCounts) {  // MUST-9
    const Seq a = InitialSequenceNumbers(kKey, kLocal).of(kTuple, at_us(0));
    for (const Tuple& t : {Tuple{0x0a00'0003, 40'000, 80, 0}, Tuple{0x0a00'0002, 40'001, 80, 0},
                           Tuple{0x0a00'0002, 40'000, 81, 0}, Tuple{0x0a00'0002, 40'000, 80, 1}})
        EXPECT_NE(InitialSequenceNumbers(kKey, kLocal).of(t, at_us(0)), a);
    EXPECT_NE(InitialSequenceNumbers({kKey.k0 + 1, kKey.k1}, kLocal).of(kTuple, at_us(0)), a);
    EXPECT_NE(InitialSequenceNumbers({kKey.k0, kKey.k1 + 1}, kLocal).of(kTuple, at_us(0)), a);
}

TEST(Isn, NeighbouringTuplesSayNothingOfEachOther) {
    // Differences between consecutive ports are spread over the whole space: by chance two of them share one
    // of 2^20 slots in 4 of 100 samples (44,850 pairs), more than two in 1 of 1,000.
    std::vector<uint32_t> slots;
    for (uint16_t port = 1; port <= 300; ++port) {
        const Tuple a{1, port, 80, 0}, b{1, static_cast<uint16_t>(port + 1), 80, 0};
        slots.push_back(static_cast<uint32_t>(InitialSequenceNumbers(kKey, kLocal).of(b, at_us(0)) -
                                              InitialSequenceNumbers(kKey, kLocal).of(a, at_us(0))) >>
                        12);
    }
    std::sort(slots.begin(), slots.end());
    const auto distinct = std::unique(slots.begin(), slots.end()) - slots.begin();
    EXPECT_GE(distinct, 299);
}

TEST(Isn, TimestampOffsetsAreTheirOwn) {
    const uint32_t a = TimestampOffsets(kKey, kLocal).of(kTuple);
    EXPECT_NE(a, InitialSequenceNumbers(kKey, kLocal).of(kTuple, at_us(0)).value());
    EXPECT_EQ(TimestampOffsets(kKey, kLocal).of(kTuple), a);
    for (const Tuple& t : {Tuple{0x0a00'0003, 40'000, 80, 0}, Tuple{0x0a00'0002, 40'001, 80, 0},
                           Tuple{0x0a00'0002, 40'000, 81, 0}, Tuple{0x0a00'0002, 40'000, 80, 1}})
        EXPECT_NE(TimestampOffsets(kKey, kLocal).of(t), a);
    EXPECT_NE(TimestampOffsets({kKey.k0 + 1, kKey.k1}, kLocal).of(kTuple), a);
    EXPECT_NE(TimestampOffsets({kKey.k0, kKey.k1 + 1}, kLocal).of(kTuple), a);
}

/// Another process has additional addresses, or the same ones in another order. RFC 6528's function depends
/// on the connection's addresses and ports only, so the numbers are the same.
TEST(Isn, TheOrderOfTheLocalAddressesDoesNotCount) {
    constexpr Ipv4 kOne[] = {kLocal[1]}, kTurned[] = {kLocal[1], kLocal[0]};
    const Tuple as_second{0x0a00'0002, 40'000, 80, 1}, as_first{0x0a00'0002, 40'000, 80, 0};
    for (const std::span<const Ipv4> other : {std::span<const Ipv4>(kOne), std::span<const Ipv4>(kTurned)}) {
        EXPECT_EQ(InitialSequenceNumbers(kKey, kLocal).of(as_second, at_us(7)),
                  InitialSequenceNumbers(kKey, other).of(as_first, at_us(7)));
        EXPECT_EQ(TimestampOffsets(kKey, kLocal).of(as_second), TimestampOffsets(kKey, other).of(as_first));
    }
}

/// The values of commit 3e91f34, before IPv6: a process of that version on the same host computes the same.
TEST(Isn, Ipv4NumbersAreThoseOfEarlierVersions) {
    EXPECT_EQ(InitialSequenceNumbers(kKey, kLocal).of(kTuple, at_us(0)).value(), 1191165669u);
    EXPECT_EQ(TimestampOffsets(kKey, kLocal).of(kTuple), 1493001033u);
}

const Ipv6 kPeer6 = *Ipv6::parse("2001:db8::2");
const Ipv6 kLocal6[] = {*Ipv6::parse("2001:db8::1"), *Ipv6::parse("fe80::1")};

/// The tuple of an IPv6 connection from the first or second of kLocal6; both IPv4 addresses come before them.
Tuple tuple6(uint16_t second = 0, uint16_t remote_port = 40'000) {
    return {0x1234'5678, remote_port, 80, 2u + second};
}

/// RFC 6528's function depends on all bytes of both addresses and on the ports. It does not depend on the
/// fold, whose key belongs to the process, or on the index.
TEST(Isn, OfIpv6IsAFunctionOfEveryByteOfTheAddresses) {
    const InitialSequenceNumbers isns(kKey, kLocal, kLocal6);
    const Seq isn = isns.of(tuple6(), kPeer6, at_us(0));
    Tuple folded_otherwise = tuple6();
    folded_otherwise.remote_addr ^= 1;
    EXPECT_EQ(isns.of(folded_otherwise, kPeer6, at_us(0)), isn);
    const std::span<const Ipv6> alone(kLocal6, 1);
    EXPECT_EQ(InitialSequenceNumbers(kKey, {}, alone).of({0, 40'000, 80, 0}, kPeer6, at_us(0)), isn)
        << "another process, without the IPv4 addresses";
    EXPECT_EQ(isns.of(tuple6(), kPeer6, at_us(4)), isn + 1u);
    EXPECT_NE(isns.of(tuple6(1), kPeer6, at_us(0)), isn);
    EXPECT_NE(isns.of(tuple6(0, 40'001), kPeer6, at_us(0)), isn);
    EXPECT_NE(InitialSequenceNumbers({kKey.k0 + 1, kKey.k1}, kLocal, kLocal6).of(tuple6(), kPeer6, at_us(0)),
              isn);
    for (size_t i = 0; i < 16; ++i) {
        Ipv6 peer = kPeer6, local = kLocal6[0];
        peer.octets[i] ^= 1;
        local.octets[i] ^= 1;
        EXPECT_NE(isns.of(tuple6(), peer, at_us(0)), isn) << i;
        EXPECT_NE(InitialSequenceNumbers(kKey, kLocal, {&local, 1}).of(tuple6(), kPeer6, at_us(0)), isn) << i;
    }
}

TEST(Isn, TimestampOffsetsOfIpv6AreTheirOwn) {
    const TimestampOffsets offsets(kKey, kLocal, kLocal6);
    EXPECT_NE(offsets.of(tuple6(), kPeer6), offsets.of(tuple6(1), kPeer6));
    EXPECT_NE(offsets.of(tuple6(), kPeer6),
              InitialSequenceNumbers(kKey, kLocal, kLocal6).of(tuple6(), kPeer6, at_us(0)).value());
}

/// The state after the local address is kept for each of ours; the result is that of the whole message.
TEST(Isn, TheKeptStateOfALocalAddressChangesNothing) {
    const TuplePrf prf(kKey, kLocal, kLocal6);
    for (const uint16_t second : {uint16_t{0}, uint16_t{1}}) {
        const Tuple tuple = tuple6(second);
        const FourTuple6 name{kPeer6, kLocal6[second], tuple.remote_port, tuple.local_port};
        EXPECT_EQ(prf(tuple, kPeer6), prf(name));
        EXPECT_EQ(prf(tuple, &kPeer6), prf(name)) << "family by index";
    }
    EXPECT_EQ(prf(kTuple, nullptr), prf(kTuple));
}

}  // namespace
}  // namespace synfin::tcp
