#pragma once
/// @file
/// MappedArray: a large zeroed array from mmap. Pages that are never touched cost nothing, so a table or pool
/// can be sized for the worst case.

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

#include "synfin/check.hh"

namespace synfin {

/// Fixed size, zeroed, aligned to a page (to 2 MiB when it is at least that large, so that the kernel can use
/// transparent huge pages). The first touch of a page costs a page fault.
/// @tparam T trivial: it is used without construction, so all-zero bytes must be a valid value.
template <typename T>
class MappedArray {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

  public:
    MappedArray() noexcept = default;
    /// @throws std::bad_alloc when the kernel refuses the address space.
    explicit MappedArray(size_t count) : count_(count) {
        if (count == 0) return;
        if (count > SIZE_MAX / 4 / sizeof(T)) throw std::bad_alloc();
        const bool is_huge = bytes() >= kHugePage;
        mapped_bytes_ = bytes() + (is_huge ? kHugePage : 0);  // room for the alignment, never touched
        mapping_ = ::mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (mapping_ == MAP_FAILED) throw std::bad_alloc();
        auto address = reinterpret_cast<uintptr_t>(mapping_);
        if (is_huge) {
            address = (address + kHugePage - 1) & ~(kHugePage - 1);
            // The kernel may ignore this: the array then works with more TLB misses.
            static_cast<void>(::madvise(reinterpret_cast<void*>(address), bytes(), MADV_HUGEPAGE));
        }
        data_ = reinterpret_cast<T*>(address);
    }
    ~MappedArray() {
        if (data_ != nullptr) ::munmap(mapping_, mapped_bytes_);
    }
    MappedArray(MappedArray&& other) noexcept { swap(other); }
    MappedArray& operator=(MappedArray&& other) noexcept {
        MappedArray taken(std::move(other));
        swap(taken);
        return *this;
    }

    T& operator[](size_t i) noexcept {
        SYNFIN_DCHECK(i < count_);
        return data_[i];
    }
    const T& operator[](size_t i) const noexcept {
        SYNFIN_DCHECK(i < count_);
        return data_[i];
    }
    /// Returns the whole pages in this range to the kernel; their bytes are zero again.
    void forget(size_t from, size_t count) noexcept {
        constexpr uintptr_t kPage = 4096;
        const auto begin = (reinterpret_cast<uintptr_t>(data_ + from) + kPage - 1) & ~(kPage - 1);
        const auto end = reinterpret_cast<uintptr_t>(data_ + from + count) & ~(kPage - 1);
        if (begin < end)
            static_cast<void>(::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED));
    }
    T* data() noexcept { return data_; }
    const T* data() const noexcept { return data_; }
    size_t size() const noexcept { return count_; }
    size_t bytes() const noexcept { return count_ * sizeof(T); }

  private:
    static constexpr uintptr_t kHugePage = uintptr_t{2} << 20;

    void swap(MappedArray& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(count_, other.count_);
        std::swap(mapping_, other.mapping_);
        std::swap(mapped_bytes_, other.mapped_bytes_);
    }

    T* data_ = nullptr;
    size_t count_ = 0;
    void* mapping_ = nullptr;
    size_t mapped_bytes_ = 0;
};

}  // namespace synfin
