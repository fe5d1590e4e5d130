#include "synfin/mailbox.hh"

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mpsc_ring.hh"

namespace synfin {

namespace {
// Bits of Mailbox::signal_.
constexpr uint32_t kRaised = 1;   ///< a message may wait
constexpr uint32_t kWritten = 2;  ///< a poster that set kRaised has written its wake-up

/// Reads the descriptor, so that it is no longer readable. False: there is none, or no wake-up was written.
bool read_wake_up(int fd) noexcept {
    eventfd_t ignored = 0;
    return fd >= 0 && ::eventfd_read(fd, &ignored) == 0;  // does not block
}
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

/// Called once a message is in the ring. If this fetch_or comes after the exchange of clear_signal(), it
/// writes a wake-up. If it comes before, the reader, which looks once more, sees the message.
void Mailbox::signal() noexcept {
    if ((signal_.fetch_or(kRaised) & kRaised) != 0)
        return;  // another poster writes or has written the wake-up
    if (const int fd = fd_.load(); fd >= 0) static_cast<void>(::eventfd_write(fd, 1));
    signal_.fetch_or(kWritten);
}

void Mailbox::clear_signal() noexcept {
    signal_.exchange(0);
}

std::optional<Message> Mailbox::take() noexcept {
    if (const auto message = ring_->messages.pop()) return message;
    const uint32_t seen = signal_.load(std::memory_order_relaxed);
    if (seen == 0) return std::nullopt;
    // While a poster has still to write its wake-up, the signal stays: the descriptor would become readable
    // after clear_signal(), and stay so. The write wakes a reader before the poster can set kWritten.
    const bool was_written = read_wake_up(fd_.load(std::memory_order_relaxed));
    if (!was_written && (seen & kWritten) == 0) return std::nullopt;
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
    // Earlier posters had no descriptor to write to.
    if (signal_.load() != 0) static_cast<void>(::eventfd_write(fd, 1));
    return fd;
}

}  // namespace synfin
