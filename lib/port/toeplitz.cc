#include "port/toeplitz.hh"

#include <bit>
#include <utility>

#include "synfin/check.hh"

namespace synfin::port {

namespace {

/// The 32 key bits that start at bit `at`.
uint32_t window(Bytes key, size_t at) noexcept {
    uint64_t bits = 0;
    for (size_t i = 0; i < 5; ++i) bits = bits << 8 | (at / 8 + i < key.size() ? key[at / 8 + i] : 0);
    return static_cast<uint32_t>(bits >> (8 - at % 8));
}

}  // namespace

uint32_t toeplitz(Bytes key, Bytes input) noexcept {
    SYNFIN_CHECK(key.size() >= input.size() + 4);
    uint32_t hash = 0;
    for (size_t bit = 0; bit < 8 * input.size(); ++bit)
        if ((input[bit / 8] >> (7 - bit % 8) & 1) != 0) hash ^= window(key, bit);
    return hash;
}

template <typename Tuple>
ToeplitzTable<Tuple>::ToeplitzTable(Bytes key) noexcept {
    SYNFIN_CHECK(key.size() >= kTupleBytes + 4);
    for (size_t byte = 0; byte < kTupleBytes; ++byte)
        for (size_t value = 0; value < 256; ++value)
            for (size_t bit = 0; bit < 8; ++bit)
                if ((value >> (7 - bit) & 1) != 0) table_[byte][value] ^= window(key, 8 * byte + bit);
}

template <typename Tuple>
BasicRssPrediction<Tuple>::BasicRssPrediction(Bytes key, std::vector<uint16_t> reta)
    : table_(key), reta_(std::move(reta)), mask_(static_cast<uint32_t>(reta_.size() - 1)) {
    SYNFIN_CHECK(std::has_single_bit(reta_.size()));
}

template <typename Tuple>
std::vector<uint64_t> BasicRssPrediction<Tuple>::patterns(uint16_t queue) const {
    std::vector<uint64_t> patterns(reta_.size());
    for (uint16_t port = 0; port < 64; ++port) {
        const uint32_t change = table_({.destination_port = port});
        for (size_t entry = 0; entry < reta_.size(); ++entry)
            if (reta_[(entry ^ change) & mask_] == queue) patterns[entry] |= uint64_t{1} << port;
    }
    return patterns;
}

template class ToeplitzTable<FlowTuple>;
template class ToeplitzTable<FlowTuple6>;
template class BasicRssPrediction<FlowTuple>;
template class BasicRssPrediction<FlowTuple6>;

}  // namespace synfin::port
