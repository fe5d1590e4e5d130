#pragma once
/// @file
/// BlockPool: one engine's memory for bytes that outlive the packet they arrived in, or the send call that
/// passed them. Byte queues (buf/byte_queue.hh) and reassembly (buf/reassembly.hh) are chains of its blocks.

#include <algorithm>
#include <cstdint>

#include "base/mapped_array.hh"
#include "synfin/check.hh"

namespace synfin::buf {

/// Names a block. 0 is none. The two top bits are its kind, so finding capacity and address reads no memory.
using BlockId = uint32_t;

/// The header of every block. The queue's bytes follow, or the address of the application's bytes.
struct Block {
    BlockId next;          ///< 0: the last of its chain
    uint32_t queue_bytes;  ///< valid in a queue's first block: bytes in the whole queue
    uint32_t begin;        ///< first live byte, counted from the payload's (or the referenced bytes') start
    uint32_t end;          ///< past the last live byte
};
static_assert(sizeof(Block) == 16);

/// Blocks of two sizes from two LIFO free lists (the block freed last is most likely in the cache). A block's
/// memory is not touched before its first use. Not thread-safe: one pool per engine.
class BlockPool {
  public:
    enum class Kind : uint32_t { small = 0, large = 1, reference = 2 };
    static constexpr uint32_t kSmallRecord = 64;    ///< bytes with the header: one cache line
    static constexpr uint32_t kLargeRecord = 2048;  ///< bytes with the header: more than a full segment
    static constexpr uint32_t kSmallBytes = kSmallRecord - sizeof(Block);
    static constexpr uint32_t kLargeBytes = kLargeRecord - sizeof(Block);
    /// Text to send may take every block. Received text leaves a quarter of the blocks of each size to it.
    enum class Use : uint8_t { send, receive };

    /// @param small_blocks,large_blocks the most blocks of each size; below 2^30.
    /// @param reserve large blocks that share() leaves alone, for the little that each queue may always hold;
    ///        at most half of them.
    /// @throws std::bad_alloc when there is no address space.
    BlockPool(uint32_t small_blocks, uint32_t large_blocks, uint32_t reserve = 0)
        : small_(small_blocks + size_t{1}),
          large_(large_blocks + size_t{1}),
          shared_(large_blocks - std::min(reserve, large_blocks / 2)) {
        SYNFIN_CHECK(small_blocks < kIndexLimit && large_blocks < kIndexLimit);
    }

    /// Returns an empty block of the kind with a zero header; 0 when none is left. A reference is a small
    /// block that holds an address (see set_reference).
    /// @note cost: a few cycles and the block's cache line.
    BlockId allocate(Kind kind, Use use = Use::send) noexcept {
        const bool large = kind == Kind::large;
        List& list = large ? large_list_ : small_list_;
        if (use == Use::receive && list.in_use >= capacity(large) - capacity(large) / 4) return 0;
        uint32_t index = list.free;
        if (index != 0) {
            list.free = header(large, index).next;
        } else {
            if (list.touched + size_t{1} == (large ? large_.size() : small_.size())) return 0;
            index = ++list.touched;
        }
        ++list.in_use;
        header(large, index) = Block{};
        return static_cast<uint32_t>(kind) << kKindShift | index;
    }

    void free(BlockId id) noexcept {
        SYNFIN_DCHECK((id & kIndexMask) != 0);
        const bool large = kind(id) == Kind::large;
        List& list = large ? large_list_ : small_list_;
        header(large, id & kIndexMask).next = list.free;
        list.free = id & kIndexMask;
        SYNFIN_DCHECK(list.in_use > 0);
        --list.in_use;
    }

    static Kind kind(BlockId id) noexcept { return static_cast<Kind>(id >> kKindShift); }
    /// Bytes that the block can hold; 0 for a reference, because nothing is copied into it.
    static uint32_t capacity(BlockId id) noexcept {
        constexpr uint32_t kCapacity[4] = {kSmallBytes, kLargeBytes, 0, 0};
        return kCapacity[id >> kKindShift];
    }

