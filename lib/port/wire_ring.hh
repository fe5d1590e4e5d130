#pragma once
/// @file
/// The in-memory wire: frames as records in a ring of shared bytes, one writer and one reader. Frames are
/// copied in and copied out, as over memif or by a NIC's DMA, so that packet buffers never leave their pool.

#include <immintrin.h>

#include <atomic>
#include <cstdint>
#include <cstring>

#include "base/mapped_array.hh"

namespace synfin::port {

/// 32 bytes, in one move where there is AVX2: memcpy() of a constant size is compiled to moves of 16.
inline void copy_32(uint8_t* to, const uint8_t* from) noexcept {
#ifdef __AVX2__
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
#else
    std::memcpy(to, from, 32);
#endif
}

/// Copies a frame between a record (64-byte aligned, the frame after 8 bytes) and a packet buffer: 56 bytes,
/// then blocks of 64. Up to 63 bytes beyond the frame are read and written: both sides must have them.
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
    /// Bytes beyond a frame's last that the reader may touch in its own buffer.
    static constexpr uint32_t kSlack = 64;

    /// `bytes`: a power of two, at least 4 KiB.
    explicit WireRing(uint32_t bytes);

    /// The writer's side, for a burst: frames are copied in, and nobody sees them, nor are they kept, before
    /// publish(). One at a time. @note cost: what it needs lies in registers; members would be read anew
    /// after every byte.
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
        /// False when the ring is full: nothing is changed.
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
        /// Shows everything put so far to the reader.
        void publish() noexcept {
            ring_.writer_.position = at_;
            ring_.head_.store(at_, std::memory_order_release);
        }

      private:
        uint32_t place_of(uint64_t at) const noexcept { return static_cast<uint32_t>(at) & (size_ - 1); }
        /// Looks where the reader is, and goes on at the beginning when the record does not fit before the
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
        uint64_t end_;  ///< where the reader was seen, and a ring further
    };

    /// The reader's side, for a burst. One at a time.
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
        /// The next frame, or null: its bytes stay until release(). Looks at the writer's index only when
        /// what it knew of is used up.
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
        /// Passes the frame that peek() showed.
        void take(uint32_t length) noexcept { at_ += record_bytes(length); }
        /// Gives the room of everything taken back to the writer.
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
    static constexpr uint32_t kSkip = ~uint32_t{0};  ///< instead of a length: the next record is at the start

    static constexpr uint32_t record_bytes(uint32_t length) noexcept {
        return (kHeader + length + kAlign - 1) / kAlign * kAlign;
    }
    static void store_header(uint8_t* at, uint32_t value) noexcept { std::memcpy(at, &value, 4); }
    static uint32_t load_header(const uint8_t* at) noexcept {
        uint32_t value;
        std::memcpy(&value, at, 4);
        return value;
    }

    /// One side's own line: where it is, and where it last saw the other.
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
