#include "port/memif_queues.hh"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include <cerrno>
#include <string>
#include <string_view>

namespace synfin::port {

using memif::Descriptor;
using memif::RingHead;

// -- sessions

namespace {

/// The data path writes to this descriptor, so it must be an eventfd: a pipe could kill the process (SIGPIPE)
/// or block it.
bool is_eventfd(int descriptor) {
    char target[64] = {};
    const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
    return ::readlink(link.c_str(), target, sizeof target - 1) > 0 &&
           std::string_view(target) == "anon_inode:[eventfd]" &&
           ::fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0;
}

uint64_t ring_bytes(uint8_t log2) noexcept {
    return sizeof(RingHead) + (sizeof(Descriptor) << log2);
}

}  // namespace

MemifSession::~MemifSession() {
    for (uint16_t i = 0; i < region_count_; ++i) ::munmap(regions_[i].bytes, regions_[i].size);
    for (const MemifRing& ring : {rx, tx})
        if (ring.event >= 0) ::close(ring.event);
}

int MemifSession::make_memory(uint8_t log2, uint32_t bytes_of_buffer) {
    const uint64_t ring = ring_bytes(log2), buffers = uint64_t{bytes_of_buffer} << log2;
    // Copies in whole blocks read beyond the last buffer.
    const uint64_t size = 2 * ring + 2 * buffers + WireRing::kSlack;
    const int descriptor = ::memfd_create("synfin-memif", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0) return -1;
    void* memory = MAP_FAILED;
    if (::ftruncate(descriptor, static_cast<off_t>(size)) == 0 &&
        ::fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK) == 0)
        memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor, 0);
    rx.event = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    tx.event = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (memory != MAP_FAILED) regions_[region_count_++] = {static_cast<uint8_t*>(memory), size};
    if (memory == MAP_FAILED || rx.event < 0 || tx.event < 0) {
        ::close(descriptor);
        return -1;
    }
    is_client = true;
    buffer_bytes = bytes_of_buffer;
    auto* bytes = static_cast<uint8_t*>(memory);
    tx_buffers = bytes + 2 * ring;
    rx_buffers = tx_buffers + buffers;
    MemifRing* const rings[] = {&tx, &rx};
    for (unsigned i = 0; i < 2; ++i) {
        MemifRing& here = *rings[i];
        here.head = reinterpret_cast<RingHead*>(bytes + i * ring);
        here.head->cookie = memif::kCookie;
        here.mask = static_cast<uint16_t>((1u << log2) - 1);
        for (uint32_t at = 0; at <= here.mask; ++at) {
            Descriptor& d = *here.descriptor(static_cast<uint16_t>(at));
            d.length = bytes_of_buffer;
            d.offset = static_cast<uint32_t>(2 * ring + i * buffers +
                                             here.buffer(static_cast<uint16_t>(at)) * bytes_of_buffer);
        }
    }
    return descriptor;
}

const char* MemifSession::add_region(int descriptor, uint64_t size) {
    struct Closer {
        int descriptor;
        ~Closer() { ::close(descriptor); }
    } const closer{descriptor};
    if (region_count_ == kRegions) return "Too many regions";
    // If the file shrank, a copy would end in SIGBUS; so would a hole in hugepages when none is free.
    struct statfs system {};
    if (::fstatfs(descriptor, &system) != 0 || system.f_type == HUGETLBFS_MAGIC)
        return "Region is of hugepages";
    const int seals = ::fcntl(descriptor, F_GET_SEALS);
    if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) return "Region is not sealed against shrinking";
    struct stat status {};
    if (::fstat(descriptor, &status) != 0 || size == 0 || static_cast<uint64_t>(status.st_size) < size)
        return "Region is smaller than announced";
    if (size > kMostMemory - mapped_) return "Regions are too large";
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (memory == MAP_FAILED) return "Region cannot be mapped";
    regions_[region_count_++] = {static_cast<uint8_t*>(memory), size};
    mapped_ += size;
    return nullptr;
}

const char* MemifSession::add_ring(const memif::AddRing& ring, int event) {
    MemifRing& here = (ring.flags & memif::kRingToServer) != 0 ? rx : tx;
    const bool is_first = !here && here.event < 0;
    if (is_first) here.event = event;
    if (!is_first || ring.index != 0) {
        if (!is_first && event >= 0) ::close(event);
        return "Invalid ring index";
    }
    if (event >= 0 && !is_eventfd(event)) return "Interrupt fd is no eventfd";
    if (ring.log2_ring_size == 0 || ring.log2_ring_size > kMaxLog2Ring) return "Invalid ring size";
    uint8_t* memory = at(ring.region, ring.offset, static_cast<uint32_t>(ring_bytes(ring.log2_ring_size)));
    if (memory == nullptr || reinterpret_cast<uintptr_t>(memory) % alignof(RingHead) != 0)
        return "Ring is not in its region";
    here.head = reinterpret_cast<RingHead*>(memory);
    here.mask = static_cast<uint16_t>((1u << ring.log2_ring_size) - 1);
    return nullptr;
}

