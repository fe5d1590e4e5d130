#pragma once
/// @file
/// Mailbox: messages of two words from any thread to one reader, which may sleep in epoll.

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "synfin/result.hh"

namespace synfin {

/// The content of a post. The application defines the meaning of both words.
struct Message {
    uint64_t tag = 0;
    uint64_t value = 0;  ///< a number, or an address (see pointer())
    bool operator==(const Message&) const noexcept = default;

    /// The value as the pointer given to Mailbox::post(tag, T*). The reader sees everything that the posting
    /// thread wrote before post().
    template <typename T>
    T* pointer() const noexcept {
        return reinterpret_cast<T*>(static_cast<uintptr_t>(value));  // NOLINT(performance-no-int-to-ptr)
    }
};

/// A bounded queue from any number of threads to one. Every engine has one (Stack::post, Stack::mailbox). An
/// application can make others, to send from an engine's handlers to its own threads.
/// - Messages of one thread arrive in the order in which it posted them.
/// - post() never waits: a full mailbox refuses the message and counts that.
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

    /// Appends a message and wakes the reader if it sleeps on wake_fd(). Errors: no_memory (full; counted in
    /// refused()).
    /// @note cost: two atomic read-modify-writes; for the first message after the reader found the mailbox
    ///       empty also a system call with a wake_fd(), one more read-modify-write without it.
    Result<void> post(uint64_t tag, uint64_t value = 0) noexcept;
    /// The same with a pointer. The mailbox never owns or frees the object: after a refusal the caller still
    /// owns it.
    template <typename T>
    Result<void> post(uint64_t tag, T* pointer) noexcept {
        return post(tag, uint64_t{reinterpret_cast<uintptr_t>(pointer)});
    }
    /// Messages refused so far.
    uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }
    uint32_t capacity() const noexcept;

    // -- the reader's thread

    /// The oldest message, or none. After none, wake_fd() is readable again once a message is posted.
    /// @note cost: some loads and stores. The first call that finds the mailbox empty also makes an atomic
    ///       exchange and, with a wake_fd(), a system call.
    std::optional<Message> take() noexcept;

    /// Whether take() may return a message; false only when none waits. @note cost: one load
    bool has_signal() const noexcept { return signal_.load(std::memory_order_relaxed) != 0; }

    /// A descriptor (eventfd(2)) for poll, select or epoll: readable from a post on, until take() returns
    /// none. The mailbox owns it: do not read, write or close it. The first call makes it; posts cost more
    /// from then on. Errors: no_memory (no descriptor is left).
    Result<int> wake_fd() noexcept;

  private:
    void signal() noexcept;
    void clear_signal() noexcept;

    struct Ring;
    /// Not 0 from a post on, until the reader has found nothing. Values: see mailbox.cc.
    alignas(64) std::atomic<uint32_t> signal_{0};
    std::atomic<int> fd_{-1};
    std::atomic<uint64_t> refused_{0};
    std::unique_ptr<Ring> ring_;
};

}  // namespace synfin
