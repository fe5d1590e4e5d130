#pragma once
/// @file
/// The in-memory wire: frames as records in a ring of shared bytes, one writer and one reader. Frames are
/// copied in and copied out, as over memif or by a NIC's DMA, so that packet buffers never leave their pool.

#include <atomic>
#include <cstdint>
#include <cstring>

#include "base/mapped_array.hh"

namespace synfin::port {

/// Copies a frame between a record (64-byte aligned, the frame after 8 bytes) and a packet buffer: 56 bytes,
/// then blocks of 64, in the widest moves that there are for sure. Up to 63 bytes beyond the frame are read and
/// written: both sides must have them.
inline void copy_frame(uint8_t* to, const uint8_t* from, uint32_t length) noexcept {
    // memcpy() of a constant size is compiled to moves of 16 bytes; the type says 32.
    using Block = uint64_t __attribute__((vector_size(32), aligned(1), may_alias));
    const auto move = [&](uint32_t at) noexcept {
        *reinterpret_cast<Block*>(to + at) = *reinterpret_cast<const Block*>(from + at);
    };
    move(0);
    std::memcpy(to + 32, from + 32, 24);
    for (uint32_t done = 56; done < length; done += 64) {
        move(done);
        move(done + 32);
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

    // -- the writer's side
    /// Copies one frame in; nobody sees it before publish(). False when the ring is full: nothing is changed.
    bool put(const uint8_t* frame, uint32_t length) noexcept {
        const uint32_t record = record_bytes(length);
        uint64_t at = writer_.position;
        const uint32_t before_end = size_ - (static_cast<uint32_t>(at) & mask_);
        const uint32_t skip = record <= before_end ? 0 : before_end;
        if (at + skip + record - writer_.peer > size_) {
            writer_.peer = tail_.load(std::memory_order_acquire);
            if (at + skip + record - writer_.peer > size_) return false;
        }
        if (skip != 0) {
            store_header(at, kSkip);
            at += skip;
        }
        store_header(at, length);
        copy_frame(bytes_ + (at & mask_) + kHeader, frame, length);
        writer_.position = at + record;
        return true;
    }
    /// Shows everything put so far to the reader.
    void publish() noexcept { head_.store(writer_.position, std::memory_order_release); }

    // -- the reader's side
    /// Whether a frame is there; its bytes stay until release(). Looks at the writer's index only when what
    /// it knew of is used up.
    const uint8_t* peek(uint32_t& length) noexcept {
        if (reader_.position == reader_.peer) {
            reader_.peer = head_.load(std::memory_order_acquire);
            if (reader_.position == reader_.peer) return nullptr;
        }
        uint32_t header = load_header(reader_.position);
        if (header == kSkip) {
            reader_.position += size_ - (static_cast<uint32_t>(reader_.position) & mask_);
            header = load_header(reader_.position);
        }
        length = header;
        return bytes_ + (reader_.position & mask_) + kHeader;
    }
    /// Passes the frame that peek() showed.
    void take(uint32_t length) noexcept { reader_.position += record_bytes(length); }
    /// Gives the room of everything taken back to the writer.
    void release() noexcept { tail_.store(reader_.position, std::memory_order_release); }

    /// The longest frame that always fits in an empty ring.
    uint32_t max_frame() const noexcept { return size_ / 2 - kAlign; }

  private:
    static constexpr uint32_t kSkip = ~uint32_t{0};  ///< instead of a length: the next record is at the start

    static constexpr uint32_t record_bytes(uint32_t length) noexcept {
        return (kHeader + length + kAlign - 1) / kAlign * kAlign;
    }
    void store_header(uint64_t at, uint32_t value) noexcept { std::memcpy(bytes_ + (at & mask_), &value, 4); }
    uint32_t load_header(uint64_t at) const noexcept {
        uint32_t value;
        std::memcpy(&value, bytes_ + (at & mask_), 4);
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
    uint32_t mask_;
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
