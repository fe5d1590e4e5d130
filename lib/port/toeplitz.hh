#pragma once
/// @file
/// The Toeplitz hash of receive-side scaling (Microsoft, "RSS hashing functions"; the same in every NIC's
/// manual) and the redirection table behind it.

#include <array>
#include <cstdint>
#include <vector>

#include "base/units.hh"

namespace synfin::port {

/// What RSS hashes of a TCP segment over IPv4, as the received frame shows it. Host byte order.
struct FlowTuple {
    uint32_t source = 0, destination = 0;
    uint16_t source_port = 0, destination_port = 0;
    constexpr bool operator==(const FlowTuple&) const noexcept = default;
};

/// The definition, bit by bit: for each 1 bit of the input, XOR of the key's 32 bits that start there.
/// `key` needs input.size() + 4 bytes. For tests; the fast form is ToeplitzTable.
uint32_t toeplitz(Bytes key, Bytes input) noexcept;

/// Twelve tables of 256 words, one for each byte of a tuple: 12 KiB.
class ToeplitzTable {
  public:
    static constexpr size_t kTupleBytes = 12;
    ToeplitzTable() noexcept = default;
    /// `key`: at least 16 bytes, as given to the device (usually 40 or 52).
    explicit ToeplitzTable(Bytes key) noexcept;

    /// @note cost: 12 loads from tables that fit in L1.
    uint32_t operator()(const FlowTuple& tuple) const noexcept {
        const uint64_t addresses = uint64_t{tuple.source} << 32 | tuple.destination;
        const uint32_t ports = uint32_t{tuple.source_port} << 16 | tuple.destination_port;
        uint32_t hash = 0;
        for (unsigned i = 0; i < 8; ++i) hash ^= table_[i][addresses >> (56 - 8 * i) & 0xff];
        for (unsigned i = 0; i < 4; ++i) hash ^= table_[8 + i][ports >> (24 - 8 * i) & 0xff];
        return hash;
    }

  private:
    std::array<std::array<uint32_t, 256>, kTupleBytes> table_{};
};

/// Predicts the queue that a device's RSS brings a segment to: hash, then redirection table.
class RssPrediction {
  public:
    RssPrediction() = default;
    /// `reta`: the queue of each entry, read back from the device; a power of two of entries.
    RssPrediction(Bytes key, std::vector<uint16_t> reta);

    uint16_t queue(const FlowTuple& tuple) const noexcept { return reta_[table_(tuple) & mask_]; }

    /// For one queue, what owned_ports() needs: for each entry of the table that a first port may come to,
    /// which of the 64 ports from it on come to the queue. The hash is linear, so the low six bits of a port
    /// change the hash of every tuple in the same way.
    std::vector<uint64_t> patterns(uint16_t queue) const;
    /// Of the 64 destination ports from the tuple's on, a multiple of 64, those that RSS brings to the queue
    /// of the patterns. @note cost: 13 loads.
    uint64_t owned_ports(const std::vector<uint64_t>& patterns, const FlowTuple& first) const noexcept {
        return patterns[table_(first) & mask_];
    }
    uint32_t hash(const FlowTuple& tuple) const noexcept { return table_(tuple); }

  private:
    ToeplitzTable table_;
    std::vector<uint16_t> reta_{0};
    uint32_t mask_ = 0;
};

}  // namespace synfin::port
