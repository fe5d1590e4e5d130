#pragma once
/// @file
/// The data path of a memif: it copies frames out of one ring in shared memory and into the other. The
/// memory's contents are untrusted: no value that the peer writes makes us access memory outside the regions
/// it shared.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/published_count.hh"
#include "port/bell.hh"
#include "port/memif_layout.hh"
#include "port/wire_ring.hh"

namespace synfin::port {

/// Memory that the peer shares, mapped during the session.
struct MemifRegion {
    uint8_t* bytes = nullptr;
    uint64_t size = 0;
};

/// A ring, checked to lie within its region.
struct MemifRing {
    memif::RingHead* head = nullptr;
    uint16_t mask = 0;  ///< descriptors - 1
    int event = -1;     ///< eventfd that wakes a reader that does not poll

    explicit operator bool() const noexcept { return head != nullptr; }
    /// Client: the index of a descriptor's buffer. Buffers are not used in sequence: with a constant stride,
    /// the hardware prefetcher would fetch the next buffers, which the other core is about to write.
    uint32_t buffer(uint16_t at) const noexcept { return (uint32_t{at} ^ uint32_t{at} << 1) & mask; }
    memif::Descriptor* descriptor(uint16_t at) const noexcept {
        return reinterpret_cast<memif::Descriptor*>(head + 1) + (at & mask);
    }
    /// A copy of a descriptor. It is read only once, because the peer may change it at any time.
    memif::Descriptor load(uint16_t at) const noexcept {
        uint64_t halves[2];
        auto* from = reinterpret_cast<uint64_t*>(descriptor(at));
        for (unsigned i = 0; i < 2; ++i) halves[i] = __atomic_load_n(from + i, __ATOMIC_RELAXED);
        memif::Descriptor d;
        std::memcpy(&d, halves, sizeof d);
        return d;
    }
    void store(uint16_t at, uint32_t length, uint16_t flags) const noexcept {
        memif::Descriptor* d = descriptor(at);
        __atomic_store_n(&d->flags, flags, __ATOMIC_RELAXED);
        __atomic_store_n(&d->length, length, __ATOMIC_RELAXED);
    }
};

/// The state of one connection with a peer: the regions and rings that both sides agreed on.
class MemifSession {
  public:
    static constexpr uint16_t kRegions = 64;
    static constexpr uint64_t kMostMemory =
        uint64_t{1} << 32;  ///< of a client, all regions: the kernel charges pages that we read to us
    static constexpr uint8_t kMaxLog2Ring = 14;

    MemifSession() = default;
    ~MemifSession();
    MemifSession(const MemifSession&) = delete;
    MemifSession& operator=(const MemifSession&) = delete;

    /// Client: makes memory for two rings of 2^log2 descriptors and their buffers. Returns a new descriptor
    /// for it, or -1 (errno).
    int make_memory(uint8_t log2, uint32_t buffer_bytes);
    /// Server: maps the client's memory. Takes ownership of the descriptor. Returns what is wrong, or null.
    const char* add_region(int descriptor, uint64_t size);
    /// Server: adds a ring and takes ownership of the eventfd. Returns what is wrong, or null.
    const char* add_ring(const memif::AddRing& ring, int event);
    /// Server: the last step. Returns what is missing, or null.
    const char* finish();

    /// The address of a buffer, or null when it is not within the region.
    uint8_t* at(uint16_t region, uint32_t offset, uint32_t length) const noexcept {
        if (region >= region_count_) return nullptr;
        const MemifRegion& in = regions_[region];
        return length <= in.size && offset <= in.size - length ? in.bytes + offset : nullptr;
    }

    /// Client: the size of the memory and the offset of a ring, to announce to the server.
    uint64_t memory_bytes() const noexcept { return regions_[0].size; }
    uint32_t offset_of(const MemifRing& ring) const noexcept {
        return static_cast<uint32_t>(reinterpret_cast<const uint8_t*>(ring.head) - regions_[0].bytes);
    }

    bool is_client = false;
    MemifRing rx, tx;
    /// Client: its own buffers, at fixed places that do not depend on descriptors.
    uint8_t* rx_buffers = nullptr;
    uint8_t* tx_buffers = nullptr;
    uint32_t buffer_bytes = 0;
    Bell bell;  ///< for the ring's reader; the peer shares its eventfd

  private:
    std::array<MemifRegion, kRegions> regions_{};
    uint16_t region_count_ = 0;
    uint64_t mapped_ = 0;
};

/// Passes a session from the control thread to the data path's thread, and tells the control thread when the
/// data path has released it (a hazard pointer).
class MemifSlot {
  public:
    /// For the data path: the current session, null while no peer is connected. It stays valid until the next
    /// call.
    /// @note cost: one load from a cache line that is rarely written.
    MemifSession* now() noexcept {
        MemifSession* session = offered_.load(std::memory_order_relaxed);
        return session == used_ ? session : change();
    }
    /// For the control thread: null ends the current session.
    void offer(MemifSession* session) noexcept { offered_.store(session, std::memory_order_seq_cst); }
    bool is_held(const MemifSession* session) const noexcept {
        return held_.load(std::memory_order_seq_cst) == session;
    }

