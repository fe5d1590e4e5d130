#pragma once
/// @file
/// Bell: signals an eventfd that an untrusted process shares, without ever blocking.

#include <linux/aio_abi.h>

namespace synfin::port {

/// write() to an eventfd does not block while O_NONBLOCK is set. But the flag belongs to the open file, which
/// the peer shares: it can clear the flag, fill the counter, and block the writer for ever. The kernel's own
/// signal for a completed asynchronous read (io_submit(2), IOCB_FLAG_RESFD) never blocks, so this class uses
/// that. For one thread.
/// @note cost: one system call per ring(), and one more every hundred or so.
class Bell {
  public:
    Bell() noexcept;
    ~Bell();
    Bell(const Bell&) = delete;
    Bell& operator=(const Bell&) = delete;

    /// Adds 1 to the eventfd; does nothing when its counter is full. Falls back to write() where the kernel
    /// refuses asynchronous I/O (fs.aio-max-nr, a container's seccomp filter).
    void ring(int eventfd) noexcept;

  private:
    bool submit(int eventfd) noexcept;

    aio_context_t context_ = 0;
    int zero_ = -1;
    char byte_ = 0;
};

}  // namespace synfin::port
