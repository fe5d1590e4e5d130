#pragma once
/// @file
/// MappedArray: a fixed array of records in anonymous memory, zero at first, whose pages exist only once
/// touched. What every pool stands on: a limit of a million records costs nothing until they are used.

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace synfin::buf {

/// @tparam T trivial; all-zero bytes must be a valid value.
template <typename T>
class MappedArray {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

  public:
    MappedArray() noexcept = default;
    /// Reserves address space for `count` records, page-aligned.
    /// @throws std::bad_alloc when the kernel refuses.
    explicit MappedArray(size_t count) : count_(count) {
        if (count == 0) return;
        void* memory = mmap(nullptr, bytes(), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) throw std::bad_alloc();
        data_ = static_cast<T*>(memory);
        // Records are reached at random: one TLB entry per 2 MiB instead of per 4 KiB. A hint, hence
        // unchecked.
        if (bytes() >= kHugePage) static_cast<void>(madvise(memory, bytes(), MADV_HUGEPAGE));
    }
    ~MappedArray() {
        if (data_ != nullptr) munmap(static_cast<void*>(data_), bytes());
    }
    MappedArray(MappedArray&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), count_(std::exchange(other.count_, 0)) {}
    MappedArray& operator=(MappedArray&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(count_, other.count_);
        return *this;
    }

    T& operator[](size_t i) noexcept { return data_[i]; }
    const T& operator[](size_t i) const noexcept { return data_[i]; }
    T* data() noexcept { return data_; }
    const T* data() const noexcept { return data_; }
    size_t size() const noexcept { return count_; }

  private:
    static constexpr size_t kHugePage = size_t{2} << 20;
    size_t bytes() const noexcept { return count_ * sizeof(T); }

    T* data_ = nullptr;
    size_t count_ = 0;
};

}  // namespace synfin::buf
