#pragma once
/// @file
/// The data path of a memif: frames are copied out of one ring in shared memory and into the other. What is
/// in there is the peer's word: whatever it says, nothing outside of the memory that it gave is touched.

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

/// Memory that the peer shares: mapped while the session lasts.
struct MemifRegion {
    uint8_t* bytes = nullptr;
    uint64_t size = 0;
};

/// One ring of it, checked to lie in its region.
struct MemifRing {
    memif::RingHead* head = nullptr;
    uint16_t mask = 0;  ///< descriptors - 1
    int event = -1;     ///< eventfd: wakes a reader that does not poll

    explicit operator bool() const noexcept { return head != nullptr; }
    /// Client: which of its buffers a descriptor has. Not one after the other: a processor that sees equal
    /// steps fetches the next buffers unasked, which the other core is about to write.
    uint32_t buffer(uint16_t at) const noexcept { return (uint32_t{at} ^ uint32_t{at} << 1) & mask; }
    memif::Descriptor* descriptor(uint16_t at) const noexcept {
        return reinterpret_cast<memif::Descriptor*>(head + 1) + (at & mask);
    }
    /// What a descriptor says now: read once, for the peer may change it at any time.
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

/// A peer that has come, until it goes: what both sides have agreed on.
class MemifSession {
  public:
    static constexpr uint16_t kRegions = 64;
    static constexpr uint64_t kMostMemory =
        uint64_t{1} << 32;  ///< of a client, all regions: what is read is charged to us
    static constexpr uint8_t kMaxLog2Ring = 14;

    MemifSession() = default;
    ~MemifSession();
    MemifSession(const MemifSession&) = delete;
    MemifSession& operator=(const MemifSession&) = delete;

    /// Client: memory for two rings of 2^log2 and their buffers; a new descriptor for it, or -1 (errno).
    int make_memory(uint8_t log2, uint32_t buffer_bytes);
    /// Server: maps the client's memory. Takes the descriptor. What is wrong with it, or null.
    const char* add_region(int descriptor, uint64_t size);
    /// Server: takes the eventfd. What is wrong with it, or null.
    const char* add_ring(const memif::AddRing& ring, int event);
    /// Server: the last step. What is missing, or null.
    const char* finish();

    /// The bytes of a buffer, or null when they are not in the region.
    uint8_t* at(uint16_t region, uint32_t offset, uint32_t length) const noexcept {
        if (region >= region_count_) return nullptr;
        const MemifRegion& in = regions_[region];
        return length <= in.size && offset <= in.size - length ? in.bytes + offset : nullptr;
    }

    /// Client, for what it tells the server: how much memory, and where a ring is in it.
    uint64_t memory_bytes() const noexcept { return regions_[0].size; }
    uint32_t offset_of(const MemifRing& ring) const noexcept {
        return static_cast<uint32_t>(reinterpret_cast<const uint8_t*>(ring.head) - regions_[0].bytes);
    }

    bool is_client = false;
    MemifRing rx, tx;
    /// Client: its own buffers, which are where they were put, whatever a descriptor says.
    uint8_t* rx_buffers = nullptr;
    uint8_t* tx_buffers = nullptr;
    uint32_t buffer_bytes = 0;
    Bell bell;  ///< for the ring's reader, whose eventfd is the peer's too

  private:
    std::array<MemifRegion, kRegions> regions_{};
    uint16_t region_count_ = 0;
    uint64_t mapped_ = 0;
};

/// Shows a session to the thread that carries frames, and learns when that has let go of it (a hazard
/// pointer). A session is one thread's at a time.
class MemifSlot {
  public:
    /// The thread that carries frames: the session that there is now, null while nobody is at the other end.
    /// Never freed before the next call. @note cost: one load, of a line that is hardly ever written.
    MemifSession* now() noexcept {
        MemifSession* session = offered_.load(std::memory_order_relaxed);
        return session == used_ ? session : change();
    }
    /// The thread that makes sessions: null to end the present one.
    void offer(MemifSession* session) noexcept { offered_.store(session, std::memory_order_seq_cst); }
    bool is_held(const MemifSession* session) const noexcept {
        return held_.load(std::memory_order_seq_cst) == session;
    }

  private:
    [[gnu::cold, gnu::noinline]] MemifSession* change() noexcept;

    MemifSession* used_ = nullptr;  ///< held_, as its only writer knows it
    alignas(64) std::atomic<MemifSession*> offered_{nullptr};
    std::atomic<MemifSession*> held_{nullptr};
};

/// Used by one thread.
class MemifQueues {
  public:
    explicit MemifQueues(MemifSlot& slot, uint32_t max_frame)
        : slot_(slot), joined_(max_frame + WireRing::kSlack) {}
    MemifQueues(const MemifQueues&) = delete;
    MemifQueues& operator=(const MemifQueues&) = delete;

