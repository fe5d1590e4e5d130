#pragma once
/// @file
/// LineVector: a std::vector that shares no cache line with other data.

#include <cstddef>
#include <limits>
#include <new>
#include <vector>

namespace synfin {

/// Bytes of a cache line, the unit of sharing between cores: 64 on x86-64 and most others.
inline constexpr size_t kCacheLine = 64;

/// Allocates whole cache lines. malloc() can put memory of two engines into one line, and each engine then
/// waits for the other's writes (false sharing). Which objects meet depends on all earlier allocations, so
/// the effect comes and goes between builds (tests/sharing).
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

/// For vectors that one engine, or its application, writes while it runs.
template <typename T>
using LineVector = std::vector<T, LineAllocator<T>>;

}  // namespace synfin
