#pragma once
/// @file
/// SizedPath: recognizes `/size/N`, the path of an object of N bytes, as its bytes arrive.

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace synfin::app {

/// `/size/65536`, `/size/64KiB`, `/size/1M`: a whole number with the units that sizes have everywhere in
/// synfin (k is 1,000, KiB is 1,024), at most 1 TiB.
class SizedPath {
  public:
    static constexpr uint64_t kMost = uint64_t{1} << 40;

    /// Adds the next byte of the path.
    /// @note cost: one comparison for the bytes of other paths
    constexpr void add(uint8_t byte) noexcept {
        if (at_ == kOther) return;
        if (at_ < kPrefix.size())
            at_ = byte == static_cast<uint8_t>(kPrefix[at_]) ? static_cast<uint8_t>(at_ + 1) : kOther;
        else if (unit_size_ == 0 && byte >= '0' && byte <= '9')
            add_digit(byte - '0');
        else
            add_unit(byte);
    }
    /// Whether the path begins with `/size/`.
    constexpr bool is_below() const noexcept { return at_ == kPrefix.size(); }
    /// The object's size in bytes; none if the path is another, or its size is malformed or too large.
    constexpr std::optional<uint64_t> size() const noexcept {
        if (!is_below() || !has_digits_ || unit_size_ > unit_.size()) return std::nullopt;
        const std::string_view unit(unit_.data(), unit_size_);
        for (const Unit& each : kUnits)
            if (each.name == unit && number_ <= kMost / each.bytes) return number_ * each.bytes;
        return std::nullopt;
    }

  private:
    struct Unit {
        std::string_view name;
        uint64_t bytes;
    };
    static constexpr std::string_view kPrefix = "/size/";
    static constexpr uint8_t kOther = 0xff;
    static constexpr std::array kUnits = {
        Unit{"", 1},           Unit{"B", 1},          Unit{"k", 1'000},         Unit{"kB", 1'000},
        Unit{"M", 1'000'000},  Unit{"MB", 1'000'000}, Unit{"G", 1'000'000'000}, Unit{"GB", 1'000'000'000},
        Unit{"KiB", 1u << 10}, Unit{"MiB", 1u << 20}, Unit{"GiB", 1u << 30}};

    constexpr void add_digit(uint64_t digit) noexcept {
        number_ = std::min(number_ * 10 + digit, kMost + 1);
        has_digits_ = true;
    }
    constexpr void add_unit(uint8_t byte) noexcept {
        if (unit_size_ < unit_.size()) unit_[unit_size_] = static_cast<char>(byte);
        unit_size_ = static_cast<uint8_t>(std::min<size_t>(unit_size_ + 1u, unit_.size() + 1));
    }

    uint64_t number_ = 0;
    uint8_t at_ = 0;  ///< bytes of the prefix that have matched, or kOther
    bool has_digits_ = false;
    uint8_t unit_size_ = 0;  ///< more than unit_ holds: malformed
    std::array<char, 3> unit_{};
};

}  // namespace synfin::app