    struct Counters {
        PublishedCount bad;     ///< descriptors that name what is not there, frames without an end: dropped
        PublishedCount giants;  ///< dropped: longer than the longest frame
        PublishedCount joined;  ///< frames that came in several buffers
        PublishedCount unsent;  ///< frames for which the peer's buffers are none: lost
    };
    const Counters& counters() const noexcept { return counters_; }

    class Reader;
    class Writer;

  private:
    /// Lines of packets this far ahead are fetched: as many misses at once as a core has buffers for. Without
    /// it each line costs a way to the other core and back, one after the other.
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
    uint16_t tx_end_ = 0;  ///< up to here the peer was seen to have made room
    std::vector<uint8_t> joined_;
    Counters counters_;
};

/// The reading side, for a burst: as WireRing::Reader. Looks at the peer's index once.
class MemifQueues::Reader {
  public:
    explicit Reader(MemifQueues& queues) noexcept : queues_(queues) {
        if (!queues.is_connected()) return;
        session_ = queues.session_;
        ring_ = session_->rx;
        at_ = queues.rx_at_;
        const std::atomic_ref<uint16_t> index(session_->is_client ? ring_.head->tail : ring_.head->head);
        const auto there = static_cast<uint16_t>(index.load(std::memory_order_acquire) - at_);
        // More than the ring holds is nonsense; of what is taken then, each descriptor is checked.
        end_ = static_cast<uint16_t>(at_ + std::min<uint32_t>(there, ring_.mask + 1u));
        // The next burst that is sent asks for the line of the flags.
        __builtin_prefetch(session_->tx.head);
        for (uint16_t i = 0; i < std::min<uint16_t>(left(), 32); i = static_cast<uint16_t>(i + 4))
            __builtin_prefetch(ring_.descriptor(static_cast<uint16_t>(at_ + i)));
        for (uint16_t i = 0; i < std::min(left(), kAhead); ++i) fetch(static_cast<uint16_t>(at_ + i));
    }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    /// The next frame, or null: 63 bytes behind it may be read, and all stay until the next peek() or
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
    /// Passes the frame that peek() showed.
    void take(uint32_t) noexcept {
        if (taken_ > 1) [[unlikely]]
            ++queues_.counters_.joined;
        pass(taken_);
    }
    void release() noexcept {
        queues_.rx_at_ = at_;
        if (session_->is_client)  // all but what was not read yet are empty buffers again
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
        __builtin_prefetch(buffer + (d.length > 128 ? 128 : 64));  // a request, an answer
    }
    void pass(uint16_t descriptors) noexcept {
        if (session_->is_client) {
            for (uint16_t i = 0; i < descriptors; ++i)
                ring_.store(static_cast<uint16_t>(at_ + i), session_->buffer_bytes, 0);
        } else if (descriptors > 1) [[unlikely]] {
            // DPDK's client leaves "next" in a frame's first descriptor, for whatever it puts there a ring
            // later.
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
    uint16_t taken_ = 0;  ///< descriptors of the frame that was shown
};

/// The writing side, for a burst: as WireRing::Writer.
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

    /// False when there is no room: nothing is changed.
    bool put(const uint8_t* frame, uint32_t length) noexcept {
        if (at_ == end_) [[unlikely]] {
            if (session_ == nullptr || !find_room()) return false;
        }
        uint32_t room = 0;
        uint8_t* buffer = buffer_of(at_, room);
        // Whole blocks are copied: the last must not reach beyond the buffer.
        if (buffer == nullptr || length + WireRing::kSlack > room) [[unlikely]]
            return put_unusual(frame, length);
        copy_frame(buffer, frame, length);
        ring_.store(at_, length, 0);
        // Where a packet will be written a burst from now: its lines are in the other core's cache.
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
        // GCC gives a __builtin_prefetch for writing the instruction for reading, without -mprfchw.
        asm volatile("prefetchw (%0)" : : "r"(line));
    }
    /// Null when it is not in the peer's memory. `room` is set to its bytes.
    uint8_t* buffer_of(uint16_t at, uint32_t& room) const noexcept {
        if (session_->is_client) {
            room = session_->buffer_bytes;
            return session_->tx_buffers + size_t{ring_.buffer(at)} * room;
        }
        const memif::Descriptor d = ring_.load(at);
        room = d.length;
        return session_->at(d.region, d.offset, d.length);
    }
    /// Looks how far the peer has come; whether there is room now.
    [[gnu::noinline]] bool find_room() noexcept;
    [[gnu::cold, gnu::noinline]] bool put_unusual(const uint8_t* frame, uint32_t length) noexcept;

    MemifQueues& queues_;
    MemifSession* session_ = nullptr;
    MemifRing ring_;
    uint16_t at_ = 0, end_ = 0;
};

}  // namespace synfin::port
