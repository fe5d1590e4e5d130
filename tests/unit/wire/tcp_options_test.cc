#include "wire/tcp_options.hh"

#include <gtest/gtest.h>

#include "base/random.hh"
#include "hex.hh"
#include "wire/checksum.hh"

namespace synfin::wire {
namespace {

/// Parses over leftovers: nothing of an earlier segment may be seen.
TcpOptions leftovers() {
    TcpOptions options{.has_mss = true,
                       .has_window_scale = true,
                       .sack_permitted = true,
                       .has_timestamps = true,
                       .mss = 0xaaaa,
                       .window_scale = 0xaa,
                       .sack_count = 4,
                       .ts_val = 0xaaaaaaaa,
                       .ts_ecr = 0xaaaaaaaa};
    return options;
}

TcpOptions parsed(std::string_view text) {
    TcpOptions options = leftovers();
    EXPECT_TRUE(parse_tcp_options(hex(text), options)) << text;
    return options;
}

bool refused(std::string_view text) {
    TcpOptions options;
    return !parse_tcp_options(hex(text), options);
}

/// All that a reader of the options may look at.
bool same(const TcpOptions& a, const TcpOptions& b) {
    bool equal = a.has_mss == b.has_mss && a.has_window_scale == b.has_window_scale &&
                 a.sack_permitted == b.sack_permitted && a.has_timestamps == b.has_timestamps &&
                 a.mss == b.mss && a.window_scale == b.window_scale && a.sack_count == b.sack_count &&
                 a.ts_val == b.ts_val && a.ts_ecr == b.ts_ecr;
    for (int i = 0; equal && i < a.sack_count; ++i) equal = a.sack[i] == b.sack[i];
    return equal;
}

TEST(TcpOptions, NoneAtAll) {
    EXPECT_TRUE(same(parsed(""), TcpOptions{}));
}

TEST(TcpOptions, SynOfLinux) {
    const TcpOptions options = parsed("0204ffd7 0402080ab35d07c300000000 0103030a");
    EXPECT_TRUE(same(options, TcpOptions{.has_mss = true,
                                         .has_window_scale = true,
                                         .sack_permitted = true,
                                         .has_timestamps = true,
                                         .mss = 0xffd7,
                                         .window_scale = 10,
                                         .ts_val = 0xb35d07c3,
                                         .ts_ecr = 0}));
}

TEST(TcpOptions, CommonTimestampsLayout) {
    const TcpOptions options = parsed("0101080a 01020304 05060708");
    EXPECT_TRUE(
        same(options, TcpOptions{.has_timestamps = true, .ts_val = 0x01020304, .ts_ecr = 0x05060708}));
}

TEST(TcpOptions, TheShortPathSaysTheSameAsTheGeneralOne) {
    Random random(7);
    for (int i = 0; i < 100'000; ++i) {
        std::vector<uint8_t> bytes(random.below(2) ? 12 : 4 * random.below(11));
        for (auto& byte : bytes) byte = static_cast<uint8_t>(random.below(random.below(2) ? 12 : 256));
        if (bytes.size() >= 4 && random.below(2)) store_be32(bytes.data(), kTimestampsPrefix);
        TcpOptions quick = leftovers(), general = leftovers();
        ASSERT_EQ(parse_tcp_options(bytes, quick), parse_tcp_options_general(bytes, general));
        ASSERT_TRUE(same(quick, general));
    }
}

TEST(TcpOptions, TimestampsAtEveryPlaceInAPadding) {
    for (const char* text : {"080a 01020304 05060708 0101", "01 080a 01020304 05060708 01",
                             "080a 01020304 05060708 0000", "0101 080a 01020304 05060708 01010101"}) {
        const TcpOptions options = parsed(text);
        EXPECT_TRUE(options.has_timestamps) << text;
        EXPECT_EQ(options.ts_val, 0x01020304u) << text;
        EXPECT_EQ(options.ts_ecr, 0x05060708u) << text;
    }
}

TEST(TcpOptions, SackBlocks) {
    const TcpOptions two = parsed("0101 0512 00000001 00000002 fffffff0 00000010");
    ASSERT_EQ(two.sack_count, 2);
    EXPECT_EQ(two.sack[0], (SackBlock{1, 2}));
    EXPECT_EQ(two.sack[1], (SackBlock{0xfffffff0, 0x10}));
    const TcpOptions four =
        parsed("0522 0000000100000002 0000000300000004 0000000500000006 0000000700000008 0101");
    ASSERT_EQ(four.sack_count, 4);
    EXPECT_EQ(four.sack[3], (SackBlock{7, 8}));
}

TEST(TcpOptions, AWindowScaleBeyondFourteenIsFourteen) {
    EXPECT_EQ(parsed("030300 01").window_scale, 0);
    EXPECT_EQ(parsed("03030e 01").window_scale, 14);
    EXPECT_EQ(parsed("03030f 01").window_scale, 14);
    EXPECT_EQ(parsed("0303ff 01").window_scale, 14);
}

TEST(TcpOptions, EndOfListStops) {
    EXPECT_FALSE(parsed("00 020405b4 010101").has_mss);
    EXPECT_FALSE(parsed("00 0200 05b4").has_mss) << "what follows is not even looked at";
    EXPECT_EQ(parsed("020405b4 00ffffff").mss, 1460);
}

TEST(TcpOptions, UnknownKindsAreSkippedByTheirLength) {
    EXPECT_EQ(parsed("fd060204aaaa 020405b4 0101").mss, 1460);
    EXPECT_EQ(parsed("1302 020405b4 0101").mss, 1460);
    EXPECT_EQ(parsed("020405b4 2208 010203040506").mss, 1460) << "at the very end";
}

TEST(TcpOptions, KnownKindsOfAnotherLengthAreSkipped) {
    struct Case {
        const char* text;
        bool TcpOptions::*has;
    };
    for (const Case& c :
         {Case{"0203 05 01", &TcpOptions::has_mss}, Case{"0205 05b400 01", &TcpOptions::has_mss},
          Case{"0302 0101", &TcpOptions::has_window_scale}, Case{"0304 0707", &TcpOptions::has_window_scale},
          Case{"0403 00 01", &TcpOptions::sack_permitted},
          Case{"0809 01020304 050607 010101", &TcpOptions::has_timestamps},
          Case{"080b 01020304 05060708 09 01", &TcpOptions::has_timestamps}}) {
        const TcpOptions options = parsed(c.text);
        EXPECT_FALSE(options.*c.has) << c.text;
        EXPECT_TRUE(same(options, TcpOptions{})) << c.text;
        const TcpOptions followed = parsed(std::string("01010101") + c.text + "020405b4");
        EXPECT_EQ(followed.mss, 1460) << c.text;
    }
    EXPECT_EQ(parsed("0502 0101").sack_count, 0);
    EXPECT_EQ(parsed("050a 0000000100000002 0502").sack_count, 1) << "ignored, not an empty list";
    EXPECT_EQ(parsed("0509 00000001000000 01 0101").sack_count, 0);
    EXPECT_EQ(parsed("050b 0000000100000002 00 01").sack_count, 0);
}

TEST(TcpOptions, FiveSackBlocksDoNotFitAndAreSkipped) {
    // Longer than a header can carry: the parser is given more than TCP would.
    std::vector<uint8_t> bytes = hex("052a");
    bytes.resize(42, 0x77);
    TcpOptions options;
    EXPECT_TRUE(parse_tcp_options(bytes, options));
    EXPECT_EQ(options.sack_count, 0);
}

TEST(TcpOptions, MalformedLengthsAreRefused) {
    for (const char* text :
         {"02", "01010102", "0200 05b4", "0201 05b4", "ff00 0101", "ff01 0101", "0205 05b4", "080a 0102",
          "0101080a 01020304 050607", "0522 0000000100000002", "030a 0101", "fdff 0101", "010101 04"})
        EXPECT_TRUE(refused(text)) << text;
}

TEST(TcpOptions, WhatCameBeforeAMalformedOptionIsKept) {
    TcpOptions options;
    EXPECT_FALSE(parse_tcp_options(hex("020405b4 ff000101"), options));
    EXPECT_EQ(options.mss, 1460);
}

TEST(TcpOptions, EveryCutOfALongListIsSafe) {
    const auto all = hex("020405b4 0402 080a0102030405060708 01 030307 050a 0000000100000002 fd04 0000 00");
    for (size_t n = 0; n <= all.size(); ++n) {
        const auto cut = std::vector<uint8_t>(all.begin(), all.begin() + n);
        TcpOptions options;
        const bool whole = parse_tcp_options(cut, options);
        EXPECT_EQ(options.has_mss, n >= 4) << n;
        EXPECT_EQ(options.has_timestamps, n >= 16) << n;
        const bool between =
            n == 0 || n == 4 || n == 6 || n == 16 || n == 17 || n == 20 || n == 30 || n >= 34;
        EXPECT_EQ(whole, between) << n;
    }
}

TEST(TcpOptions, OfAnOptionGivenTwiceTheLastCounts) {
    EXPECT_EQ(parsed("020405b4 02040218").mss, 536);
}

std::vector<uint8_t> syn(const SynOptions& options) {
    std::vector<uint8_t> out(kMaxSynOptionBytes, 0xee);
    WordWriter writer(out.data());
    put_syn_options(writer, options);
    EXPECT_EQ(fold_numbers(writer.sum()), fold(sum_bytes(Bytes(out).first(writer.bytes()))));
    out.resize(writer.bytes());
    return out;
}

TEST(TcpOptions, WrittenSynIsThatOfLinux) {
    EXPECT_EQ(syn({.mss = 0xffd7,
                   .timestamps = true,
                   .ts_val = 0xb35d07c3,
                   .ts_ecr = 0x01020304,
                   .sack_permitted = true,
                   .window_scale = true,
                   .shift = 10}),
              hex("0204ffd7 0402080a b35d07c3 01020304 0103030a"));
    EXPECT_EQ(syn({.mss = 1460, .sack_permitted = true, .window_scale = true, .shift = 7}),
              hex("020405b4 01010402 01030307"));
    EXPECT_EQ(syn({.mss = 1460, .timestamps = true, .ts_val = 1, .ts_ecr = 2}),
              hex("020405b4 0101080a 00000001 00000002"));
    EXPECT_EQ(syn({.mss = 1460, .window_scale = true, .shift = 14}), hex("020405b4 0103030e"));
    EXPECT_EQ(syn({.mss = 536}), hex("02040218"));
}

TEST(TcpOptions, EveryWrittenSynIsParsedBack) {
    for (unsigned choice = 0; choice < 8; ++choice) {
        const SynOptions given{.mss = 1448,
                               .timestamps = (choice & 1) != 0,
                               .ts_val = (choice & 1) ? 0xfedcba98u : 0u,
                               .ts_ecr = (choice & 1) ? 0x76543210u : 0u,
                               .sack_permitted = (choice & 2) != 0,
                               .window_scale = (choice & 4) != 0,
                               .shift = static_cast<uint8_t>((choice & 4) ? 9 : 0)};
        const auto bytes = syn(given);
        EXPECT_EQ(bytes.size() % 4, 0u);
        TcpOptions options = leftovers();
        ASSERT_TRUE(parse_tcp_options(bytes, options));
        EXPECT_TRUE(same(options, TcpOptions{.has_mss = true,
                                             .has_window_scale = given.window_scale,
                                             .sack_permitted = given.sack_permitted,
                                             .has_timestamps = given.timestamps,
                                             .mss = 1448,
                                             .window_scale = given.shift,
                                             .ts_val = given.ts_val,
                                             .ts_ecr = given.ts_ecr}))
            << choice;
    }
}

TEST(TcpOptions, WrittenTimestamps) {
    std::vector<uint8_t> out(kPaddedTimestampsBytes);
    WordWriter writer(out.data());
    put_timestamps(writer, 0x01020304, 0x05060708);
    EXPECT_EQ(writer.bytes(), kPaddedTimestampsBytes);
    EXPECT_EQ(out, hex("0101080a 01020304 05060708"));
}

TEST(TcpOptions, WrittenSack) {
    const SackBlock blocks[] = {{1, 2}, {3, 4}, {5, 6}, {7, 8}, {9, 10}};
    std::vector<uint8_t> out(kMaxTcpOptionBytes, 0xee);
    const auto write_sack = [&](std::span<const SackBlock> given) {
        WordWriter writer(out.data());
        put_sack(writer, given);
        return writer.bytes();
    };
    EXPECT_EQ(write_sack({}), 0);
    EXPECT_EQ(out[0], 0xee);
    for (size_t n = 1; n <= 5; ++n) {
        const size_t written = std::min<size_t>(n, 4);
        ASSERT_EQ(write_sack(std::span(blocks, n)), 4 + 8 * written);
        TcpOptions options;
        ASSERT_TRUE(parse_tcp_options(Bytes(out).first(4 + 8 * written), options));
        ASSERT_EQ(options.sack_count, written);
        for (size_t i = 0; i < written; ++i) EXPECT_EQ(options.sack[i], blocks[i]);
    }
    write_sack(std::span(blocks, 1));
    EXPECT_EQ(std::vector<uint8_t>(out.begin(), out.begin() + 12), hex("0101050a 00000001 00000002"));
}

}  // namespace
}  // namespace synfin::wire
