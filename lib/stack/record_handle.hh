#pragma once
/// @file
/// RecordHandle: how the connection table names a record: the kind in the two top bits, then the index in the
/// pool of that kind.

#include <cstdint>

namespace synfin::stack {

enum class RecordKind : uint32_t { open = 0, half_open = 1, time_wait = 2 };

inline constexpr uint32_t kIndexMask = (1u << 30) - 1;

/// The handle of an open record is its index.
constexpr uint32_t handle(RecordKind kind, uint32_t index) noexcept {
    return static_cast<uint32_t>(kind) << 30 | index;
}
constexpr RecordKind kind_of(uint32_t handle) noexcept {
    return static_cast<RecordKind>(handle >> 30);
}

}  // namespace synfin::stack
