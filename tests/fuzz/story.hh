#pragma once
/// @file
/// Story: a fuzz input, read from the front as the steps of a test.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace synfin::fuzz {

/// Zeros follow the end of the input.
class Story {
  public:
    Story(const uint8_t* data, size_t size) : data_(data), size_(size) {}
    bool ended() const { return at_ >= size_; }
    uint8_t byte() { return at_ < size_ ? data_[at_++] : uint8_t{0}; }
    uint16_t word() {
        const uint8_t high = byte();
        return static_cast<uint16_t>(high << 8 | byte());
    }
    std::vector<uint8_t> bytes(size_t n) {
        std::vector<uint8_t> out;
        while (out.size() < n && !ended()) out.push_back(byte());
        return out;
    }

  private:
    const uint8_t* data_;
    size_t size_;
    size_t at_ = 0;
};

}  // namespace synfin::fuzz
