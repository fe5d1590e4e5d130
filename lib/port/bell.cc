#include "port/bell.hh"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <ctime>

namespace synfin::port {

namespace {
constexpr long kAtOnce = 128;  ///< completed reads whose events have not been fetched yet
}

Bell::Bell() noexcept : zero_(::open("/dev/zero", O_RDONLY | O_CLOEXEC)) {
    if (zero_ >= 0 && ::syscall(SYS_io_setup, kAtOnce, &context_) != 0) context_ = 0;
}

Bell::~Bell() {
    if (context_ != 0) ::syscall(SYS_io_destroy, context_);
    if (zero_ >= 0) ::close(zero_);
}

bool Bell::submit(int eventfd) noexcept {
    iocb read{};
    read.aio_lio_opcode = IOCB_CMD_PREAD;
    read.aio_fildes = static_cast<uint32_t>(zero_);
    read.aio_buf = reinterpret_cast<uintptr_t>(&byte_);
    read.aio_nbytes = 1;
    read.aio_flags = IOCB_FLAG_RESFD;
    read.aio_resfd = static_cast<uint32_t>(eventfd);
    std::array<iocb*, 1> list{&read};
    return ::syscall(SYS_io_submit, context_, 1, list.data()) == 1;
}

void Bell::ring(int eventfd) noexcept {
    if (context_ == 0) {
        static_cast<void>(::eventfd_write(eventfd, 1));
        return;
    }
    if (submit(eventfd) || errno != EAGAIN) return;
    std::array<io_event, kAtOnce> done;
    timespec at_once{};
    ::syscall(SYS_io_getevents, context_, 0, kAtOnce, done.data(), &at_once);
    static_cast<void>(submit(eventfd));
}

}  // namespace synfin::port
