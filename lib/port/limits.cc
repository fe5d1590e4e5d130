#include "port/limits.hh"

#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <vector>

namespace synfin::port {

std::string lacking_descriptors(unsigned wanted) {
    std::vector<int> opened;
    opened.reserve(wanted);
    for (int fd; opened.size() < wanted && (fd = eventfd(0, EFD_CLOEXEC)) >= 0;) opened.push_back(fd);
    for (const int fd : opened) close(fd);
    if (opened.size() == wanted) return {};
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    return "not enough file descriptors: " + std::to_string(wanted) + " are needed and " +
           std::to_string(opened.size()) + " are left of a limit of " + std::to_string(limit.rlim_cur) +
           "; raise it: ulimit -n 1024";
}

std::string memory_remedy() {
    rlimit limit{};
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        return "the address space limit is " + std::to_string(limit.rlim_cur >> 20) +
               " MiB; raise it: ulimit -v unlimited";
    return "free some memory, or ask for fewer connections, packets or cores";
}

}  // namespace synfin::port
