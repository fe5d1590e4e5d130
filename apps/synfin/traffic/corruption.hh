#pragma once
/// @file
/// CorruptionLog: the received bytes that were not what was due, see PayloadPattern.

#include <array>
#include <cstdint>
#include <span>

#include "synfin/units.hh"

namespace synfin::app {

/// A wrong byte, the first one of its connection.
struct Corruption {
    Endpoint local{}, peer{};
    uint64_t offset =
        0;  ///< in what the connection has received to verify (tcp), in the response's body (http)
    uint8_t expected = 0, found = 0;
    bool is_missing = false;  ///< http: the body ended at this offset; there is no byte
};

/// Keeps the first ones; `failed_by corrupt` counts all.
class CorruptionLog {
  public:
    static constexpr size_t kMost = 8;

    void add(const Corruption& corruption) noexcept {
        if (size_ < kMost) kept_[size_++] = corruption;
    }
    std::span<const Corruption> kept() const noexcept { return {kept_.data(), size_}; }

  private:
    std::array<Corruption, kMost> kept_{};
    size_t size_ = 0;
};

}  // namespace synfin::app
