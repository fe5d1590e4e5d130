#pragma once
/// @file
/// Mailbox: messages of two words from any thread to one reader, which may sleep in epoll meanwhile.

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "synfin/result.hh"

namespace synfin {

/// What a post carries. The meaning of both words is the application's.
struct Message {
    uint64_t tag = 0;
    uint64_t value = 0;  ///< a number, or an address (see pointer())
    bool operator==(const Message&) const noexcept = default;

    /// The value as the address that Mailbox::post(tag, T*) was given. What it points to is handed over with
    /// the message: the poster's writes before post() are visible to the reader.
    template <typename T>
    T* pointer() const noexcept {
        return reinterpret_cast<T*>(static_cast<uintptr_t>(value));  // NOLINT(performance-no-int-to-ptr)
    }
};

/// A bounded queue from any number of threads to one. Every engine has one (Stack::post, Stack::mailbox); an
/// application makes others, to send from an engine's handlers to threads of its own.
/// - Messages of one thread arrive in the order in which it posted them.
/// - post() never waits: a full mailbox refuses, and counts that.
/// - Nothing allocates after construction.
///
/// @code
///   synfin::Mailbox box(1024);                   // the reader's
///   box.post(kLine, line.release());             // any thread
///   epoll_ctl(epoll, EPOLL_CTL_ADD, *box.wake_fd(), &wanted);   // readable while messages wait
///   while (auto message = box.take()) handle(*message);
/// @endcode
class Mailbox {
  public:
    /// @param capacity messages that may wait; rounded up to a power of two, 2 to 2^31.
    /// @throws std::bad_alloc
    explicit Mailbox(uint32_t capacity);
    ~Mailbox();
    Mailbox(const Mailbox&) = delete;
    Mailbox& operator=(const Mailbox&) = delete;

    // -- any thread

    /// Puts a message behind the others and wakes the reader if it sleeps on wake_fd().
    /// Errors: no_memory (full; counted in refused()).
    /// @note cost: two atomic read-modify-writes; with a wake_fd(), one system call for the first message
    ///       after the reader found the mailbox empty.
    Result<void> post(uint64_t tag, uint64_t value = 0) noexcept;
    /// The same with an address. Ownership of what it points to is the application's affair: a refused
    /// message did not take it, and messages that are never taken are not freed.
    template <typename T>
    Result<void> post(uint64_t tag, T* pointer) noexcept {
        return post(tag, uint64_t{reinterpret_cast<uintptr_t>(pointer)});
    }
    /// Messages that did not fit, so far.
    uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }
    uint32_t capacity() const noexcept;

    // -- the reader's thread

    /// The oldest message, or none. After none, wake_fd() is readable again once a message is posted.
    /// @note cost: some loads and stores; the first call that finds nothing after some were taken: an atomic
    ///       exchange, and a system call with a wake_fd().
    std::optional<Message> take() noexcept;

    /// Whether take() may give something: false only when nothing waits. @note cost: one load
    bool has_signal() const noexcept { return signal_.load(std::memory_order_relaxed) != 0; }

    /// A descriptor (eventfd(2)) for poll, select or epoll: readable from a post on, until take() has given
    /// none. It is the mailbox's: do not read, write or close it. Made by the first call; posts are dearer
    /// from then on. Errors: no_memory (no descriptor is left).
    Result<int> wake_fd() noexcept;

  private:
    void signal() noexcept;
    void clear_signal() noexcept;

    struct Ring;
    /// 1 from a post on, until the reader has found nothing.
    alignas(64) std::atomic<uint32_t> signal_{0};
    std::atomic<int> fd_{-1};
    std::atomic<uint64_t> refused_{0};
    std::unique_ptr<Ring> ring_;
};

}  // namespace synfin
