#include "port/memif_link.hh"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "port/core_threads.hh"

namespace synfin::port {

using memif::Message;
using memif::MessageType;

namespace {

constexpr int kKnockEveryMs = 20;  ///< for a client without a server
constexpr int kLookEveryMs = 5;    ///< checks whether the data path has released an ended session
constexpr auto kHandshake = std::chrono::seconds(1);  ///< the longest handshake

template <size_t N>
void write_text(uint8_t (&to)[N], std::string_view text) {
    const size_t size = std::min(text.size(), N - 1);
    std::memcpy(to, text.data(), size);
    to[size] = 0;
}

Message message_of(MessageType type) {
    Message message{};
    message.type = type;
    return message;
}

sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
}

OwnDescriptor make_socket() {
    return OwnDescriptor(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

}  // namespace

void OwnDescriptor::reset(int descriptor) noexcept {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = descriptor;
}

bool send_message(int channel, const Message& message, int descriptor) {
    iovec part{const_cast<Message*>(&message), sizeof message};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (descriptor >= 0) {
        header.msg_control = control;
        header.msg_controllen = sizeof control;
        cmsghdr* c = CMSG_FIRSTHDR(&header);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(c), &descriptor, sizeof descriptor);
    }
    return ::sendmsg(channel, &header, MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(sizeof message);
}

std::unique_ptr<MemifLink> MemifLink::open(const Plan& plan, Refusal& refusal) {
    std::unique_ptr<MemifLink> link(new MemifLink(plan));
    link->wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!link->wake_) {
        refusal.because(Error::device_failed, std::string("no eventfd: ") + std::strerror(errno));
        return nullptr;
    }
    if (plan.role == MemifRole::server && !link->listen(refusal)) return nullptr;
    link->thread_ = std::thread([self = link.get()] { self->run(); });
    return link;
}

MemifLink::~MemifLink() {
    if (thread_.joinable()) {
        is_ending_.store(true);
        static_cast<void>(::eventfd_write(wake_.get(), 1));
        thread_.join();
        hang_up("Device closed");
    }
    if (listener_) ::unlink(plan_.path.c_str());
}

bool MemifLink::listen(Refusal& refusal) {
    listener_ = make_socket();
    const sockaddr_un address = address_of(plan_.path);
    if (listener_ &&
        ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
        ::listen(listener_.get(), 4) == 0)
        return true;
    const int error = errno;
    listener_.reset();
    return refusal.because(error == EACCES || error == EPERM ? Error::no_permission : Error::device_failed,
                           "no socket at " + plan_.path + ": " + std::strerror(error));
}

void MemifLink::run() {
    block_signals();
    while (!is_ending_.load()) {
        if (ended_ && !slot_.is_held(ended_.get())) ended_.reset();
        if (channel_ && !session_ && std::chrono::steady_clock::now() > handshake_end_) hang_up("Too slow");
        const bool is_free = !ended_ && !channel_;
        if (is_free && plan_.role == MemifRole::client && std::chrono::steady_clock::now() >= next_knock_)
            knock();
        const bool may_accept = plan_.role == MemifRole::server && !ended_;
        // poll() ignores negative descriptors.
        std::array<pollfd, 3> wait{pollfd{wake_.get(), POLLIN, 0},
                                   pollfd{may_accept ? listener_.get() : -1, POLLIN, 0},
                                   pollfd{channel_.get(), POLLIN, 0}};
        const bool is_client = plan_.role == MemifRole::client;
        const int timeout = ended_ ? kLookEveryMs : (is_client || channel_) && !session_ ? kKnockEveryMs : -1;
        if (::poll(wait.data(), wait.size(), timeout) <= 0) continue;
        if (wait[2].revents != 0) receive();
        if (wait[1].revents != 0 && !ended_) accept();
    }
}

void MemifLink::knock() {
    next_knock_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(kKnockEveryMs);
    OwnDescriptor socket = make_socket();
    const sockaddr_un address = address_of(plan_.path);
    if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return;  // not there yet
    channel_ = std::move(socket);
    step_ = Step::hello;
    handshake_end_ = std::chrono::steady_clock::now() + kHandshake;
}

void MemifLink::accept() {
    OwnDescriptor peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!peer) {  // no file descriptor is left: do not retry immediately
        std::this_thread::sleep_for(std::chrono::milliseconds(kKnockEveryMs));
        return;
    }
    if (channel_) {  // one client at a time
        Message message = message_of(MessageType::disconnect);
        write_text(message.disconnect.reason, "Already connected");
        static_cast<void>(send_message(peer.get(), message));
        return;
    }
    channel_ = std::move(peer);
    is_initialized_ = false;
    handshake_end_ = std::chrono::steady_clock::now() + kHandshake;
    building_ = std::make_unique<MemifSession>();
    Message message = message_of(MessageType::hello);
    write_text(message.hello.name, "synfin");
    message.hello.min_version = message.hello.max_version = memif::kVersion;
    message.hello.max_region = MemifSession::kRegions - 1;
    message.hello.max_log2_ring_size = MemifSession::kMaxLog2Ring;
    if (!send(message)) hang_up(nullptr);
}

