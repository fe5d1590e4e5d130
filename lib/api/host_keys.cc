#include "api/host_keys.hh"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "base/random.hh"

namespace synfin {

namespace {

constexpr mode_t kOthers = S_IRWXG | S_IRWXO;
/// How often and how long to wait for the file's lock. Its holder only writes 150 bytes; if it was stopped
/// meanwhile, it must not keep other processes from starting.
constexpr int kLockTries = 50;
constexpr timespec kLockPause{0, 2'000'000};
/// How often to open the file again if another process replaces it between open and lock.
constexpr int kOpenTries = 8;
constexpr size_t kMostBytes = 512;

class File {
  public:
    explicit File(int fd = -1) noexcept : fd_(fd) {}
    ~File() {
        if (fd_ >= 0) close(fd_);
    }
    File(File&& from) noexcept : fd_(std::exchange(from.fd_, -1)) {}
    File& operator=(File&& from) noexcept {
        std::swap(fd_, from.fd_);
        return *this;
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    explicit operator bool() const noexcept { return fd_ >= 0; }
    int fd() const noexcept { return fd_; }

  private:
    int fd_;
};

struct Pair {
    HashKey isn, timestamps;
};

std::string text_of(const Pair& keys, std::string_view boot_id) {
    char hex[2][33];
    std::snprintf(hex[0], sizeof hex[0], "%016lx%016lx", keys.isn.k0, keys.isn.k1);
    std::snprintf(hex[1], sizeof hex[1], "%016lx%016lx", keys.timestamps.k0, keys.timestamps.k1);
    return "synfin tcp-keys 1\nboot " + std::string(boot_id) + "\nisn " + hex[0] + "\ntimestamps " + hex[1] +
           "\n";
}

std::optional<HashKey> parse_key(std::string_view hex) {
    HashKey key;
    if (hex.size() != 32) return std::nullopt;
    const char* const middle = hex.data() + 16;
    const auto high = std::from_chars(hex.data(), middle, key.k0, 16);
    const auto low = std::from_chars(middle, middle + 16, key.k1, 16);
    if (high.ec != std::errc() || high.ptr != middle || low.ec != std::errc() || low.ptr != middle + 16)
        return std::nullopt;
    return key;
}

/// Parses the keys of a file. None unless the text is exactly what text_of() writes for this boot.
std::optional<Pair> parse(std::string_view text, std::string_view boot_id) {
    const auto after = [&](std::string_view label) {
        const size_t at = text.find(label);
        return at == std::string_view::npos ? std::string_view() : text.substr(at + label.size(), 32);
    };
    const auto isn = parse_key(after("\nisn ")), timestamps = parse_key(after("\ntimestamps "));
    if (!isn || !timestamps) return std::nullopt;
    const Pair keys{*isn, *timestamps};
    if (text_of(keys, boot_id) != text) return std::nullopt;
    return keys;
}

std::string read_all(int fd) {
    std::array<char, kMostBytes> bytes;
    const ssize_t n = pread(fd, bytes.data(), bytes.size(), 0);
    return n > 0 ? std::string(bytes.data(), static_cast<size_t>(n)) : std::string();
}

bool lock(int fd) noexcept {
    for (int tries = 0; tries < kLockTries; ++tries) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
        if (errno != EWOULDBLOCK && errno != EINTR) return false;
        nanosleep(&kLockPause, nullptr);
    }
    return false;
}

/// Opens a directory that belongs to this user or root and that no other user can write to.
File open_directory(const std::string& path, std::string& why) {
    if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return File();
    File directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat is {};
    if (!directory || fstat(directory.fd(), &is) != 0) return File();
    const bool trusted = is.st_uid == geteuid() || is.st_uid == 0;
    if (!trusted || (is.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        why = trusted ? "others may write to the directory" : "the directory belongs to another user";
        return File();
    }
    return directory;
}

bool is_ours(const struct stat& is) noexcept {
    return S_ISREG(is.st_mode) && is.st_uid == geteuid() && (is.st_mode & kOthers) == 0 && is.st_nlink == 1;
}

/// Opens or creates the directory's key file, locked and accessible to this user only. It replaces any other
/// file, link or file of another user: others may know its content.
File open_locked(int directory, std::string& why) {
    for (int tries = 0; tries < kOpenTries; ++tries) {
        File file(
            openat(directory, kHostKeysFile, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
        if (!file) {
            // ELOOP: a link; ENXIO: not a regular file; EACCES: not readable. Such an entry can be replaced.
            const int trouble = errno;
            const bool replaceable = trouble == ELOOP || trouble == ENXIO || trouble == EACCES;
            if (replaceable && unlinkat(directory, kHostKeysFile, 0) == 0) continue;
            errno = trouble;
            return File();
        }
        struct stat opened {
        }, named{};
        if (fstat(file.fd(), &opened) != 0) return File();
        const bool locked = !S_ISREG(opened.st_mode) || lock(file.fd());
        // With the lock held, the name shows whether another process has replaced the file.
        const bool stands = fstatat(directory, kHostKeysFile, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
                            named.st_ino == opened.st_ino && named.st_dev == opened.st_dev;
        if (!locked) {
            why = "another process holds its lock";
            return File();
        }
        if (!stands) continue;
        if (is_ours(opened)) return file;
        if (unlinkat(directory, kHostKeysFile, 0) != 0) return File();
    }
    errno = EAGAIN;
    return File();
}

bool write_all(int fd, std::string_view text) noexcept {
    return ftruncate(fd, 0) == 0 &&
           pwrite(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
}

/// Reads the keys of this directory, or writes new ones. None on failure: `why` has the reason, or errno if
/// `why` is empty.
std::optional<Pair> keys_in(const std::string& path, std::string_view boot_id, std::string& why) {
    const File directory = open_directory(path, why);
    if (!directory) return std::nullopt;
    const File file = open_locked(directory.fd(), why);
    if (!file) return std::nullopt;
    if (const auto keys = parse(read_all(file.fd()), boot_id)) return keys;
    const Pair made{fill_secret(), fill_secret()};
    if (!write_all(file.fd(), text_of(made, boot_id))) return std::nullopt;
    return made;
}

}  // namespace

std::string host_boot_id() {
    const File file(open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
    if (!file) return {};
    std::string id = read_all(file.fd());
    id.resize(std::min(id.size(), id.find('\n')));
    return id;
}

HostKeys host_keys(std::span<const std::string> directories, std::string_view boot_id) {
    std::string why;
    for (const std::string& path : directories) {
        if (boot_id.empty()) break;
        std::string reason;
        if (const auto keys = keys_in(path, boot_id, reason)) return {keys->isn, keys->timestamps, {}};
        if (reason.empty()) reason = std::strerror(errno);
        why += (why.empty() ? "" : "; ") + path + "/" + kHostKeysFile + ": " + reason;
    }
    if (boot_id.empty()) why = "/proc/sys/kernel/random/boot_id can't be read";
    return {fill_secret(), fill_secret(),
            "the keys of initial sequence numbers are this run's own (" + why +
                "): a server that still holds TIME-WAIT of an earlier run will refuse some of its SYNs; give "
                "XDG_RUNTIME_DIR a directory that you own"};
}

}  // namespace synfin
