#pragma once
/// @file
/// ByteQueue: a FIFO of bytes in blocks of a pool. One per direction and connection: bytes sent and not yet
/// acknowledged, and bytes received that the application has not taken.
///
/// Bytes are numbered from the front: offset 0 is the oldest. For sending that is SND.UNA (the first byte of
/// text), so offset = seq - SND.UNA.

#include <cstdint>
#include <cstring>

#include "buf/block_pool.hh"
#include "synfin/check.hh"
#include "synfin/units.hh"

namespace synfin::buf {

/// 16 bytes to keep in a control block. All zero is the empty queue, and holds no memory. Copying the struct
/// copies the name of the bytes, not the bytes: there is one owner, which calls clear() at the end.
struct ByteQueue {
    BlockId head = 0;
    BlockId tail = 0;
    BlockId cursor = 0;          ///< the block where the last forward copy_out() ended, or 0
    uint32_t cursor_offset = 0;  ///< offset of the cursor's first live byte
};
static_assert(sizeof(ByteQueue) == 16);

/// A queue is made of small blocks up to this many bytes, of large ones beyond: a request and its answer take
/// a few lines, bulk takes few blocks.
inline constexpr uint32_t kSmallQueueBytes = 4 * BlockPool::kSmallBytes;

/// Bytes in the queue. Kept in its first block.
inline uint32_t length(const BlockPool& pool, const ByteQueue& queue) noexcept {
    return queue.head == 0 ? 0 : pool[queue.head].queue_bytes;
}

/// Makes a new block the queue's last; the first keeps the length, which is the caller's to note.
inline void link(BlockPool& pool, ByteQueue& queue, BlockId id) noexcept {
    if (queue.head == 0)
        queue.head = id;
    else
        pool[queue.tail].next = id;
    queue.tail = id;
}

/// Copies bytes to the end. The room behind the last byte is used first; then blocks of the fitting size;
/// then, when those are used up, of the other.
/// @return how many were taken: fewer than given only when the pool has no block for that use.
uint32_t append(BlockPool& pool, ByteQueue& queue, Bytes bytes,
                BlockPool::Use use = BlockPool::Use::send) noexcept;

/// Fewer static bytes than this are copied behind others: so one block holds many, and a queue holds no more
/// blocks than its bytes are worth.
inline constexpr uint32_t kLeastReferenced = 512;

uint32_t append_static_behind(BlockPool& pool, ByteQueue& queue, Bytes bytes) noexcept;

/// Adds bytes to the end that neither move nor change until they are released. They are not copied when the
/// queue is empty, when they follow its last bytes in memory, or when they are many.
/// @return how many were taken: fewer than given only when the pool is empty.
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

/// Moves all bytes of `from` to the end of `queue`, block by block; the two blocks at the seam become one
/// when they fit. `from` is empty then. Costs at most one copy of a block's content. `from` holds no
/// references (it was filled by append() alone).
void splice(BlockPool& pool, ByteQueue& queue, ByteQueue& from) noexcept;

/// The long ways of release() and copy_out(), which are theirs alone to call.
void release_blocks(BlockPool& pool, ByteQueue& queue, uint32_t n) noexcept;
void copy_blocks_out(const BlockPool& pool, ByteQueue& queue, uint32_t offset, MutableBytes out) noexcept;

/// Drops n bytes from the front; n <= length(). The block that becomes empty is freed, even the last.
inline void release(BlockPool& pool, ByteQueue& queue, uint32_t n) noexcept {
    if (queue.head == queue.tail && n == length(pool, queue)) {  // a short queue, as an answer's ACK does
        if (queue.head != 0) pool.free(queue.head);
        queue = ByteQueue{};
        return;
    }
    release_blocks(pool, queue, n);
}

/// Drops everything.
void clear(BlockPool& pool, ByteQueue& queue) noexcept;

/// Copies out.size() bytes from `offset` on; offset + out.size() <= length(). Nothing is dropped.
/// @note cost: a walk over the blocks between the cursor (or, backwards, the head) and the offset. The cursor
///       follows, so sending in order walks each block once; a retransmission near the front leaves it where
///       new data will be sent from next.
inline void copy_out(const BlockPool& pool, ByteQueue& queue, uint32_t offset, MutableBytes out) noexcept {
    if (out.empty()) return;
    SYNFIN_DCHECK(uint64_t{offset} + out.size() <= length(pool, queue));
    if (queue.head != queue.tail) return copy_blocks_out(pool, queue, offset, out);
    // A request, an answer: nothing to walk.
    std::memcpy(out.data(), pool.bytes(queue.head) + pool[queue.head].begin + offset, out.size());
    queue.cursor = queue.head;
    queue.cursor_offset = 0;
}

/// The first bytes, as many as lie in one piece; empty only when the queue is. Valid until release().
inline Bytes front(const BlockPool& pool, const ByteQueue& queue) noexcept {
    if (queue.head == 0) return {};
    const Block& block = pool[queue.head];
    return Bytes(pool.bytes(queue.head) + block.begin, block.end - block.begin);
}

}  // namespace synfin::buf
