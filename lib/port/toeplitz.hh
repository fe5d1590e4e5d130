#pragma once
/// @file
/// The Toeplitz hash of receive-side scaling (Microsoft, "RSS hashing functions"; the same in every NIC's
/// manual) and the redirection table, for IPv4 and IPv6.

#include <array>
#include <cstdint>
#include <vector>

#include "synfin/units.hh"

namespace synfin::port {

/// The fields of a TCP segment over IPv4 that RSS hashes, from the received frame. Host byte order.
struct FlowTuple {
    uint32_t source = 0, destination = 0;
    uint16_t source_port = 0, destination_port = 0;
    constexpr bool operator==(const FlowTuple&) const noexcept = default;
    /// In hash order: the first byte is the highest byte of the first word.
    constexpr std::array<uint32_t, 3> words() const noexcept {
        return {source, destination, uint32_t{source_port} << 16 | destination_port};
    }
};

/// The same over IPv6.
struct FlowTuple6 {
    Ipv6 source{}, destination{};
    uint16_t source_port = 0, destination_port = 0;
    constexpr bool operator==(const FlowTuple6&) const noexcept = default;
    constexpr std::array<uint32_t, 9> words() const noexcept {
        const auto word = [](const std::array<uint8_t, 16>& octets, size_t at) {
            return uint32_t{octets[at]} << 24 | uint32_t{octets[at + 1]} << 16 |
                   uint32_t{octets[at + 2]} << 8 | octets[at + 3];
        };
        std::array<uint32_t, 9> words{};
        for (size_t i = 0; i < 4; ++i) {
            words[i] = word(source.octets, 4 * i);
            words[4 + i] = word(destination.octets, 4 * i);
        }
        words[8] = uint32_t{source_port} << 16 | destination_port;
        return words;
    }
};

/// The definition, bit by bit: XORs, for each 1 bit of the input, the key's 32 bits that start at its
/// position. `key` needs input.size() + 4 bytes. For tests; ToeplitzTable is the fast form.
uint32_t toeplitz(Bytes key, Bytes input) noexcept;

/// A table of 256 words for each byte of a tuple: 12 KiB for IPv4, 36 KiB for IPv6.
template <typename Tuple>
class ToeplitzTable {
  public:
    static constexpr size_t kTupleBytes = sizeof(Tuple{}.words());
    ToeplitzTable() noexcept = default;
    /// `key`: at least kTupleBytes + 4 (16, 40), as given to the device (usually 40 or 52).
    explicit ToeplitzTable(Bytes key) noexcept;

    /// @note cost: one load per byte: 12 for IPv4, whose tables fit in L1, and 36 for IPv6.
    uint32_t operator()(const Tuple& tuple) const noexcept {
        const auto words = tuple.words();
        uint32_t hash = 0;
        // Compilers unroll two nested loops. With one loop over 36 bytes, choosing a port took 200 cycles
        // instead of 60.
        for (size_t i = 0; i < words.size(); ++i)
            for (size_t j = 0; j < 4; ++j) hash ^= table_[4 * i + j][words[i] >> (24 - 8 * j) & 0xff];
        return hash;
    }

  private:
    std::array<std::array<uint32_t, 256>, kTupleBytes> table_{};
};

/// Predicts the queue to which a device's RSS sends a segment: hash, then redirection table.
template <typename Tuple>
class BasicRssPrediction {
  public:
    BasicRssPrediction() = default;
    /// `reta`: the queue of each entry, read back from the device; a power of two of entries.
    BasicRssPrediction(Bytes key, std::vector<uint16_t> reta);

    uint16_t queue(const Tuple& tuple) const noexcept { return reta_[table_(tuple) & mask_]; }

    /// The patterns that owned_ports() needs for one queue. For each table entry to which the first port of a
    /// block may map, a pattern says which of the block's 64 ports map to the queue. The hash is linear, so
    /// the low six bits of a port change the hash of every tuple in the same way.
    std::vector<uint64_t> patterns(uint16_t queue) const;
    /// A bit for each of the 64 destination ports from the tuple's on (a multiple of 64): set if RSS sends it
    /// to the queue of the patterns.
    /// @note cost: 13 loads, 37 for IPv6.
    uint64_t owned_ports(const std::vector<uint64_t>& patterns, const Tuple& first) const noexcept {
        return patterns[table_(first) & mask_];
    }
    uint32_t hash(const Tuple& tuple) const noexcept { return table_(tuple); }

  private:
    ToeplitzTable<Tuple> table_;
    std::vector<uint16_t> reta_{0};
    uint32_t mask_ = 0;
};

using RssPrediction = BasicRssPrediction<FlowTuple>;
using RssPrediction6 = BasicRssPrediction<FlowTuple6>;

}  // namespace synfin::port
