#pragma once
/// @file
/// InputHistory: the inputs that a persistent target has run since its last fresh start, in a file that
/// survives a crash. `replay_NAME --history FILE` runs them again.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace synfin::fuzz {

/// Active when SYNFIN_FUZZ_HISTORY names a file. Each input is its length (4 bytes, little endian) and its
/// bytes; a length of 0xffffffff ends the list.
class InputHistory {
  public:
    static constexpr uint32_t kEnd = 0xffff'ffff;

    InputHistory() {
        const char* path = std::getenv("SYNFIN_FUZZ_HISTORY");
        if (path == nullptr) return;
        const int fd = ::open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (fd < 0) return;
        if (::ftruncate(fd, kBytes) == 0) {
            void* map = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
            if (map != MAP_FAILED) map_ = static_cast<uint8_t*>(map);
        }
        ::close(fd);
        clear();
    }

    void clear() {
        used_ = 0;
        if (map_ != nullptr) std::memcpy(map_, &kEnd, 4);
    }
    void add(const uint8_t* data, size_t size) {
        if (map_ == nullptr || used_ + size + 8 > kBytes) return;
        const auto length = static_cast<uint32_t>(size);
        std::memcpy(map_ + used_ + 4 + size, &kEnd, 4);
        std::memcpy(map_ + used_ + 4, data, size);
        std::memcpy(map_ + used_, &length, 4);
        used_ += size + 4;
    }

  private:
    static constexpr size_t kBytes = size_t{1} << 20;
    uint8_t* map_ = nullptr;
    size_t used_ = 0;
};

}  // namespace synfin::fuzz
