#include "port/group_membership.hh"

#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "port/multicast_groups.hh"

namespace synfin::port {

namespace {

bool join(int fd, const packet_mreq& request) noexcept {
    return setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof request) == 0;
}

bool join_each(int fd, int interface, const std::vector<Mac>& groups) noexcept {
    packet_mreq request{};
    request.mr_ifindex = interface;
    request.mr_type = PACKET_MR_MULTICAST;
    request.mr_alen = sizeof(Mac::octets);
    const auto join_one = [&](const Mac& group) {
        std::copy(group.octets.begin(), group.octets.end(), request.mr_address);
        return join(fd, request);
    };
    if (groups.size() <= kMostGroups && std::all_of(groups.begin(), groups.end(), join_one)) return true;
    packet_mreq all{};
    all.mr_ifindex = interface;
    all.mr_type = PACKET_MR_ALLMULTI;
    return join(fd, all);
}

}  // namespace

GroupMembership::GroupMembership(int interface, const std::vector<Mac>& groups)
    : fd_(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)) {  // protocol 0: receives no frame
    if (fd_ >= 0 && join_each(fd_, interface, groups)) return;
    const int error = errno;
    std::array<char, IF_NAMESIZE> buffer{};
    const char* found = if_indextoname(static_cast<unsigned>(interface), buffer.data());
    const std::string name = found != nullptr ? found : "INTERFACE";
    why_not_ = "multicast groups could not be joined on " + name + " (" + std::strerror(error) +
               "), so IPv6 neighbours may not find our addresses: ip link set " + name + " allmulticast on";
}

GroupMembership::~GroupMembership() {
    if (fd_ >= 0) close(fd_);
}

}  // namespace synfin::port
