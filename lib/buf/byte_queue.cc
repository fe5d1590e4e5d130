#include "buf/byte_queue.hh"

#include <algorithm>
#include <cstring>

namespace synfin::buf {

namespace {

using Kind = BlockPool::Kind;

BlockId allocate_for(BlockPool& pool, uint32_t queue_bytes, BlockPool::Use use) noexcept {
    const bool small = queue_bytes <= kSmallQueueBytes;
    const BlockId id = pool.allocate(small ? Kind::small : Kind::large, use);
    return id != 0 ? id : pool.allocate(small ? Kind::large : Kind::small, use);
}

/// Copies as many bytes as fit behind the block's last byte.
uint32_t fill(BlockPool& pool, BlockId id, Bytes bytes) noexcept {
    Block& block = pool[id];
    const uint32_t capacity = BlockPool::capacity(id);
    if (capacity <= block.end) return 0;
    const auto n = static_cast<uint32_t>(std::min<size_t>(capacity - block.end, bytes.size()));
    std::memcpy(pool.payload(id) + block.end, bytes.data(), n);
    block.end += n;
    return n;
}

}  // namespace

uint32_t append(BlockPool& pool, ByteQueue& queue, Bytes bytes, BlockPool::Use use) noexcept {
    if (bytes.empty()) return 0;
    const uint32_t before = length(pool, queue);
    SYNFIN_DCHECK(bytes.size() <= UINT32_MAX - before);
    const auto wanted = static_cast<uint32_t>(bytes.size());

    uint32_t taken = queue.tail == 0 ? 0 : fill(pool, queue.tail, bytes);
    while (taken < wanted) {
        const BlockId id = allocate_for(pool, before + wanted, use);
        if (id == 0) break;
        taken += fill(pool, id, bytes.subspan(taken));
        link(pool, queue, id);
    }
    if (queue.head != 0) pool[queue.head].queue_bytes = before + taken;
    return taken;
}

/// For a queue that is not empty, or a pool without small blocks.
uint32_t append_static_behind(BlockPool& pool, ByteQueue& queue, Bytes bytes) noexcept {
    if (queue.head == 0 || bytes.empty()) return append(pool, queue, bytes);
    const uint32_t before = length(pool, queue);
    SYNFIN_DCHECK(bytes.size() <= UINT32_MAX - before);
    const auto size = static_cast<uint32_t>(bytes.size());
    const bool goes_on = BlockPool::kind(queue.tail) == Kind::reference &&
                         pool.bytes(queue.tail) + pool[queue.tail].end == bytes.data();
    if (goes_on) {
        pool[queue.tail].end += size;
    } else {
        const bool copies = size < kLeastReferenced || pool.small_are_scarce();
        const BlockId id = copies ? 0 : pool.allocate(Kind::reference);
        if (id == 0) return append(pool, queue, bytes);
        pool.set_reference(id, bytes.data());
        pool[id].end = size;
        link(pool, queue, id);
    }
    pool[queue.head].queue_bytes = before + size;
    return size;
}

void splice(BlockPool& pool, ByteQueue& queue, ByteQueue& from) noexcept {
    if (from.head == 0) return;
    if (queue.head == 0) {
        queue = std::exchange(from, ByteQueue{});
        return;
    }
    const uint32_t total = length(pool, queue) + length(pool, from);
    // Merge at the seam: one-byte segments in reverse order must not take a block each.
    const Bytes seam = front(pool, from);
    const uint32_t room =
        BlockPool::capacity(queue.tail) - std::min(BlockPool::capacity(queue.tail), pool[queue.tail].end);
    if (seam.size() <= room) {
        fill(pool, queue.tail, seam);
        const BlockId emptied = from.head;
        from.head = pool[emptied].next;
        pool.free(emptied);
    }
    if (from.head != 0) {
        pool[queue.tail].next = from.head;
        queue.tail = from.tail;
    }
    pool[queue.head].queue_bytes = total;
    from = ByteQueue{};
}

void release_blocks(BlockPool& pool, ByteQueue& queue, uint32_t n) noexcept {
    const uint32_t before = length(pool, queue);
    SYNFIN_DCHECK(n <= before);
    queue.cursor_offset -= std::min(queue.cursor_offset, n);
    for (uint32_t left = n; left > 0;) {
        const BlockId id = queue.head;
        Block& block = pool[id];
        const uint32_t live = block.end - block.begin;
        if (left < live) {
            block.begin += left;
            break;
        }
        left -= live;
        if (queue.cursor == id) queue.cursor = 0;
        queue.head = block.next;
        pool.free(id);
    }
    if (queue.head == 0)
        queue = ByteQueue{};
    else
        pool[queue.head].queue_bytes = before - n;
}

void clear(BlockPool& pool, ByteQueue& queue) noexcept {
    for (BlockId id = queue.head; id != 0;) {
        const BlockId next = pool[id].next;
        pool.free(id);
        id = next;
    }
    queue = ByteQueue{};
}

void copy_blocks_out(const BlockPool& pool, ByteQueue& queue, uint32_t offset, MutableBytes out) noexcept {
    const bool forward = queue.cursor != 0 && offset >= queue.cursor_offset;
    BlockId id = forward ? queue.cursor : queue.head;
    uint32_t block_offset = forward ? queue.cursor_offset : 0;
    // A retransmission this many blocks from the head moves the cursor, because more may follow there.
    constexpr uint32_t kFarWalk = 8;
    uint32_t walked = 0;

    for (size_t done = 0;;) {
        const Block& block = pool[id];
        const uint32_t live = block.end - block.begin;
        if (offset - block_offset < live) {
            const uint32_t skip = offset - block_offset;
            const size_t n = std::min<size_t>(live - skip, out.size() - done);
            std::memcpy(out.data() + done, pool.bytes(id) + block.begin + skip, n);
            done += n;
            offset += static_cast<uint32_t>(n);
            if (done == out.size()) break;
        }
        block_offset += live;
        id = block.next;
        ++walked;
    }
    if (forward || queue.cursor == 0 || walked > kFarWalk) {
        queue.cursor = id;
        queue.cursor_offset = block_offset;
    }
}

}  // namespace synfin::buf
