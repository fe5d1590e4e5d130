#pragma once
/// @file
/// What a NIC's RSS does, written anew from its specification: the oracle of the steering tests.

#include <gtest/gtest.h>
#include <rte_thash.h>

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "base/random.hh"
#include "port/toeplitz.hh"

namespace synfin::port::test {

/// The hash as the specification words it, a bit at a time: for each bit of the input that is set, the 32
/// bits of the key that begin at that place.
inline uint32_t bit_serial(const std::vector<uint8_t>& key, const std::vector<uint8_t>& input) {
    const auto bit_of = [](const std::vector<uint8_t>& bytes, size_t at) {
        return bytes[at / 8] >> (7 - at % 8) & 1u;
    };
    uint32_t hash = 0, window = 0;
    for (size_t i = 0; i < 32; ++i) window = window << 1 | bit_of(key, i);
    for (size_t i = 0; i < input.size() * 8; ++i) {
        if (bit_of(input, i) != 0) hash ^= window;
        window = window << 1 | bit_of(key, i + 32);
    }
    return hash;
}

inline void append(std::vector<uint8_t>& bytes, uint32_t addr) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<uint8_t>(addr >> shift));
}
inline void append(std::vector<uint8_t>& bytes, const Ipv6& addr) {
    bytes.insert(bytes.end(), addr.octets.begin(), addr.octets.end());
}

/// The tuple's bytes in the order in which they are hashed.
template <typename Tuple>
std::vector<uint8_t> wire_order(const Tuple& t) {
    std::vector<uint8_t> bytes;
    for (const auto& addr : {t.source, t.destination}) append(bytes, addr);
    for (const uint16_t port : {t.source_port, t.destination_port}) {
        bytes.push_back(static_cast<uint8_t>(port >> 8));
        bytes.push_back(static_cast<uint8_t>(port));
    }
    return bytes;
}

/// DPDK's opinion.
template <typename Tuple>
uint32_t softrss(const std::vector<uint8_t>& key, const Tuple& tuple) {
    const std::vector<uint8_t> bytes = wire_order(tuple);
    std::vector<uint32_t> words;
    for (size_t i = 0; i < bytes.size(); i += 4)
        words.push_back(uint32_t{bytes[i]} << 24 | uint32_t{bytes[i + 1]} << 16 |
                        uint32_t{bytes[i + 2]} << 8 | bytes[i + 3]);
    return rte_softrss(words.data(), static_cast<uint32_t>(words.size()), key.data());
}

/// For the tests that are the same for either family.
using Families = testing::Types<FlowTuple, FlowTuple6>;
struct FamilyName {
    template <typename Tuple>
    static std::string GetName(int) {
        return std::is_same_v<Tuple, FlowTuple> ? "v4" : "v6";
    }
};

/// A device: its key, and the queue of each entry of its redirection table.
struct Rss {
    std::vector<uint8_t> key;
    std::vector<uint16_t> reta;
    uint16_t queues = 1;

    template <typename Tuple = FlowTuple>
    uint16_t queue_of(const Tuple& tuple) const {
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

template <typename Port>
bool owns(const Port& port, const FlowTuple6& answer) {
    const uint64_t ports = port.owned_ports(answer.destination, answer.destination_port & 0xffc0,
                                            answer.source, answer.source_port);
    return (ports >> answer.destination_port % 64 & 1) != 0;
}

inline std::vector<uint8_t> random_key(Random& random, size_t bytes) {
    std::vector<uint8_t> key(bytes);
    for (auto& byte : key) byte = static_cast<uint8_t>(random.next());
    return key;
}

inline void randomize(Random& random, uint32_t& addr) {
    addr = static_cast<uint32_t>(random.next());
}
inline void randomize(Random& random, Ipv6& addr) {
    for (auto& octet : addr.octets) octet = static_cast<uint8_t>(random.next());
}

template <typename Tuple>
Tuple random_tuple(Random& random) {
    Tuple tuple;
    randomize(random, tuple.source);
    randomize(random, tuple.destination);
    tuple.source_port = static_cast<uint16_t>(random.next());
    tuple.destination_port = static_cast<uint16_t>(random.next());
    return tuple;
}

/// One bit: the hash's low nine bits are the destination port's, mirrored, and nothing else counts. With it a
/// port that comes back to a queue could be written down without a search.
template <typename Tuple = FlowTuple>
std::vector<uint8_t> sparse_key(size_t bytes) {
    std::vector<uint8_t> key(bytes);
    constexpr size_t kBit = 8 * ToeplitzTable<Tuple>::kTupleBytes + 22;
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
