#include "port/run_directory.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace synfin::port {

namespace {

bool is_ours(const std::string& path) {
    mkdir(path.c_str(), 0755);  // an existing directory is fine; its owner and mode are checked below
    const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return false;
    struct stat status {};
    const bool good = fstat(fd, &status) == 0 && status.st_uid == geteuid() &&
                      (status.st_mode & (S_IWGRP | S_IWOTH)) == 0 && faccessat(fd, ".", W_OK | X_OK, 0) == 0;
    close(fd);
    return good;
}

}  // namespace

std::vector<std::string> run_directories() {
    std::vector<std::string> all{"/run/synfin"};
    const char* own = std::getenv("XDG_RUNTIME_DIR");  // NOLINT(concurrency-mt-unsafe): at the start
    if (own != nullptr && *own == '/') all.push_back(std::string(own) + "/synfin");
    return all;
}

std::string usable_directory(std::span<const std::string> candidates) {
    for (const std::string& path : candidates)
        if (is_ours(path)) return path;
    return {};
}

}  // namespace synfin::port