    Block& operator[](BlockId id) noexcept { return header(kind(id) == Kind::large, id & kIndexMask); }
    const Block& operator[](BlockId id) const noexcept {
        return const_cast<BlockPool&>(*this)[id];  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    }
    /// The first byte of a small or large block.
    uint8_t* payload(BlockId id) noexcept {
        const uint32_t index = id & kIndexMask;
        return kind(id) == Kind::large ? large_[index].payload : small_[index].payload;
    }
    /// The first byte that the block holds or references.
    const uint8_t* bytes(BlockId id) const noexcept {
        const uint32_t index = id & kIndexMask;
        switch (kind(id)) {
            case Kind::small: return small_[index].payload;
            case Kind::large: return large_[index].payload;
            case Kind::reference: break;
        }
        return small_[index].reference;
    }
    void set_reference(BlockId id, const uint8_t* bytes) noexcept {
        SYNFIN_DCHECK(kind(id) == Kind::reference);
        small_[id & kIndexMask].reference = bytes;
    }

    /// Blocks of all kinds in use: 0 when no queue holds bytes.
    uint32_t blocks_in_use() const noexcept { return small_list_.in_use + large_list_.in_use; }
    uint32_t small_in_use() const noexcept { return small_list_.in_use; }
    uint32_t large_in_use() const noexcept { return large_list_.in_use; }
    /// Whether less than half of the small blocks are free.
    bool small_are_scarce() const noexcept { return small_list_.in_use > capacity(false) / 2; }
    /// Free blocks of both sizes; text to send may take them all.
    uint32_t left() const noexcept { return capacity(true) + capacity(false) - blocks_in_use(); }
    /// Bytes that one queue may hold now: no limit while half of the large blocks are free, then a sixteenth
    /// of the free ones (dynamic thresholds: Choudhury and Hahne 1998). If n queues take all they may, a
    /// share of 1/(1 + n/16) of the blocks stays free for others. The reserve counts as in use: many queues
    /// would otherwise take all, because each may hold a little without asking.
    uint32_t share() const noexcept { return is_half_used() ? sixteenth_of_free() : UINT32_MAX; }
    /// Bytes in a sixteenth of the free large blocks, without the reserve; UINT32_MAX if more.
    uint32_t sixteenth_of_free() const noexcept {
        const uint64_t left = uint64_t{shared_ - std::min(shared_, large_list_.in_use)} / 16 * kLargeBytes;
        return left < UINT32_MAX ? static_cast<uint32_t>(left) : UINT32_MAX;
    }
    /// Whether more than half of the large blocks is in use, the reserve aside.
    bool is_half_used() const noexcept { return large_list_.in_use > shared_ / 2; }
    /// Bytes of the blocks that were ever used.
    size_t memory_bytes() const noexcept {
        return size_t{small_list_.touched} * sizeof(Small) + size_t{large_list_.touched} * sizeof(Large);
    }

  private:
    static constexpr uint32_t kKindShift = 30;
    static constexpr uint32_t kIndexLimit = 1u << kKindShift;
    static constexpr uint32_t kIndexMask = kIndexLimit - 1;

    struct alignas(kSmallRecord) Small {
        Block header;
        union {
            uint8_t payload[kSmallBytes];
            const uint8_t* reference;
        };
    };
    struct alignas(64) Large {
        Block header;
        uint8_t payload[kLargeBytes];
    };
    static_assert(sizeof(Small) == kSmallRecord && sizeof(Large) == kLargeRecord);

    struct List {
        uint32_t free = 0;     ///< chained by Block::next
        uint32_t touched = 0;  ///< indices above this were never used
        uint32_t in_use = 0;
    };

    uint32_t capacity(bool large) const noexcept {
        return static_cast<uint32_t>((large ? large_.size() : small_.size()) - 1);
    }
    Block& header(bool large, uint32_t index) noexcept {
        return large ? large_[index].header : small_[index].header;
    }

    MappedArray<Small> small_;
    MappedArray<Large> large_;
    uint32_t shared_;  ///< large blocks without the reserve
    List small_list_, large_list_;
};

}  // namespace synfin::buf
