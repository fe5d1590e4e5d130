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
    // Differences between ports next to each other are spread over the whole space: two of them fall into one
    // of 2^20 slots by chance in 4 of 100 samples (44,850 pairs), more in 1 of 1,000.
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

/// Another process has other addresses beside this one, or the same in another order: RFC 6528's function is
/// of the connection's addresses and ports, and so are the numbers.
TEST(Isn, TheOrderOfTheLocalAddressesDoesNotCount) {
    constexpr Cidr kOne[] = {kLocal[1]}, kTurned[] = {kLocal[1], kLocal[0]};
    const Tuple as_second{0x0a00'0002, 40'000, 80, 1}, as_first{0x0a00'0002, 40'000, 80, 0};
    for (const std::span<const Cidr> other : {std::span<const Cidr>(kOne), std::span<const Cidr>(kTurned)}) {
        EXPECT_EQ(InitialSequenceNumbers(kKey, kLocal).of(as_second, at_us(7)),
                  InitialSequenceNumbers(kKey, other).of(as_first, at_us(7)));
        EXPECT_EQ(TimestampOffsets(kKey, kLocal).of(as_second), TimestampOffsets(kKey, other).of(as_first));
    }
}

}  // namespace
}  // namespace synfin::tcp
