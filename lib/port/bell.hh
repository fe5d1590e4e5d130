#pragma once
/// @file
/// Bell: rings an eventfd that a stranger has too.

#include <linux/aio_abi.h>

namespace synfin::port {

/// Adds to eventfds without ever waiting. write() does not wait while O_NONBLOCK is set, but that flag
/// belongs to the open file, which the other end shares: it may take the flag away, fill the counter, and
/// hold whoever writes for ever. The kernel's own signal, which tells that an asynchronous read is done
/// (io_submit(2), IOCB_FLAG_RESFD), never waits. For one thread; a system call each time, two each hundred.
class Bell {
  public:
    Bell() noexcept;
    ~Bell();
    Bell(const Bell&) = delete;
    Bell& operator=(const Bell&) = delete;

    /// Adds 1 to the eventfd, or does nothing where its counter is full. Where the kernel gives no
    /// asynchronous input (fs.aio-max-nr, a container's filter), it is write() after all.
    void ring(int eventfd) noexcept;

  private:
    bool submit(int eventfd) noexcept;

    aio_context_t context_ = 0;
    int zero_ = -1;
    char byte_ = 0;
};

}  // namespace synfin::port