const char* MemifSession::finish() {
    for (const MemifRing& ring : {rx, tx})
        if (!ring || ring.head->cookie != memif::kCookie) return "Wrong ring";
    return nullptr;
}

// -- passing sessions between threads

/// Publishes the session it holds, then checks again that the session is still offered. The control thread
/// does the two in the other order, so at least one of the threads sees the other's store. A change always
/// passes through null: a new session may have the address of the old one, and the data path would not notice
/// the change.
MemifSession* MemifSlot::change() noexcept {
    MemifSession* session = used_ == nullptr ? offered_.load(std::memory_order_seq_cst) : nullptr;
    held_.store(session, std::memory_order_seq_cst);
    if (session != nullptr && offered_.load(std::memory_order_seq_cst) != session) {
        session = nullptr;
        held_.store(nullptr, std::memory_order_seq_cst);
    }
    return used_ = session;
}

// -- the data path

void MemifQueues::begin(MemifSession* session) noexcept {
    session_ = session;
    if (session == nullptr) return;
    RingHead& rx = *session->rx.head;
    RingHead& tx = *session->tx.head;
    rx_at_ = std::atomic_ref(rx.tail).load(std::memory_order_acquire);
    tx_at_ = tx_end_ =
        std::atomic_ref(session->is_client ? tx.head : tx.tail).load(std::memory_order_acquire);
    std::atomic_ref(rx.flags).store(memif::kPolled, std::memory_order_relaxed);
    if (session->is_client)  // all buffers are empty
        std::atomic_ref(rx.head).store(static_cast<uint16_t>(rx_at_ + session->rx.mask + 1),
                                       std::memory_order_release);
}

void MemifQueues::wake(const MemifRing& ring) noexcept {
    if (ring.event >= 0) session_->bell.ring(ring.event);
}

/// Handles frames in several buffers, and invalid descriptors.
const uint8_t* MemifQueues::Reader::peek_unusual(uint32_t& length) noexcept {
    const size_t longest = queues_.joined_.size() - WireRing::kSlack;
    bool has_dropped = false;
    const uint8_t* frame = nullptr;
    while (frame == nullptr && at_ != end_) {
        size_t total = 0;
        uint16_t parts = 0;
        bool is_bad = false, is_giant = false, has_more = true;
        while (has_more && parts != left()) {
            const auto at = static_cast<uint16_t>(at_ + parts++);
            const Descriptor d = ring_.load(at);
            has_more = (d.flags & memif::kNext) != 0;
            const uint8_t* part =
                session_->is_client ? own_buffer(at, d.length) : session_->at(d.region, d.offset, d.length);
            if (part == nullptr) {
                is_bad = true;
            } else if (total + d.length > longest) {
                is_giant = true;
            } else {
                std::memcpy(queues_.joined_.data() + total, part, d.length);
                total += d.length;
            }
        }
        if (is_bad || has_more || is_giant) {
            ++(is_bad || has_more ? queues_.counters_.bad : queues_.counters_.giants);
            pass(parts);
            has_dropped = true;
            continue;
        }
        length = static_cast<uint32_t>(total);
        taken_ = parts;
        frame = queues_.joined_.data();
    }
    if (has_dropped) release();
    return frame;
}

bool MemifQueues::Writer::find_room() noexcept {
    const uint32_t size = ring_.mask + 1u;
    const bool is_client = session_->is_client;
    const std::atomic_ref<uint16_t> index(is_client ? ring_.head->tail : ring_.head->head);
    const uint16_t seen = index.load(std::memory_order_acquire);
    const auto room = static_cast<uint16_t>(seen + (is_client ? size : 0) - at_);
    end_ = queues_.tx_end_ = static_cast<uint16_t>(at_ + std::min<uint32_t>(room, size));
    return end_ != at_;
}

/// Sends a frame that fills its buffer to within a block, or needs several buffers.
bool MemifQueues::Writer::put_unusual(const uint8_t* frame, uint32_t length) noexcept {
    uint16_t at = at_;
    for (uint32_t done = 0; done < length;) {
        if (at == end_) {
            find_room();
            if (at == end_) {
                if (static_cast<uint16_t>(at - at_) <= ring_.mask) return false;
                ++queues_.counters_.unsent;  // all of the peer's buffers together are too small: the frame
                                             // would wait for ever
                return true;
            }
        }
        uint32_t room = 0;
        uint8_t* buffer = buffer_of(at, room);
        if (buffer == nullptr || room == 0) {  // the frame is lost: the descriptor gets length 0
            ++queues_.counters_.unsent;
            ring_.store(at_, 0, 0);
            at_ = static_cast<uint16_t>(at_ + 1);
            return true;
        }
        const uint32_t part = std::min(room, length - done);
        std::memcpy(buffer, frame + done, part);
        done += part;
        ring_.store(at, part, done < length ? memif::kNext : 0);
        at = static_cast<uint16_t>(at + 1);
    }
    at_ = at;
    return true;
}

}  // namespace synfin::port
