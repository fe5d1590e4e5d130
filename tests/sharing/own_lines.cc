#include "own_lines.hh"

#include <array>
#include <atomic>
#include <cstdlib>
#include <new>

namespace synfin::sharing {

namespace {

constexpr uintptr_t kLineBytes = 64;
constexpr size_t kMost = 1u << 17;

struct Allocation {
    uintptr_t begin = 0;  ///< 0: free
    size_t bytes = 0;
};
std::array<Allocation, kMost> live;
std::atomic<uint64_t> given{0};
std::atomic_flag busy = ATOMIC_FLAG_INIT;

struct Guard {
    Guard() noexcept {
        while (busy.test_and_set(std::memory_order_acquire)) {
        }
    }
    ~Guard() { busy.clear(std::memory_order_release); }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
};

size_t place_of(uintptr_t begin) noexcept {
    return (begin / 16 * 0x9e3779b97f4a7c15u) >> 40 & (kMost - 1);
}

void* give(size_t bytes, size_t alignment) {
    void* const data = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    if (data == nullptr) throw std::bad_alloc();
    const auto begin = reinterpret_cast<uintptr_t>(data);
    given.fetch_add(1, std::memory_order_relaxed);
    if (begin % kLineBytes == 0 && bytes % kLineBytes == 0) return data;
    const Guard guard;
    for (size_t at = place_of(begin), tries = 0; tries < kMost; ++tries, at = (at + 1) & (kMost - 1)) {
        if (live[at].begin > 1) continue;
        live[at] = {begin, bytes};
        return data;
    }
    std::abort();
}

void take_back(void* data) noexcept {
    if (data == nullptr) return;
    const auto begin = reinterpret_cast<uintptr_t>(data);
    {
        const Guard guard;
        for (size_t at = place_of(begin), tries = 0; tries < kMost && live[at].begin != 0;
             ++tries, at = (at + 1) & (kMost - 1)) {
            if (live[at].begin != begin) continue;
            live[at] = {1, 0};  // the search goes on behind it
            break;
        }
    }
    std::free(data);
}

}  // namespace

bool OwnLines::reaches_out(uintptr_t address) noexcept {
    const uintptr_t line = address & ~(kLineBytes - 1);
    for (const Allocation& one : live) {
        if (one.begin <= 1 || one.begin >= line + kLineBytes || one.begin + one.bytes <= line) continue;
        if (one.begin > line || one.begin + one.bytes < line + kLineBytes) return true;
    }
    return false;
}

uint64_t OwnLines::allocations() noexcept {
    return given.load(std::memory_order_relaxed);
}

}  // namespace synfin::sharing

// Every form of operator new ends in one of these two (and of delete in those).
void* operator new(size_t bytes) {
    return synfin::sharing::give(bytes, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
void* operator new(size_t bytes, std::align_val_t alignment) {
    return synfin::sharing::give(bytes, static_cast<size_t>(alignment));
}
void operator delete(void* data) noexcept {
    synfin::sharing::take_back(data);
}
void operator delete(void* data, size_t /*bytes*/) noexcept {
    synfin::sharing::take_back(data);
}
void operator delete(void* data, std::align_val_t /*alignment*/) noexcept {
    synfin::sharing::take_back(data);
}
void operator delete(void* data, size_t /*bytes*/, std::align_val_t /*alignment*/) noexcept {
    synfin::sharing::take_back(data);
}
