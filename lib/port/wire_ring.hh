#pragma once
/// @file
/// The in-memory wire: frames as records in a ring of shared bytes, with one writer and one reader. Frames
/// are copied in and out, as with memif or a NIC's DMA, so packet buffers never leave their pool.

#include <immintrin.h>

#include <atomic>
#include <cstdint>
#include <cstring>

#include "base/mapped_array.hh"

namespace synfin::port {

/// Copies 32 bytes, in one move with AVX2: compilers turn memcpy() of a constant size into moves of 16.
inline void copy_32(uint8_t* to, const uint8_t* from) noexcept {
#ifdef __AVX2__
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
#else
    std::memcpy(to, from, 32);
#endif
}

/// Copies a frame between a record (64-byte aligned, the frame after 8 bytes) and a packet buffer: 56 bytes,
/// then blocks of 64. It reads and writes up to 63 bytes beyond the frame, which both sides must have.
inline void copy_frame(uint8_t* to, const uint8_t* from, uint32_t length) noexcept {
    copy_32(to, from);
    copy_32(to + 24, from + 24);
    for (uint32_t done = 56; done < length; done += 64) {
        copy_32(to + done, from + done);
        copy_32(to + done + 32, from + done + 32);
    }
}

/// One direction. A record is 64-byte aligned and never wraps: a header of 8 bytes, then the frame.
class WireRing {
  public:
    static constexpr uint32_t kAlign = 64;
    static constexpr uint32_t kHeader = 8;
    /// Bytes beyond a frame that the reader may write in its own buffer.
    static constexpr uint32_t kSlack = 64;

    /// `bytes`: a power of two, at least 4 KiB.
    explicit WireRing(uint32_t bytes);

    /// The writer's side for one burst. Frames become visible at publish(); without it they are discarded.
    /// Only one Writer may exist at a time.
    /// @note cost: its state stays in registers; the compiler would reload members of the ring after every
    ///       copied byte.
    class Writer {
      public:
        explicit Writer(WireRing& ring) noexcept
            : ring_(ring),
              bytes_(ring.bytes_),
              size_(ring.size_),
              at_(ring.writer_.position),
              end_(ring.writer_.peer + ring.size_) {}
        Writer(const Writer&) = delete;
        Writer& operator=(const Writer&) = delete;
        /// Returns false, and changes nothing, when the ring is full.
        bool put(const uint8_t* frame, uint32_t length) noexcept {
            const uint32_t record = record_bytes(length);
            uint32_t place = place_of(at_);
            if (place + record > size_ || at_ + record > end_) [[unlikely]] {
                if (!make_room(record)) return false;
                place = place_of(at_);
            }
            store_header(bytes_ + place, length);
            copy_frame(bytes_ + place + kHeader, frame, length);
            at_ += record;
            return true;
        }
        /// Makes all frames put so far visible to the reader.
        void publish() noexcept {
            ring_.writer_.position = at_;
            ring_.head_.store(at_, std::memory_order_release);
        }

      private:
        uint32_t place_of(uint64_t at) const noexcept { return static_cast<uint32_t>(at) & (size_ - 1); }
        /// Reads the reader's index, and continues at the beginning when the record does not fit before the
        /// end.
        [[gnu::noinline]] bool make_room(uint32_t record) noexcept {
            const uint32_t place = place_of(at_);
            const uint32_t skip = record <= size_ - place ? 0 : size_ - place;
            if (at_ + skip + record > end_) {
                ring_.writer_.peer = ring_.tail_.load(std::memory_order_acquire);
                end_ = ring_.writer_.peer + size_;
                if (at_ + skip + record > end_) return false;
            }
            if (skip != 0) store_header(bytes_ + place, kSkip);
            at_ += skip;
            return true;
        }

        WireRing& ring_;
        uint8_t* const bytes_;
        const uint32_t size_;
        uint64_t at_;
        uint64_t end_;  ///< last known position of the reader, plus the size of the ring
    };

    /// The reader's side for one burst. Only one Reader may exist at a time.
    class Reader {
      public:
        explicit Reader(WireRing& ring) noexcept
            : ring_(ring),
              bytes_(ring.bytes_),
              size_(ring.size_),
              at_(ring.reader_.position),
              end_(ring.reader_.peer) {}
        Reader(const Reader&) = delete;
        Reader& operator=(const Reader&) = delete;
        /// The next frame, or null. Its bytes stay valid until release(). It reads the writer's index only
        /// when it has consumed all frames it knew of.
        const uint8_t* peek(uint32_t& length) noexcept {
            if (at_ == end_) {
                end_ = ring_.reader_.peer = ring_.head_.load(std::memory_order_acquire);
                if (at_ == end_) return nullptr;
            }
            uint32_t place = static_cast<uint32_t>(at_) & (size_ - 1);
            length = load_header(bytes_ + place);
            if (length == kSkip) [[unlikely]] {
                at_ += size_ - place;
                place = 0;
                length = load_header(bytes_);
            }
            return bytes_ + place + kHeader;
        }
        /// Consumes the frame that peek() returned.
        void take(uint32_t length) noexcept { at_ += record_bytes(length); }
        /// Returns the room of all consumed frames to the writer.
        void release() noexcept {
            ring_.reader_.position = at_;
            ring_.tail_.store(at_, std::memory_order_release);
        }

      private:
        WireRing& ring_;
        const uint8_t* const bytes_;
        const uint32_t size_;
        uint64_t at_, end_;
    };

    /// The longest frame that always fits in an empty ring.
    uint32_t max_frame() const noexcept { return size_ / 2 - kAlign; }

  private:
    static constexpr uint32_t kSkip =
        ~uint32_t{0};  ///< in place of a length: the next record is at the start

    static constexpr uint32_t record_bytes(uint32_t length) noexcept {
        return (kHeader + length + kAlign - 1) / kAlign * kAlign;
    }
    static void store_header(uint8_t* at, uint32_t value) noexcept { std::memcpy(at, &value, 4); }
    static uint32_t load_header(const uint8_t* at) noexcept {
        uint32_t value;
        std::memcpy(&value, at, 4);
        return value;
    }

    /// One side's cache line: its position, and the last position it read of the other side.
    struct alignas(64) Side {
        uint64_t position = 0;
        uint64_t peer = 0;
    };

    MappedArray<uint8_t> memory_;
    uint8_t* bytes_;
    uint32_t size_;
    Side writer_;
    Side reader_;
    alignas(64) std::atomic<uint64_t> head_{0};  ///< published by the writer, bytes since the beginning
    alignas(64) std::atomic<uint64_t> tail_{0};  ///< published by the reader
};

/// Both directions of one wire.
struct Wire {
    explicit Wire(uint32_t bytes) : forward(bytes), backward(bytes) {}
    WireRing forward, backward;
};

}  // namespace synfin::port
