#include "time/timer_wheel.hh"

namespace synfin {

TimerWheel::TimerWheel(uint32_t max_ids, uint32_t now_tick)
    : cursor_(now_tick), nodes_(size_t{kFirstId} + max_ids) {
    SYNFIN_CHECK(max_ids <= kNone - kFirstId);
    for (uint32_t head = kFirstHead; head < kFirstId; ++head) nodes_[head] = {head, head, 0};
}

bool TimerWheel::cascade_bucket(uint32_t bucket, uint32_t& moves) noexcept {
    const uint32_t head = kFirstHead + bucket;
    for (uint32_t n; (n = nodes_[head].next) != head; --moves) {
        if (moves == 0) return false;
        const uint32_t tick = nodes_[n].tick;
        unlink(n);
        link(n, later(tick, cursor_));  // a jump may have passed it
    }
    return true;
}

void TimerWheel::jump(uint64_t ticks) noexcept {
    const uint64_t distance = ticks + overdue_;
    const uint32_t from = cursor_;
    cursor_ += static_cast<uint32_t>(distance);
    overdue_ = 0;
    if (entries_ == 0 || distance == 0) return;
    Chain passed;
    if (distance >= uint64_t{1} << 31) {  // no entry is later
        for (uint32_t bucket = 0; bucket < kBuckets; ++bucket) take_bucket(bucket, passed);
    } else {
        // `differing` is the level of the highest byte that changes. Entries of lower levels share that byte
        // with `from`, so they are passed; so are the entries of the buckets at that level before the new
        // cursor's. The cascade sorts those of the new cursor's buckets. Only the highest level wraps.
        const uint32_t differing = static_cast<uint32_t>(31 - std::countl_zero((from ^ cursor_) | 1)) / 8;
        for (uint32_t bucket = 0; bucket < differing * kSlots; ++bucket) take_bucket(bucket, passed);
        const uint32_t end = bucket_of(differing, cursor_);
        for (uint32_t bucket = bucket_of(differing, from); bucket != end;
             bucket = differing * kSlots + (bucket + 1) % kSlots)
            take_bucket(bucket, passed);
    }
    make_due(passed);
}

void TimerWheel::take_bucket(uint32_t bucket, Chain& chain) noexcept {
    if (!is_occupied(bucket)) return;
    const uint32_t head = kFirstHead + bucket;
    const auto [first, last, tick] = nodes_[head];
    nodes_[head] = {head, head, tick};
    occupied_[bucket / 64] &= ~(uint64_t{1} << (bucket % 64));
    if (chain.first == 0) {
        chain.first = first;
    } else {
        nodes_[chain.last].next = first;
        nodes_[first].prev = chain.last;
    }
    chain.last = last;
}

void TimerWheel::make_due(const Chain& chain) noexcept {
    if (chain.first == 0) return;
    const uint32_t bucket = cursor_ % kSlots;
    const uint32_t head = kFirstHead + bucket;
    const uint32_t second = nodes_[head].next;
    nodes_[head].next = chain.first;
    nodes_[chain.first].prev = head;
    nodes_[chain.last].next = second;
    nodes_[second].prev = chain.last;
    occupied_[bucket / 64] |= uint64_t{1} << (bucket % 64);
    earliest_[bucket] = cursor_;
}

uint32_t TimerWheel::first_occupied(uint32_t level, uint32_t from) const noexcept {
    if (from >= kSlots) return kSlots;
    const uint64_t* words = &occupied_[level * kSlots / 64];
    uint64_t word = words[from / 64] & (~uint64_t{0} << (from % 64));
    for (uint32_t i = from / 64;;) {
        if (word != 0) return i * 64 + static_cast<uint32_t>(std::countr_zero(word));
        if (++i == kSlots / 64) return kSlots;
        word = words[i];
    }
}

std::optional<uint32_t> TimerWheel::next_bucket() const noexcept {
    for (uint32_t level = 0; level < kLevels; ++level) {
        const uint32_t shift = 8 * level;
        uint32_t slot = first_occupied(level, ((cursor_ >> shift) % kSlots) + 1);
        // Only the highest level wraps: entries of lower levels share the cursor's higher bytes.
        if (slot == kSlots && level == kLevels - 1) slot = first_occupied(level, 0);
        if (slot == kSlots) continue;
        const uint32_t higher = level == kLevels - 1 ? 0 : cursor_ & (~uint32_t{0} << (shift + 8));
        return higher | slot << shift;
    }
    return std::nullopt;
}

std::optional<uint32_t> TimerWheel::next_tick() const noexcept {
    if (entries_ == 0) return std::nullopt;
    for (uint32_t level = 0; level < kLevels; ++level)  // due, or a cascade that was cut short
        if (is_occupied(bucket_of(level, cursor_))) return cursor_;
    const std::optional<uint32_t> start = next_bucket();
    SYNFIN_DCHECK(start);
    const auto level = static_cast<uint32_t>(31 - std::countl_zero((*start ^ cursor_) | 1)) / 8;
    return earliest_[bucket_of(level, *start)];
}

}  // namespace synfin
