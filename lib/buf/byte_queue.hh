#pragma once
/// @file
/// ByteQueue: a FIFO of bytes in blocks of a pool. A connection has one per direction: bytes to send or not
/// yet acknowledged, and received bytes that the application has not read.
///
/// Bytes are numbered from the front: offset 0 is the oldest. In a send queue that byte is SND.UNA, so offset
/// = seq - SND.UNA.

#include <cstdint>
#include <cstring>

#include "buf/block_pool.hh"
#include "synfin/check.hh"
#include "synfin/units.hh"

namespace synfin::buf {

/// 16 bytes to keep in a control block. All zero is the empty queue and holds no memory. Copying the struct
/// does not copy the bytes: a queue has one owner, which calls clear() at the end.
struct ByteQueue {
    BlockId head = 0;
    BlockId tail = 0;
    BlockId cursor = 0;          ///< the block where the last forward copy_out() ended, or 0
    uint32_t cursor_offset = 0;  ///< offset of the cursor's first live byte
};
static_assert(sizeof(ByteQueue) == 16);

/// A queue uses small blocks up to this many bytes and large ones beyond. So a request or response takes a
/// few cache lines, and bulk data takes few blocks.
inline constexpr uint32_t kSmallQueueBytes = 4 * BlockPool::kSmallBytes;

/// Bytes in the queue. Its first block holds the number.
inline uint32_t length(const BlockPool& pool, const ByteQueue& queue) noexcept {
    return queue.head == 0 ? 0 : pool[queue.head].queue_bytes;
}

/// Appends a new block to the queue. The caller updates the length in the first block.
inline void link(BlockPool& pool, ByteQueue& queue, BlockId id) noexcept {
    if (queue.head == 0)
        queue.head = id;
    else
        pool[queue.tail].next = id;
    queue.tail = id;
}

/// Copies bytes to the end. It fills the last block first, then takes blocks of the suitable size, and then,
/// when none is left, of the other size.
/// @return how many bytes were copied: fewer than given only when the pool has no block for that use.
uint32_t append(BlockPool& pool, ByteQueue& queue, Bytes bytes,
                BlockPool::Use use = BlockPool::Use::send) noexcept;

/// append_static() copies pieces shorter than this into a non-empty queue. One block then holds many pieces,
/// where each reference would take a block.
inline constexpr uint32_t kLeastReferenced = 512;

uint32_t append_static_behind(BlockPool& pool, ByteQueue& queue, Bytes bytes) noexcept;

/// Appends bytes that neither move nor change until they are released. It references them instead of copying
/// when the queue is empty, when they follow its last bytes in memory, or when there are at least
/// kLeastReferenced.
/// @return how many bytes were appended: fewer than given only when the pool is empty.
inline uint32_t append_static(BlockPool& pool, ByteQueue& queue, Bytes bytes) noexcept {
    BlockId id = 0;
    if (queue.head != 0 || bytes.empty() || (id = pool.allocate(BlockPool::Kind::reference)) == 0)
        [[unlikely]]
        return append_static_behind(pool, queue, bytes);
    pool.set_reference(id, bytes.data());
    queue.head = queue.tail = id;
    SYNFIN_DCHECK(bytes.size() <= UINT32_MAX);
    return pool[id].queue_bytes = pool[id].end = static_cast<uint32_t>(bytes.size());
}

/// Moves all bytes of `from` to the end of `queue` by linking blocks, and leaves `from` empty. It merges the
/// two blocks at the seam if they fit into one, which costs at most one copy of a block's content. `from`
/// must not hold references (fill it by append() only).
void splice(BlockPool& pool, ByteQueue& queue, ByteQueue& from) noexcept;

/// The general cases of release() and copy_out(); only these two call them.
void release_blocks(BlockPool& pool, ByteQueue& queue, uint32_t n) noexcept;
void copy_blocks_out(const BlockPool& pool, ByteQueue& queue, uint32_t offset, MutableBytes out) noexcept;

/// Drops n bytes from the front; n <= length(). Frees blocks that become empty, including the last.
inline void release(BlockPool& pool, ByteQueue& queue, uint32_t n) noexcept {
    if (queue.head == queue.tail && n == length(pool, queue)) {  // common: the ACK of a short response
        if (queue.head != 0) pool.free(queue.head);
        queue = ByteQueue{};
        return;
    }
    release_blocks(pool, queue, n);
}

/// Drops everything.
void clear(BlockPool& pool, ByteQueue& queue) noexcept;

/// Copies out.size() bytes from `offset` on; offset + out.size() <= length(). Nothing is dropped.
/// @note cost: a walk over the blocks from the cursor to the offset, or from the head if the offset is before
///       the cursor. The cursor follows, so sending in order walks each block once. A retransmission near the
///       front leaves the cursor where new data continues.
inline void copy_out(const BlockPool& pool, ByteQueue& queue, uint32_t offset, MutableBytes out) noexcept {
    if (out.empty()) return;
    SYNFIN_DCHECK(uint64_t{offset} + out.size() <= length(pool, queue));
    if (queue.head != queue.tail) return copy_blocks_out(pool, queue, offset, out);
    // One block, as for a request or response: nothing to walk.
    std::memcpy(out.data(), pool.bytes(queue.head) + pool[queue.head].begin + offset, out.size());
    queue.cursor = queue.head;
    queue.cursor_offset = 0;
}

/// The contiguous bytes at the front; empty only when the queue is. Valid until release().
inline Bytes front(const BlockPool& pool, const ByteQueue& queue) noexcept {
    if (queue.head == 0) return {};
    const Block& block = pool[queue.head];
    return Bytes(pool.bytes(queue.head) + block.begin, block.end - block.begin);
}

}  // namespace synfin::buf
