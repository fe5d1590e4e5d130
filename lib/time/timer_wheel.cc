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
        link(n, tick);
    }
    return true;
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
