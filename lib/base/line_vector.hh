#pragma once
/// @file
/// LineVector: a std::vector that has its cache lines to itself.

#include <cstddef>
#include <limits>
#include <new>
#include <vector>

namespace synfin {

/// What two cores must not both touch, if one of them writes it. x86-64 and most others: 64 bytes.
inline constexpr size_t kCacheLine = 64;

/// Storage that begins with a line and ends with one. malloc() puts what two engines allocate into one line,
/// and then each waits for the other's writes without sharing a byte; which of them meet changes with every
/// allocation made before, so it shows in some builds and not in others (tests/sharing).
template <typename T>
struct LineAllocator {
    using value_type = T;  // NOLINT(readability-identifier-naming): the name that allocators have

    LineAllocator() noexcept = default;
    template <typename U>
    LineAllocator(const LineAllocator<U>& /*other*/) noexcept {}  // NOLINT(google-explicit-constructor)

    T* allocate(size_t count) {
        if (count > (std::numeric_limits<size_t>::max() - kCacheLine) / kBytes) throw std::bad_alloc();
        return static_cast<T*>(::operator new(whole_lines(count), kAlignment));
    }
    void deallocate(T* data, size_t /*count*/) noexcept { ::operator delete(data, kAlignment); }
    bool operator==(const LineAllocator& /*other*/) const noexcept { return true; }

  private:
    static constexpr size_t kBytes = sizeof(T);  // NOLINT(bugprone-sizeof-expression): of pointers too
    static constexpr std::align_val_t kAlignment{alignof(T) > kCacheLine ? alignof(T) : kCacheLine};
    static constexpr size_t whole_lines(size_t count) noexcept {
        return (count * kBytes + kCacheLine - 1) / kCacheLine * kCacheLine;
    }
};

/// For all that one engine, or its application, changes while it runs.
template <typename T>
using LineVector = std::vector<T, LineAllocator<T>>;

}  // namespace synfin
