#pragma once
/// @file
/// What a NIC's RSS does, written anew from its specification: the oracle of the steering tests.

#include <cstdint>
#include <vector>

#include "base/random.hh"
#include "port/toeplitz.hh"

namespace synfin::port::test {

/// The hash as the specification words it, a bit at a time: for each bit of the input that is set, the 32
/// bits of the key that begin at that place.
inline uint32_t bit_serial(const std::vector<uint8_t>& key, const std::vector<uint8_t>& input) {
    uint32_t hash = 0;
    for (size_t bit = 0; bit < input.size() * 8; ++bit) {
        if ((input[bit / 8] >> (7 - bit % 8) & 1) == 0) continue;
        uint32_t window = 0;
        for (size_t i = bit; i < bit + 32; ++i) window = window << 1 | (key[i / 8] >> (7 - i % 8) & 1u);
        hash ^= window;
    }
    return hash;
}

/// The tuple's bytes in the order in which they are hashed.
inline std::vector<uint8_t> wire_order(const FlowTuple& t) {
    std::vector<uint8_t> bytes;
    for (const uint32_t addr : {t.source, t.destination})
        for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<uint8_t>(addr >> shift));
    for (const uint16_t port : {t.source_port, t.destination_port}) {
        bytes.push_back(static_cast<uint8_t>(port >> 8));
        bytes.push_back(static_cast<uint8_t>(port));
    }
    return bytes;
}

/// A device: its key, and the queue of each entry of its redirection table.
struct Rss {
    std::vector<uint8_t> key;
    std::vector<uint16_t> reta;
    uint16_t queues = 1;

    uint16_t queue_of(const FlowTuple& tuple) const {
        return reta[bit_serial(key, wire_order(tuple)) % reta.size()];
    }
};

/// Whether an answer with this tuple is one that the port has asked for.
template <typename Port>
bool owns(const Port& port, const FlowTuple& answer) {
    const uint64_t ports = port.owned_ports(Ipv4{answer.destination}, answer.destination_port & 0xffc0,
                                            Ipv4{answer.source}, answer.source_port);
    return (ports >> answer.destination_port % 64 & 1) != 0;
}

inline std::vector<uint8_t> random_key(Random& random, size_t bytes) {
    std::vector<uint8_t> key(bytes);
    for (auto& byte : key) byte = static_cast<uint8_t>(random.next());
    return key;
}

/// One bit: the hash's low nine bits are the destination port's, mirrored, and nothing else counts. With it a
/// port that comes back to a queue could be written down without a search.
inline std::vector<uint8_t> sparse_key(size_t bytes) {
    std::vector<uint8_t> key(bytes);
    constexpr size_t kBit = 118;
    key[kBit / 8] = 0x80 >> kBit % 8;
    return key;
}

/// Every queue has an entry; the others as drivers fill them (in turn), or at random.
inline std::vector<uint16_t> redirection_table(Random& random, size_t size, uint16_t queues, bool in_turn) {
    std::vector<uint16_t> reta(size);
    for (size_t i = 0; i < size; ++i)
        reta[i] = static_cast<uint16_t>(in_turn ? i % queues : i < queues ? i : random.below(queues));
    return reta;
}

}  // namespace synfin::port::test