  private:
    [[gnu::cold, gnu::noinline]] MemifSession* change() noexcept;

    MemifSession* used_ = nullptr;  ///< copy of held_ for its only writer
    alignas(64) std::atomic<MemifSession*> offered_{nullptr};
    std::atomic<MemifSession*> held_{nullptr};
};

/// The rings of the current session, used by one thread.
class MemifQueues {
  public:
    explicit MemifQueues(MemifSlot& slot, uint32_t max_frame)
        : slot_(slot), joined_(max_frame + WireRing::kSlack) {}
    MemifQueues(const MemifQueues&) = delete;
    MemifQueues& operator=(const MemifQueues&) = delete;

    struct Counters {
        PublishedCount bad;     ///< dropped: descriptors outside the regions, frames without an end
        PublishedCount giants;  ///< dropped: longer than the longest frame
        PublishedCount joined;  ///< frames that arrived in several buffers
        PublishedCount unsent;  ///< lost: the peer's buffers cannot hold the frame
    };
    const Counters& counters() const noexcept { return counters_; }

    class Reader;
    class Writer;

  private:
    /// Prefetch packets this far ahead, as many misses at once as a core has line fill buffers. Without this
    /// each line costs a round trip to the other core, one after another.
    static constexpr uint16_t kAhead = 8;
    static constexpr uint16_t kWriteAhead = 32;

    bool is_connected() noexcept {
        MemifSession* session = slot_.now();
        if (session != session_) [[unlikely]]
            begin(session);
        return session != nullptr;
    }
    [[gnu::cold, gnu::noinline]] void begin(MemifSession* session) noexcept;
    [[gnu::cold, gnu::noinline]] void wake(const MemifRing& ring) noexcept;

    MemifSlot& slot_;
    MemifSession* session_ = nullptr;
    uint16_t rx_at_ = 0, tx_at_ = 0;
    uint16_t tx_end_ = 0;  ///< end of the room that the peer was last seen to have made
    std::vector<uint8_t> joined_;
    Counters counters_;
};

/// The reading side for one burst, like WireRing::Reader. It reads the peer's index once.
class MemifQueues::Reader {
  public:
    explicit Reader(MemifQueues& queues) noexcept : queues_(queues) {
        if (!queues.is_connected()) return;
        session_ = queues.session_;
        ring_ = session_->rx;
        at_ = queues.rx_at_;
        const std::atomic_ref<uint16_t> index(session_->is_client ? ring_.head->tail : ring_.head->head);
        const auto there = static_cast<uint16_t>(index.load(std::memory_order_acquire) - at_);
        // A count larger than the ring is invalid. It is limited, and each descriptor is checked anyway.
        end_ = static_cast<uint16_t>(at_ + std::min<uint32_t>(there, ring_.mask + 1u));
        // The next burst that we send reads the flags in this line.
        __builtin_prefetch(session_->tx.head);
        for (uint16_t i = 0; i < std::min<uint16_t>(left(), 32); i = static_cast<uint16_t>(i + 4))
            __builtin_prefetch(ring_.descriptor(static_cast<uint16_t>(at_ + i)));
        for (uint16_t i = 0; i < std::min(left(), kAhead); ++i) fetch(static_cast<uint16_t>(at_ + i));
    }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    /// The next frame, or null. 63 bytes behind it are readable too. It stays valid until the next peek() or
    /// release().
    const uint8_t* peek(uint32_t& length) noexcept {
        if (at_ == end_) return nullptr;
        if (left() > kAhead) fetch(static_cast<uint16_t>(at_ + kAhead));
        const memif::Descriptor d = ring_.load(at_);
        length = d.length;
        const uint8_t* frame = session_->is_client
                                   ? own_buffer(at_, length)
                                   : session_->at(d.region, d.offset, length + WireRing::kSlack);
        taken_ = 1;
        if ((d.flags & memif::kNext) != 0 || frame == nullptr ||
            length > queues_.joined_.size() - WireRing::kSlack) [[unlikely]]
            return peek_unusual(length);
        return frame;
    }
    /// Consumes the frame that peek() returned.
    void take(uint32_t) noexcept {
        if (taken_ > 1) [[unlikely]]
            ++queues_.counters_.joined;
        pass(taken_);
    }
    void release() noexcept {
        queues_.rx_at_ = at_;
        if (session_->is_client)  // all but the unread descriptors are empty buffers again
            std::atomic_ref(ring_.head->head)
                .store(static_cast<uint16_t>(at_ + ring_.mask + 1), std::memory_order_release);
        else
            std::atomic_ref(ring_.head->tail).store(at_, std::memory_order_release);
    }

