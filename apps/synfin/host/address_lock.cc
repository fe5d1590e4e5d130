#include "address_lock.hh"

#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <string_view>

#include "config/user_error.hh"
#include "port/run_directory.hh"

namespace synfin::app {

namespace {

constexpr const char* kFile = "/address-locks";

/// FNV-1a, which is the same in every process and build.
uint64_t hash_of(std::string_view text) noexcept {
    uint64_t hash = 0xcbf29ce484222325;
    for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
    return hash;
}

uint32_t last_bits(const IpAddress& addr) noexcept {
    if (addr.is_v4()) return addr.v4.value;
    const auto& o = addr.v6.octets;
    return uint32_t{o[12]} << 24 | uint32_t{o[13]} << 16 | uint32_t{o[14]} << 8 | o[15];
}

/// The byte of an address: 30 bits of a hash, then the last 32 bits of the address.
off_t byte_of(const IpAddress& addr, const std::string& identity) noexcept {
    IpAddress rest = addr;
    rest.v4 = {};
    std::fill(rest.v6.octets.begin() + 12, rest.v6.octets.end(), uint8_t{0});
    const uint64_t hash = hash_of(rest.text() + " on " + identity);
    return static_cast<off_t>(hash >> 34 << 32 | last_bits(addr));
}

/// The lock of `count` addresses from `first` on.
struct flock lock_on(off_t first, uint64_t count) noexcept {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = first;
    lock.l_len = static_cast<off_t>(count);
    return lock;
}

/// Opens a regular file that this user owns and that has no other links; else returns -1.
int open_own(const std::string& path) noexcept {
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0) return -1;
    struct stat status {};
    const bool good = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
                      status.st_nlink == 1;
    if (good) return fd;
    close(fd);
    return -1;
}

std::string network_namespace() {
    struct stat status {};
    return stat("/proc/self/ns/net", &status) == 0 ? fmt::format("{}", status.st_ino) : "?";
}

std::string resolved(const std::string& path) {
    std::error_code error;
    const auto full = std::filesystem::weakly_canonical(path, error);
    return error ? path : full.string();
}

}  // namespace

std::string device_identity(const std::string& device) {
    const size_t colon = std::min(device.find(':'), device.size());
    const std::string kind = device.substr(0, colon);
    std::string target = device.substr(std::min(device.size(), colon + 1));
    if (kind == "af_packet" || kind == "af_xdp") {
        // af_packet and af_xdp on one interface are one device; names may be aliases.
        const unsigned index = if_nametoindex(target.c_str());
        return fmt::format("interface {} of {}", index != 0 ? std::to_string(index) : target,
                           network_namespace());
    }
    if (kind == "tap") return fmt::format("tap {} of {}", target, network_namespace());
    if (kind == "pci") {
        std::transform(target.begin(), target.end(), target.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        return "pci " + (target.size() == 7 ? "0000:" + target : target);
    }
    if (kind == "memif" || kind == "vhost" || kind == "virtio-user") {
        const size_t comma = kind == "memif" ? std::min(target.find(','), target.size()) : target.size();
        const std::string role = target.substr(comma) == ",server" ? "server" : "client";
        return fmt::format("{} {} {}", kind, role, resolved(target.substr(0, comma)));
    }
    return device;
}

AddressLock::AddressLock(const std::string& device, const std::vector<AddressRange>& addresses)
    : AddressLock(device, addresses, port::usable_directory(port::run_directories())) {}

AddressLock::AddressLock(const std::string& device, const std::vector<AddressRange>& addresses,
                         const std::string& directory) {
    if (directory.empty()) return;
    file_ = open_own(directory + kFile);
    if (file_ < 0) return;
    const std::string identity = device_identity(device);
    for (const AddressRange& range : addresses) {
        // A range that crosses a multiple of 2^32 takes two locks.
        for (uint64_t done = 0; done < range.size();) {
            const IpAddress from = address_after(range.first.addr, done);
            const uint64_t count = std::min(range.size() - done, (uint64_t{1} << 32) - last_bits(from));
            take(lock_on(byte_of(from, identity), count), range, device);
            done += count;
        }
    }
}

/// Throws if another process holds a part of the lock.
void AddressLock::take(struct flock lock, const AddressRange& range, const std::string& device) {
    if (fcntl(file_, F_SETLK, &lock) == 0) return;
    const bool known = fcntl(file_, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_pid > 0;
    close(file_);
    throw run_error(fmt::format("{} on {} is already served by another synfin{}",
                                range.size() == 1 ? range.last.text() : range.text(), device,
                                known ? fmt::format(" (process {})", lock.l_pid) : ""),
                    "end that one first, or use another address or device");
}

AddressLock::~AddressLock() {
    if (file_ >= 0) close(file_);
}

}  // namespace synfin::app
