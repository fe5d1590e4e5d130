#include "wire/checksum.hh"

namespace synfin::wire {

namespace {
// GCC's and clang's portable vectors; four lanes are one AVX2 register.
using Lanes = uint64_t __attribute__((vector_size(32)));

void add_halves(Lanes& low, Lanes& high, const uint8_t* p) noexcept {
    Lanes words;
    std::memcpy(&words, p, sizeof words);
    low += words & 0xffff'ffff;
    high += words >> 32;
}
}  // namespace

uint64_t sum_long(Bytes bytes, uint64_t initial) noexcept {
    const uint8_t* p = bytes.data();
    size_t left = bytes.size();
    Lanes low0{}, high0{}, low1{}, high1{};  // two pairs, because the core can load twice per cycle
    for (; left >= 64; left -= 64, p += 64) {
        add_halves(low0, high0, p);
        add_halves(low1, high1, p + 32);
    }
    const Lanes total = low0 + high0 + low1 + high1;
    return sum_bytes(Bytes(p, left), join_sums(initial, total[0] + total[1] + total[2] + total[3]));
}

}  // namespace synfin::wire