  private:
    uint16_t left() const noexcept { return static_cast<uint16_t>(end_ - at_); }
    const uint8_t* own_buffer(uint16_t at, uint32_t length) const noexcept {
        return length <= session_->buffer_bytes
                   ? session_->rx_buffers + size_t{ring_.buffer(at)} * session_->buffer_bytes
                   : nullptr;
    }
    void fetch(uint16_t at) const noexcept {
        const memif::Descriptor d = ring_.load(at);
        const uint8_t* buffer = session_->is_client ? own_buffer(at, 0) : session_->at(d.region, d.offset, 0);
        if (buffer == nullptr) return;
        __builtin_prefetch(buffer);
        __builtin_prefetch(buffer + 64);
        __builtin_prefetch(buffer + (d.length > 128 ? 128 : 64));  // a request or response
    }
    void pass(uint16_t descriptors) noexcept {
        if (session_->is_client) {
            for (uint16_t i = 0; i < descriptors; ++i)
                ring_.store(static_cast<uint16_t>(at_ + i), session_->buffer_bytes, 0);
        } else if (descriptors > 1) [[unlikely]] {
            // DPDK's client does not clear "next" in a frame's first descriptor when it reuses it.
            for (uint16_t i = 0; i < descriptors; ++i)
                __atomic_store_n(&ring_.descriptor(static_cast<uint16_t>(at_ + i))->flags, uint16_t{0},
                                 __ATOMIC_RELAXED);
        }
        at_ = static_cast<uint16_t>(at_ + descriptors);
    }
    [[gnu::cold, gnu::noinline]] const uint8_t* peek_unusual(uint32_t& length) noexcept;

    MemifQueues& queues_;
    MemifSession* session_ = nullptr;
    MemifRing ring_;
    uint16_t at_ = 0, end_ = 0;
    uint16_t taken_ = 0;  ///< descriptors of the frame that peek() returned
};

/// The writing side for one burst, like WireRing::Writer.
class MemifQueues::Writer {
  public:
    explicit Writer(MemifQueues& queues) noexcept : queues_(queues) {
        if (!queues.is_connected()) return;
        session_ = queues.session_;
        ring_ = session_->tx;
        at_ = queues.tx_at_;
        end_ = queues.tx_end_;
    }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    /// Returns false, and changes nothing, when there is no room.
    bool put(const uint8_t* frame, uint32_t length) noexcept {
        if (at_ == end_) [[unlikely]] {
            if (session_ == nullptr || !find_room()) return false;
        }
        uint32_t room = 0;
        uint8_t* buffer = buffer_of(at_, room);
        // copy_frame() copies whole blocks: the last must not exceed the buffer.
        if (buffer == nullptr || length + WireRing::kSlack > room) [[unlikely]]
            return put_unusual(frame, length);
        copy_frame(buffer, frame, length);
        ring_.store(at_, length, 0);
        // Prefetch the lines of the packet one burst later, which are in the other core's cache.
        const auto ahead = static_cast<uint16_t>(at_ + kWriteAhead);
        fetch_to_write(ring_.descriptor(static_cast<uint16_t>(ahead + kWriteAhead)));
        if (uint8_t* next = buffer_of(ahead, room)) {
            fetch_to_write(next);
            fetch_to_write(next + 64);
        }
        at_ = static_cast<uint16_t>(at_ + 1);
        return true;
    }
    void publish() noexcept {
        queues_.tx_at_ = at_;
        std::atomic_ref<uint16_t> index(session_->is_client ? ring_.head->head : ring_.head->tail);
        index.store(at_, std::memory_order_release);
        if ((std::atomic_ref(ring_.head->flags).load(std::memory_order_relaxed) & memif::kPolled) == 0)
            [[unlikely]]
            queues_.wake(ring_);
    }

  private:
    static void fetch_to_write(const void* line) noexcept {
        // Without -mprfchw, GCC compiles a write __builtin_prefetch to the read instruction.
        asm volatile("prefetchw (%0)" : : "r"(line));
    }
    /// The buffer of a descriptor, null when it is not in the peer's memory. Sets `room` to its size.
    uint8_t* buffer_of(uint16_t at, uint32_t& room) const noexcept {
        if (session_->is_client) {
            room = session_->buffer_bytes;
            return session_->tx_buffers + size_t{ring_.buffer(at)} * room;
        }
        const memif::Descriptor d = ring_.load(at);
        room = d.length;
        return session_->at(d.region, d.offset, d.length);
    }
    /// Reads the peer's index. Returns whether there is room now.
    [[gnu::noinline]] bool find_room() noexcept;
    [[gnu::cold, gnu::noinline]] bool put_unusual(const uint8_t* frame, uint32_t length) noexcept;

    MemifQueues& queues_;
    MemifSession* session_ = nullptr;
    MemifRing ring_;
    uint16_t at_ = 0, end_ = 0;
};

}  // namespace synfin::port
