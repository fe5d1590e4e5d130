#pragma once
/// @file
/// Published: a value that one thread writes and other threads read at any time, without a lock.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace synfin {

/// A sequence lock: one writer, which never waits, and any number of readers, which repeat a read that
/// overlapped a write. The words are atomic, so that the thread sanitizer accepts it.
/// @note cost: show() stores sizeof(T) bytes and two more words.
template <typename T>
class alignas(64) Published {
    static_assert(std::is_trivially_copyable_v<T> && std::is_default_constructible_v<T>);

  public:
    /// The writer's thread only.
    void show(const T& value) noexcept {
        std::array<uint64_t, kWords> words{};
        std::memcpy(words.data(), static_cast<const void*>(&value), sizeof value);
        const uint64_t sequence = sequence_.load(std::memory_order_relaxed);
        sequence_.store(sequence + 1, std::memory_order_relaxed);
        // Release: a reader that sees one of these words sees the odd number before them, too.
        for (size_t i = 0; i < kWords; ++i) words_[i].store(words[i], std::memory_order_release);
        sequence_.store(sequence + 2, std::memory_order_release);
    }

    /// The last value shown; T{} before the first show(). If the writer's thread is suspended within show()
    /// for as long as kReads reads take, the result may mix two successive values.
    T see() const noexcept {
        std::array<uint64_t, kWords> words;
        for (uint32_t reads = 0; reads < kReads; ++reads) {
            const uint64_t before = sequence_.load(std::memory_order_acquire);
            for (size_t i = 0; i < kWords; ++i) words[i] = words_[i].load(std::memory_order_acquire);
            if (before == 0) return T{};
            if (before % 2 == 0 && sequence_.load(std::memory_order_relaxed) == before) break;
        }
        T value;
        std::memcpy(static_cast<void*>(&value), words.data(), sizeof value);
        return value;
    }
    bool has_been_shown() const noexcept { return sequence_.load(std::memory_order_acquire) > 1; }

  private:
    static constexpr size_t kWords = (sizeof(T) + 7) / 8;
    static constexpr uint32_t kReads = 100'000;

    std::atomic<uint64_t> sequence_{0};  ///< odd during show()
    std::array<std::atomic<uint64_t>, kWords> words_{};
};

}  // namespace synfin
