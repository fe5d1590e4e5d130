#include "buf/reassembly.hh"

#include <algorithm>

namespace synfin::buf {

namespace {

/// Signed distance from `from` to `to` on the circle of sequence numbers (RFC 9293 3.4).
int32_t distance(uint32_t from, uint32_t to) noexcept {
    return static_cast<int32_t>(to - from);
}
bool before(uint32_t a, uint32_t b) noexcept {
    return distance(a, b) > 0;
}

}  // namespace

ReassemblyPool::ReassemblyPool(BlockPool& blocks, uint32_t records, uint32_t max_ranges, uint32_t max_bytes)
    : blocks_(blocks), records_(records + size_t{1}), max_ranges_(max_ranges), max_bytes_(max_bytes) {
    SYNFIN_CHECK(max_ranges >= 1 && max_ranges <= kMaxRanges);
}

uint32_t ReassemblyPool::allocate() noexcept {
    uint32_t index = free_;
    if (index != 0) {
        free_ = records_[index].next_free;
    } else {
        if (touched_ + size_t{1} == records_.size()) return 0;
        index = ++touched_;
    }
    Record& record = records_[index];
    record.next_free = record.count = record.bytes = record.clock = record.fin_seq = 0;
    record.has_fin = false;  // ranges beyond `count` need no clearing
    ++in_use_;
    return index;
}

void ReassemblyPool::release(uint32_t& index) noexcept {
    if (index == 0) return;
    Record& record = records_[index];
    for (uint32_t i = 0; i < record.count; ++i) clear(blocks_, record.ranges[i].queue);
    record.count = 0;
    record.has_fin = false;
    record.next_free = free_;
    free_ = index;
    --in_use_;
    index = 0;
}

void ReassemblyPool::free_if_empty(uint32_t& index) noexcept {
    if (records_[index].count == 0 && !records_[index].has_fin) release(index);
}

void ReassemblyPool::open_gap(Record& record, uint32_t at) noexcept {
    std::copy_backward(record.ranges + at, record.ranges + record.count, record.ranges + record.count + 1);
    ++record.count;
}

void ReassemblyPool::close_gap(Record& record, uint32_t at) noexcept {
    std::copy(record.ranges + at + 1, record.ranges + record.count, record.ranges + at);
    --record.count;
}

void ReassemblyPool::drop_front(Record& record, uint32_t n) noexcept {
    Range& first = record.ranges[0];
    buf::release(blocks_, first.queue, n);
    first.left += n;
    record.bytes -= n;
    if (first.left == first.right) close_gap(record, 0);
}

void ReassemblyPool::drop_before(Record& record, uint32_t rcv_nxt) noexcept {
    while (record.count > 0 && before(record.ranges[0].left, rcv_nxt)) {
        const Range& first = record.ranges[0];
        drop_front(record, before(rcv_nxt, first.right) ? rcv_nxt - first.left : first.right - first.left);
    }
}

Insert ReassemblyPool::insert(uint32_t& index, uint32_t rcv_nxt, uint32_t seq, Bytes bytes,
                              bool fin) noexcept {
    const uint32_t fin_seq = seq + static_cast<uint32_t>(bytes.size());
    if (before(seq, rcv_nxt)) {
        const auto old = static_cast<size_t>(rcv_nxt - seq);
        bytes = bytes.subspan(std::min(old, bytes.size()));
        seq = rcv_nxt;
    }
    const bool fin_ahead = fin && !before(fin_seq, rcv_nxt);
    if (bytes.empty() && !fin_ahead) return Insert::duplicate;
    if (index == 0) index = allocate();
    if (index == 0) return Insert::full;

    Record& record = records_[index];
    drop_before(record, rcv_nxt);
    Insert outcome = Insert::duplicate;
    // The first FIN counts, unless text beyond it is held: a peer that contradicts itself has no effect.
    if (fin_ahead && !record.has_fin &&
        (record.count == 0 || !before(fin_seq, record.ranges[record.count - 1].right))) {
        record.has_fin = true;
        record.fin_seq = fin_seq;
        outcome = Insert::stored;
    }
    if (record.has_fin && before(record.fin_seq, seq + static_cast<uint32_t>(bytes.size())))
        bytes = before(seq, record.fin_seq) ? bytes.first(record.fin_seq - seq) : Bytes{};
    if (!bytes.empty()) {
        const Insert text = store(record, seq, bytes);
        if (outcome != Insert::stored) outcome = text;
    }
    free_if_empty(index);
    return outcome;
}

/// Walks along the segment. Held text stays, and the segment fills the holes. All ranges on the way become
/// one range.
Insert ReassemblyPool::store(Record& record, uint32_t seq, Bytes bytes) noexcept {
    const uint32_t end = seq + static_cast<uint32_t>(bytes.size());
    const uint32_t stamp = ++record.clock;
    bool stored = false, refused = false;
    uint32_t i = 0;
    for (uint32_t last = record.count; i < last;) {  // the first range that ends at or behind seq
        const uint32_t middle = (i + last) / 2;
        if (before(record.ranges[middle].right, seq))
            i = middle + 1;
        else
            last = middle;
    }

    for (uint32_t at = seq; !refused;) {
        Range* held = i < record.count && !before(at, record.ranges[i].left) ? &record.ranges[i] : nullptr;
        if (held != nullptr) {
            held->stamp = stamp;
            if (!before(held->right, end)) break;
            at = held->right;
        }
        if (at == end) break;

        // A hole begins here, behind `held` or apart from any range. It ends at `next` or at the segment's
        // end.
        const uint32_t next_at = held != nullptr ? i + 1 : i;
        Range* next = next_at < record.count && !before(end, record.ranges[next_at].left)
                          ? &record.ranges[next_at]
                          : nullptr;
        const bool apart = held == nullptr && next == nullptr;
        if (apart && record.count == max_ranges_) {
            refused = true;
            break;
        }
        const uint32_t hole = (next != nullptr ? next->left : end) - at;
        ByteQueue fresh;
        ByteQueue& queue = held != nullptr ? held->queue : fresh;
        const uint32_t n =
            append(blocks_, queue, bytes.subspan(at - seq, std::min(hole, max_bytes_ - record.bytes)),
                   BlockPool::Use::receive);
        refused = n < hole;

        if (held != nullptr) {
            held->right += n;
            if (next != nullptr && !refused) {
                splice(blocks_, held->queue, next->queue);
                held->right = next->right;
                close_gap(record, next_at);
            }
        } else if (next != nullptr && !refused) {
            splice(blocks_, fresh, next->queue);
            next->queue = fresh;
            next->left = at;
        } else if (n > 0 && record.count < max_ranges_) {
            open_gap(record, i);
            record.ranges[i] = Range{.left = at, .right = at + n, .stamp = stamp, .queue = fresh};
        } else {
            clear(blocks_, fresh);
            break;
        }
        record.bytes += n;
        stored |= n > 0;
        at += n;
    }
    if (stored) return Insert::stored;
    return refused ? Insert::full : Insert::duplicate;
}

Bytes ReassemblyPool::front(uint32_t& index, uint32_t rcv_nxt) noexcept {
    if (index == 0) return {};
    Record& record = records_[index];
    drop_before(record, rcv_nxt);
    if (record.count > 0 && record.ranges[0].left == rcv_nxt)
        return buf::front(blocks_, record.ranges[0].queue);
    free_if_empty(index);
    return {};
}

void ReassemblyPool::pop(uint32_t& index, uint32_t n) noexcept {
    if (index == 0 || n == 0) return;
    drop_front(records_[index], n);
    free_if_empty(index);
}

uint32_t ReassemblyPool::move_front(uint32_t& index, uint32_t rcv_nxt, ByteQueue& queue) noexcept {
    if (index == 0) return 0;
    Record& record = records_[index];
    drop_before(record, rcv_nxt);
    uint32_t moved = 0;
    if (record.count > 0 && record.ranges[0].left == rcv_nxt) {
        Range& first = record.ranges[0];
        moved = first.right - first.left;
        splice(blocks_, queue, first.queue);
        record.bytes -= moved;
        close_gap(record, 0);
    }
    free_if_empty(index);
    return moved;
}

uint8_t ReassemblyPool::sack_blocks(uint32_t index, std::span<SackBlock> blocks) const noexcept {
    if (index == 0) return 0;
    const Record& record = records_[index];
    size_t filled = 0;
    // No two ranges have the same age, because a segment stamps one. Ranges younger than next_age are already
    // written.
    for (uint64_t next_age = 0; filled < blocks.size(); ++filled) {
        const Range* youngest = nullptr;
        uint64_t best = UINT64_MAX;
        for (uint32_t i = 0; i < record.count; ++i) {
            const uint32_t age = record.clock - record.ranges[i].stamp;
            if (age < next_age || age >= best) continue;
            best = age;
            youngest = &record.ranges[i];
        }
        if (youngest == nullptr) break;
        blocks[filled] = SackBlock{youngest->left, youngest->right};
        next_age = best + 1;
    }
    return static_cast<uint8_t>(filled);
}

SackBlock ReassemblyPool::held_part(uint32_t index, uint32_t seq, uint32_t len) const noexcept {
    if (index == 0 || len == 0) return {};
    const Record& record = records_[index];
    const uint32_t end = seq + len;
    for (uint32_t i = 0; i < record.count; ++i) {
        const Range& range = record.ranges[i];
        const uint32_t left = before(range.left, seq) ? seq : range.left;
        const uint32_t right = before(end, range.right) ? end : range.right;
        if (before(left, right)) return {left, right};
    }
    return {};
}

}  // namespace synfin::buf