void MemifLink::receive() {
    Message message;
    iovec part{&message, sizeof message};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(ucred))];
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    const ssize_t size = ::recvmsg(channel_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    OwnDescriptor passed;
    if (size >= 0) {  // an empty message may carry descriptors too
        for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
            if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
            for (size_t at = 0; at + sizeof(int) <= c->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
                int descriptor;
                std::memcpy(&descriptor, CMSG_DATA(c) + at, sizeof descriptor);
                // close() of a socket with SO_LINGER would block this thread for as long as the peer chose.
                constexpr linger kNone{};
                static_cast<void>(::setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &kNone, sizeof kNone));
                passed.reset(descriptor);  // the last one, if there are several
            }
        }
    }
    if (size <= 0) return hang_up(nullptr);
    if (size != sizeof message) return hang_up("Invalid message size");
    if (const char* wrong = handle(message, std::move(passed))) hang_up(wrong);
}

const char* MemifLink::handle(const Message& message, OwnDescriptor passed) {
    if (message.type == MessageType::disconnect) {
        hang_up(nullptr);
        return nullptr;
    }
    if (session_) return "Unexpected message";
    return plan_.role == MemifRole::server ? handle_as_server(message, std::move(passed))
                                           : handle_as_client(message);
}

const char* MemifLink::handle_as_server(const Message& message, OwnDescriptor passed) {
    const char* wrong = nullptr;
    if (message.type != MessageType::init && !is_initialized_) return "Unexpected message";
    switch (message.type) {
        case MessageType::init:
            if (is_initialized_) return "Unexpected message";
            if (message.init.version != memif::kVersion) return "Incompatible memif version";
            if (message.init.id != 0) return "ID not found";
            if (message.init.mode != memif::kModeEthernet) return "Only ethernet mode supported";
            is_initialized_ = true;
            break;
        case MessageType::add_region:
            if (!passed) return "Missing region fd";
            wrong = building_->add_region(passed.release(), message.add_region.size);
            break;
        case MessageType::add_ring: wrong = building_->add_ring(message.add_ring, passed.release()); break;
        case MessageType::connect: {
            wrong = building_->finish();
            if (wrong != nullptr) return wrong;
            Message connected = message_of(MessageType::connected);
            write_text(connected.connected.name, "synfin");
            if (!send(connected)) return "";
            show();
            return nullptr;
        }
        case MessageType::none:
        case MessageType::ack:
        case MessageType::hello:
        case MessageType::connected:
        case MessageType::disconnect:
        default: return "Unexpected message";
    }
    if (wrong == nullptr && !send(message_of(MessageType::ack))) return "";
    return wrong;
}

const char* MemifLink::handle_as_client(const Message& message) {
    switch (step_) {
        case Step::hello:
            if (message.type != MessageType::hello) return "Unexpected message";
            if (message.hello.min_version > memif::kVersion || message.hello.max_version < memif::kVersion)
                return "Incompatible memif version";
            log2_ring_ = std::min(kLog2Ring, message.hello.max_log2_ring_size);
            if (log2_ring_ == 0) return "Invalid ring size";
            return next_step();
        case Step::connected:
            if (message.type != MessageType::connected) return "Unexpected message";
            show();
            return nullptr;
        case Step::init:
        case Step::region:
        case Step::ring_to_server:
        case Step::ring_to_client:
            return message.type == MessageType::ack ? next_step() : "Unexpected message";
        case Step::done: break;
    }
    return "Unexpected message";
}

/// Sends the message of the next step, and sets `step_` to it.
const char* MemifLink::next_step() {
    step_ = static_cast<Step>(static_cast<uint8_t>(step_) + 1);
    Message message{};
    int descriptor = -1;
    switch (step_) {
        case Step::init:
            message.type = MessageType::init;
            message.init.version = memif::kVersion;
            message.init.mode = memif::kModeEthernet;
            write_text(message.init.name, "synfin");
            break;
        case Step::region:
            building_ = std::make_unique<MemifSession>();
            memory_.reset(building_->make_memory(log2_ring_, plan_.buffer_bytes));
            if (!memory_) return "No memory";
            message.type = MessageType::add_region;
            message.add_region.size = building_->memory_bytes();
            descriptor = memory_.get();
            break;
        case Step::ring_to_server:
        case Step::ring_to_client: {
            const bool to_server = step_ == Step::ring_to_server;
            const MemifRing& ring = to_server ? building_->tx : building_->rx;
            message.type = MessageType::add_ring;
            message.add_ring.flags = to_server ? memif::kRingToServer : 0;
            message.add_ring.offset = building_->offset_of(ring);
            message.add_ring.log2_ring_size = log2_ring_;
            descriptor = ring.event;
            break;
        }
        case Step::connected:
            memory_.reset();
            message.type = MessageType::connect;
            write_text(message.connect.name, "synfin");
            break;
        case Step::hello:
        case Step::done: return "Unexpected message";
    }
    return send(message, descriptor) ? nullptr : "";
}

void MemifLink::show() {
    step_ = Step::done;
    session_ = std::move(building_);
    slot_.offer(session_.get());
    is_up_.store(true, std::memory_order_relaxed);
}

/// `why`: the reason sent to the peer; null or empty: nothing is sent, because the peer has gone.
void MemifLink::hang_up(const char* why) {
    if (channel_ && why != nullptr && *why != '\0') {
        Message message = message_of(MessageType::disconnect);
        write_text(message.disconnect.reason, why);
        static_cast<void>(send(message));
    }
    channel_.reset();
    memory_.reset();
    building_.reset();
    if (!session_) return;
    // The peer's last packets, maybe a RST, are still in the ring: leave time to read them.
    if (!is_ending_.load()) std::this_thread::sleep_for(std::chrono::milliseconds(kLookEveryMs));
    slot_.offer(nullptr);
    is_up_.store(false, std::memory_order_relaxed);
    ended_ = std::move(session_);
}

}  // namespace synfin::port
