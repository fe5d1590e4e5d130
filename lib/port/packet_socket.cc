#include "port/packet_socket.hh"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "port/device_spec.hh"

namespace synfin::port {

namespace {

constexpr uint32_t kTag = 4;
constexpr uint32_t kAddresses = 12;  ///< both MAC addresses, before the tag
constexpr uint32_t kBlock = 32 * 1024;
/// Room for frames in flight: on a veth, until the other end's softirq has run.
constexpr int kSendBuffer = 8 << 20;

bool set(int fd, int level, int option, int value) noexcept {
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

}  // namespace

bool copy_from_slot(const tpacket2_hdr& header, rte_mbuf& packet) noexcept {
    const uint8_t* frame = reinterpret_cast<const uint8_t*>(&header) + header.tp_mac;
    const bool is_tagged = (header.tp_status & TP_STATUS_VLAN_VALID) != 0;
    const uint32_t length = header.tp_snaplen + (is_tagged ? kTag : 0);
    if (length > rte_pktmbuf_tailroom(&packet) || header.tp_snaplen < kAddresses) return false;
    auto* into = rte_pktmbuf_mtod(&packet, uint8_t*);
    if (is_tagged) {  // the kernel has removed the tag
        const bool says_kind = (header.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;
        const uint16_t tag[2] = {htons(says_kind ? header.tp_vlan_tpid : uint16_t{ETH_P_8021Q}),
                                 htons(header.tp_vlan_tci)};
        std::memcpy(into, frame, kAddresses);
        std::memcpy(into + kAddresses, tag, sizeof tag);
        std::memcpy(into + kAddresses + sizeof tag, frame + kAddresses, header.tp_snaplen - kAddresses);
    } else {
        std::memcpy(into, frame, header.tp_snaplen);
    }
    packet.data_len = static_cast<uint16_t>(length);
    packet.pkt_len = length;
    packet.ol_flags = (header.tp_status & (TP_STATUS_CSUMNOTREADY | TP_STATUS_CSUM_VALID)) != 0
                          ? RTE_MBUF_F_RX_L4_CKSUM_GOOD
                          : 0;
    return true;
}

std::unique_ptr<PacketSocket> PacketSocket::open(const Setup& setup, Refusal& refusal) {
    // Protocol 0: the socket receives nothing until it is bound to the interface.
    const int fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        const int error = errno;
        refusal.because(error == EPERM || error == EACCES ? Error::no_permission : Error::device_failed,
                        "no packet socket for " + setup.name + " (" + std::strerror(error) + ")");
        return nullptr;
    }
    std::unique_ptr<PacketSocket> socket(new PacketSocket(fd, af_packet_slot(setup.max_frame)));
    // Bypass the queueing discipline, and do not receive frames that the host itself sends through the
    // interface (Linux 4.20). The socket works without either option.
    (void)set(fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
    (void)set(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
    if (!set(fd, SOL_SOCKET, SO_SNDBUFFORCE, kSendBuffer)) (void)set(fd, SOL_SOCKET, SO_SNDBUF, kSendBuffer);
    if (!socket->make_ring(setup.name, refusal)) return nullptr;
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = setup.index;
    if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        refusal.because(Error::device_failed, "interface " + setup.name + ": cannot receive from it (" +
                                                  std::strerror(errno) + ")");
        return nullptr;
    }
    if ((setup.makes_group || setup.group != nullptr) && !socket->join(setup, refusal)) return nullptr;
    return socket;
}

PacketSocket::~PacketSocket() {
    if (ring_ != nullptr) munmap(ring_, ring_bytes_);
    close(fd_);
}

bool PacketSocket::make_ring(const std::string& name, Refusal& refusal) {
    const auto refuse = [&](const char* what) {
        return refusal.because(errno == ENOMEM ? Error::no_memory : Error::device_failed,
                               std::string(what) + " for " + name + " (" + std::strerror(errno) + ")");
    };
    if (!set(fd_, SOL_PACKET, PACKET_VERSION, TPACKET_V2)) return refuse("no ring of version 2");
    slots_in_block_ = std::max(1u, kBlock / slot_bytes_);
    block_bytes_ = std::max(kBlock, slot_bytes_);  // a power of two, or whole pages for a single slot
    slots_ = kRing / slots_in_block_ * slots_in_block_;
    tpacket_req request{};
    request.tp_block_size = block_bytes_;
    request.tp_block_nr = slots_ / slots_in_block_;
    request.tp_frame_size = slot_bytes_;
    request.tp_frame_nr = slots_;
    if (setsockopt(fd_, SOL_PACKET, PACKET_RX_RING, &request, sizeof request) != 0)
        return refuse("no kernel memory for the ring of received frames");
    ring_bytes_ = size_t{block_bytes_} * request.tp_block_nr;
    void* memory = mmap(nullptr, ring_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_, 0);
    if (memory == MAP_FAILED) return refuse("no address space for the ring of received frames");
    ring_ = static_cast<uint8_t*>(memory);
    return true;
}

/// The kernel chooses an unused group number (Linux 4.12); the other sockets join by it.
bool PacketSocket::join(const Setup& setup, Refusal& refusal) {
    int value = (PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_ROLLOVER) << 16;
    if (setup.group == nullptr) {
        value |= PACKET_FANOUT_FLAG_UNIQUEID << 16;
    } else {
        socklen_t size = sizeof value;
        int made = 0;
        if (getsockopt(setup.group->fd_, SOL_PACKET, PACKET_FANOUT, &made, &size) == 0)
            value |= made & 0xffff;
    }
    if (set(fd_, SOL_PACKET, PACKET_FANOUT, value)) return true;
    return refusal.because(Error::device_failed, "the kernel does not spread " + setup.name +
                                                     " over several cores (" + std::strerror(errno) +
                                                     "): use one core");
}

tpacket2_hdr* PacketSocket::slot(uint32_t at) const noexcept {
    return reinterpret_cast<tpacket2_hdr*>(ring_ + size_t{at / slots_in_block_} * block_bytes_ +
                                           size_t{at % slots_in_block_} * slot_bytes_);
}

uint16_t PacketSocket::receive(rte_mempool* pool, rte_mbuf** packets, uint16_t n) noexcept {
    uint16_t count = 0;
    while (count < n) {
        tpacket2_hdr* header = slot(at_);
        const std::atomic_ref status(header->tp_status);
        if ((status.load(std::memory_order_acquire) & TP_STATUS_USER) == 0) break;
        rte_mbuf* packet = rte_pktmbuf_alloc(pool);
        if (packet == nullptr) {
            ++counters_.no_buffer;
            break;
        }
        const bool is_whole = header->tp_len <= header->tp_snaplen;
        if (copy_from_slot(*header, *packet)) {
            counters_.rx_bytes += packet->pkt_len;
            counters_.cut += is_whole ? 0 : 1;
            packets[count++] = packet;
        } else {
            ++counters_.giants;
            rte_pktmbuf_free(packet);
        }
        status.store(TP_STATUS_KERNEL, std::memory_order_release);
        at_ = at_ + 1 == slots_ ? 0 : at_ + 1;
    }
    counters_.rx_packets += count;
    return count;
}

uint16_t PacketSocket::send(rte_mbuf** packets, uint16_t n) noexcept {
    std::array<mmsghdr, kBurst> messages{};
    std::array<iovec, kBurst> frames;
    uint16_t taken = 0;
    while (taken < n) {
        const auto batch = std::min<uint16_t>(kBurst, static_cast<uint16_t>(n - taken));
        for (uint16_t i = 0; i < batch; ++i) {
            const rte_mbuf* packet = packets[taken + i];
            frames[i] = {rte_pktmbuf_mtod(packet, void*), packet->data_len};
            messages[i].msg_hdr.msg_iov = &frames[i];
            messages[i].msg_hdr.msg_iovlen = 1;
        }
        int sent = sendmmsg(fd_, messages.data(), batch, MSG_DONTWAIT);
        if (sent < 0) {
            if (errno == EINTR) continue;
            // No room: the engine keeps the packets. On other errors this frame can never be sent, and must
            // not block the others.
            if (errno == EAGAIN || errno == ENOBUFS) break;
            ++counters_.tx_lost;
            rte_pktmbuf_free(packets[taken++]);
            continue;
        }
        for (int i = 0; i < sent; ++i) {
            counters_.tx_bytes += packets[taken]->data_len;
            rte_pktmbuf_free(packets[taken++]);
        }
        counters_.tx_packets += static_cast<unsigned>(sent);
    }
    return taken;
}

uint64_t PacketSocket::missed() const noexcept {
    tpacket_stats now{};
    socklen_t size = sizeof now;
    if (getsockopt(fd_, SOL_PACKET, PACKET_STATISTICS, &now, &size) == 0) missed_ += now.tp_drops;
    return missed_;
}

}  // namespace synfin::port
