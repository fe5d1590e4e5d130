#pragma once
/// @file
/// The TCP options that synfin supports: MSS (RFC 9293 3.7.1), window scale and timestamps (RFC 7323),
/// SACK-permitted and SACK (RFC 2018).

#include <algorithm>
#include <cstdint>
#include <span>

#include "synfin/units.hh"
#include "wire/bytes.hh"
#include "wire/word_writer.hh"

namespace synfin::wire {

/// Option kinds, and option lengths including the kind and length bytes.
inline constexpr uint8_t kOptionEnd = 0;
inline constexpr uint8_t kOptionNop = 1;
inline constexpr uint8_t kOptionMss = 2;
inline constexpr uint8_t kOptionWindowScale = 3;
inline constexpr uint8_t kOptionSackPermitted = 4;
inline constexpr uint8_t kOptionSack = 5;
inline constexpr uint8_t kOptionTimestamps = 8;
inline constexpr uint8_t kMssBytes = 4;
inline constexpr uint8_t kWindowScaleBytes = 3;
inline constexpr uint8_t kSackPermittedBytes = 2;
inline constexpr uint8_t kTimestampsBytes = 10;

inline constexpr uint8_t kMaxTcpOptionBytes = 40;
inline constexpr uint8_t kMaxSynOptionBytes = 20;      ///< put_syn_options() writes at most this many
inline constexpr uint8_t kPaddedTimestampsBytes = 12;  ///< NOP NOP timestamps
inline constexpr uint8_t kMaxWindowScale = 14;         ///< RFC 7323 2.3
inline constexpr uint8_t kMaxSackBlocks = 4;

/// NOP NOP kind 8 length 10: the layout in which stacks send timestamps on a segment without SYN (RFC 7323
/// A).
inline constexpr uint32_t kTimestampsPrefix = 0x0101'080a;
/// The usual layout on a segment with SYN: SACK-permitted, then kind 8 length 10; NOP, then kind 3 length 3.
inline constexpr uint32_t kSackAndTimestampsPrefix = 0x0402'080a;
inline constexpr uint32_t kWindowScalePrefix = 0x01'0303;

/// [left, right) in sequence numbers (RFC 2018 3).
struct SackBlock {
    uint32_t left;
    uint32_t right;
    constexpr bool operator==(const SackBlock&) const noexcept = default;
};

struct TcpOptions {
    bool has_mss = false;
    bool has_window_scale = false;
    bool sack_permitted = false;
    bool has_timestamps = false;
    uint16_t mss = 0;          ///< as received, any value
    uint8_t window_scale = 0;  ///< at most 14: a larger value is read as 14 (RFC 7323 2.3)
    uint8_t sack_count = 0;    ///< 0..4: valid entries of `sack`
    uint32_t ts_val = 0;
    uint32_t ts_ecr = 0;
    /// Entries beyond sack_count stay uninitialised.
    SackBlock sack[kMaxSackBlocks];  // NOLINT(cppcoreguidelines-pro-type-member-init)
};

/// Parses any layout of options. See parse_tcp_options().
bool parse_tcp_options_general(Bytes options, TcpOptions& out) noexcept;

/// Parses the bytes between the fixed header and the text. It sets all of `out` except the blocks beyond
/// `sack_count`. End-of-list stops the parser. It skips unknown kinds, and known kinds with a wrong length,
/// by their length (RFC 9293 MUST-6). If an option occurs twice, the last one counts. Returns false when a
/// length is 0, 1 or passes the end (MUST-7); `out` then holds the options before it. The bytes, at most 40,
/// are walked once.
[[gnu::always_inline]] inline bool parse_tcp_options(Bytes options, TcpOptions& out) noexcept {
    const uint8_t* p = options.data();
    if (options.size() == kPaddedTimestampsBytes && load_be32(p) == kTimestampsPrefix) [[likely]] {
        out.has_mss = out.has_window_scale = out.sack_permitted = false;
        out.has_timestamps = true;
        out.mss = 0;
        out.window_scale = out.sack_count = 0;
        out.ts_val = load_be32(p + 4);
        out.ts_ecr = load_be32(p + 8);
        return true;
    }
    // The SYN of Linux and of synfin: MSS, SACK-permitted, timestamps, NOP, window scale.
    if (options.size() == kMaxSynOptionBytes && load_be32(p + 4) == kSackAndTimestampsPrefix &&
        load_be16(p) == (kOptionMss << 8 | kMssBytes) && load_be32(p + 16) >> 8 == kWindowScalePrefix)
        [[likely]] {
        out.has_mss = out.has_window_scale = out.sack_permitted = out.has_timestamps = true;
        out.mss = load_be16(p + 2);
        out.window_scale = std::min(p[19], kMaxWindowScale);
        out.sack_count = 0;
        out.ts_val = load_be32(p + 8);
        out.ts_ecr = load_be32(p + 12);
        return true;
    }
    // A separate variable, so that the compiler can keep `out` in registers on the paths above.
    TcpOptions any;
    const bool well_formed = parse_tcp_options_general(options, any);
    out = any;
    return well_formed;
}

/// The options that put_syn_options() writes. It always writes the MSS (RFC 9293 SHLD-5).
struct SynOptions {
    uint16_t mss = 536;
    bool timestamps = false;
    uint32_t ts_val = 0;
    uint32_t ts_ecr = 0;
    bool sack_permitted = false;
    bool window_scale = false;
    uint8_t shift = 0;  ///< 0..14
};

/// Writes the options of a SYN or SYN-ACK, at most kMaxSynOptionBytes, in the order and with the padding of
/// Linux: peers and middleboxes know that layout.
inline void put_syn_options(WordWriter& out, const SynOptions& syn) noexcept {
    constexpr uint32_t kNop = kOptionNop;
    constexpr uint32_t kTimestampsHead = kOptionTimestamps << 8 | kTimestampsBytes;
    constexpr uint32_t kSackPermittedOption = kOptionSackPermitted << 8 | kSackPermittedBytes;
    constexpr uint32_t kTwoNops = kNop << 8 | kNop;
    out.put(kOptionMss << 24 | kMssBytes << 16 | syn.mss);
    if (syn.timestamps) {
        out.put((syn.sack_permitted ? kSackPermittedOption : kTwoNops) << 16 | kTimestampsHead);
        out.put(syn.ts_val);
        out.put(syn.ts_ecr);
    } else if (syn.sack_permitted) {
        out.put(kTwoNops << 16 | kSackPermittedOption);
    }
    if (syn.window_scale) out.put(kNop << 24 | kOptionWindowScale << 16 | kWindowScaleBytes << 8 | syn.shift);
}

/// Writes NOP NOP timestamps: kPaddedTimestampsBytes bytes.
inline void put_timestamps(WordWriter& out, uint32_t ts_val, uint32_t ts_ecr) noexcept {
    out.put(kTimestampsPrefix);
    out.put(ts_val);
    out.put(ts_ecr);
}

/// Writes NOP NOP SACK and at most four blocks: 4 bytes and 8 per block; nothing without blocks. Beside
/// timestamps only three blocks fit, which the caller ensures.
inline void put_sack(WordWriter& out, std::span<const SackBlock> blocks) noexcept {
    if (blocks.empty()) return;
    if (blocks.size() > kMaxSackBlocks) blocks = blocks.first(kMaxSackBlocks);
    const auto bytes = static_cast<uint32_t>(8 * blocks.size());
    out.put(uint32_t{kOptionNop} << 24 | kOptionNop << 16 | kOptionSack << 8 | (2 + bytes));
    for (const SackBlock& block : blocks) {
        out.put(block.left);
        out.put(block.right);
    }
}

}  // namespace synfin::wire
