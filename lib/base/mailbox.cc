#include "synfin/mailbox.hh"

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mpsc_ring.hh"

namespace synfin {

namespace {
// Values of Mailbox::signal_. Only the post that changes kNone, the raiser, wakes the reader: it writes to
// the descriptor once, or there is none. The reader returns to kNone only when that is settled. A later write
// would leave the descriptor readable with no message to take.
constexpr uint32_t kNone = 0;
constexpr uint32_t kRaised = 1;   ///< a message may wait; with a descriptor, its one write is done or to come
constexpr uint32_t kNoWrite = 3;  ///< a message may wait; nobody writes
}  // namespace

struct Mailbox::Ring {
    explicit Ring(uint32_t capacity) : messages(capacity) {}
    MpscRing<Message> messages;
};

Mailbox::Mailbox(uint32_t capacity) : ring_(std::make_unique<Ring>(capacity)) {}

Mailbox::~Mailbox() {
    if (const int fd = fd_.load(std::memory_order_relaxed); fd >= 0) ::close(fd);
}

uint32_t Mailbox::capacity() const noexcept {
    return ring_->messages.capacity();
}

Result<void> Mailbox::post(uint64_t tag, uint64_t value) noexcept {
    if (!ring_->messages.push({tag, value})) {
        refused_.fetch_add(1, std::memory_order_relaxed);
        return Error::no_memory;
    }
    signal();
    return {};
}

/// Called once a message is in the ring. If this fetch_or comes after the reader's return to kNone, it raises
/// the signal again. If it comes before, the reader, which looks once more, sees the message.
void Mailbox::signal() noexcept {
    if (signal_.fetch_or(kRaised) != kNone) return;
    if (fd_.load() < 0) {
        signal_.fetch_or(kNoWrite);
        // wake_fd() may have made the descriptor meanwhile. Either it writes or this function does.
        uint32_t unwritten = kNoWrite;
        if (fd_.load() < 0 || !signal_.compare_exchange_strong(unwritten, kRaised)) return;
    }
    static_cast<void>(::eventfd_write(fd_.load(std::memory_order_relaxed), 1));
}

/// Leaves the signal if its raiser has yet to write to the descriptor, or to find none.
void Mailbox::clear_signal() noexcept {
    uint32_t unwritten = kNoWrite;
    if (signal_.compare_exchange_strong(unwritten, kNone)) return;
    const int fd = fd_.load(std::memory_order_relaxed);
    eventfd_t count = 0;
    if (fd >= 0 && ::eventfd_read(fd, &count) == 0) signal_.exchange(kNone);  // the read does not block
}

std::optional<Message> Mailbox::take() noexcept {
    if (const auto message = ring_->messages.pop()) return message;
    if (!has_signal()) return std::nullopt;
    clear_signal();
    const auto message = ring_->messages.pop();
    // A message came in between. There may be more, from posters that saw the old signal.
    if (message) signal();
    return message;
}

Result<int> Mailbox::wake_fd() noexcept {
    if (const int fd = fd_.load(std::memory_order_relaxed); fd >= 0) return fd;
    const int fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0) return Error::no_memory;
    fd_.store(fd);
    // An earlier post had no descriptor to write to.
    uint32_t unwritten = kNoWrite;
    if (signal_.compare_exchange_strong(unwritten, kRaised)) static_cast<void>(::eventfd_write(fd, 1));
    return fd;
}

}  // namespace synfin
