#include "address_lock.hh"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>

#include "user_error.hh"

namespace synfin::app {

namespace {

/// An abstract name: a zero byte, then text, which fits. Returns its length.
socklen_t abstract_name(sockaddr_un& address, const std::string& text) {
    address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, text.data(), text.size());
    return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
}

pid_t holder(const sockaddr_un& address, socklen_t length) {
    const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ucred peer{};
    socklen_t size = sizeof peer;
    const bool known = probe >= 0 &&
                       connect(probe, reinterpret_cast<const sockaddr*>(&address), length) == 0 &&
                       getsockopt(probe, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
    if (probe >= 0) close(probe);
    return known ? peer.pid : 0;
}

}  // namespace

AddressLock::AddressLock(const std::string& device, const std::vector<Cidr>& addresses) {
    for (const Cidr& cidr : addresses) {
        sockaddr_un name{};
        std::string text = fmt::format("synfin/{}/{}", cidr.addr.text(), device);
        if (text.size() >= sizeof name.sun_path)  // a long path: two of them may begin alike
            text = fmt::format("synfin/{}/#{:016x}", cidr.addr.text(), std::hash<std::string>{}(device));
        const socklen_t length = abstract_name(name, text);
        const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) throw run_error(fmt::format("no unix socket to be had: {}", std::strerror(errno)));
        sockets_.push_back(fd);
        if (bind(fd, reinterpret_cast<const sockaddr*>(&name), length) == 0 && listen(fd, 1) == 0) continue;
        const pid_t pid = holder(name, length);
        for (const int held : sockets_) close(held);
        throw run_error(fmt::format("{} on {} is already served by another synfin{}", cidr.addr.text(),
                                    device, pid != 0 ? fmt::format(" (process {})", pid) : ""),
                        "end that one first, or use another address or device");
    }
}

AddressLock::~AddressLock() {
    for (const int fd : sockets_) close(fd);
}

}  // namespace synfin::app
