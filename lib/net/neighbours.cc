#include "net/neighbours.hh"

#include <algorithm>
#include <bit>

#include "base/check.hh"

namespace synfin::net {

Neighbours::Neighbours(const NeighbourConfig& config) : config_(config) {
    SYNFIN_CHECK(config.capacity >= 1 && config.capacity <= 1u << 16);
    SYNFIN_CHECK(config.max_attempts >= 1 && config.retry_interval > Duration::zero());
    entries_.resize(config.capacity);
    chains_.resize(std::bit_ceil(size_t{config.capacity}), kNone);
    pending_.reserve(config.capacity);
}

size_t Neighbours::chain_of(Ipv4 addr) const noexcept {
    return siphash<1, 3>(config_.key, addr.value, 0) & (chains_.size() - 1);
}

const Neighbours::Entry* Neighbours::find(Ipv4 addr) const noexcept {
    for (uint32_t i = chains_[chain_of(addr)]; i != kNone; i = entries_[i].next)
        if (entries_[i].addr == addr) return &entries_[i];
    return nullptr;
}

/// An entry for an address that has none, phase failed and over; null when none of the others, unused for
/// idle_for, can give way.
Neighbours::Entry* Neighbours::create(Ipv4 addr, Instant now, Duration idle_for) noexcept {
    Entry* entry = size_ < entries_.size() ? &entries_[size_++] : evict(now, idle_for);
    if (entry == nullptr) {
        ++counters_.table_full;
        return nullptr;
    }
    uint32_t& chain = chains_[chain_of(addr)];
    *entry = Entry{.addr = addr, .phase = Phase::failed, .used = now, .next = chain};
    chain = static_cast<uint32_t>(entry - entries_.data());
    return entry;
}

/// Takes the entry that was idle longest among some, out of its chain. Entries with something pending stay:
/// they may hold packets, and settle by themselves. So do those that may not be asked again yet: forgetting
/// them would allow it (RFC 1122 2.3.2.1 "MUST prevent ARP flooding").
Neighbours::Entry* Neighbours::evict(Instant now, Duration idle_for) noexcept {
    constexpr uint32_t kSample = 16;  // bounds the cost of a flood; the hand reaches everyone in turn
    const uint32_t sample = std::min(kSample, static_cast<uint32_t>(entries_.size()));
    Entry* oldest = nullptr;
    uint32_t asked = 0;
    for (uint32_t i = 0; i < sample; ++i) {
        Entry& entry = entries_[hand_];
        hand_ = hand_ + 1 == entries_.size() ? 0 : hand_ + 1;
        if (entry.pending_at != kNone || now < entry.not_before) {
            ++asked;
            continue;
        }
        if (oldest == nullptr || entry.used < oldest->used) oldest = &entry;
    }
    // SYNs from made-up neighbours make us ask for nobody, as often as they like. Where most entries are such
    // questions, whoever is in use stays: the gateway first of all.
    if (asked > sample / 2) idle_for = std::max(idle_for, config_.retry_interval);
    if (oldest == nullptr || now - oldest->used < idle_for) return nullptr;
    const auto index = static_cast<uint32_t>(oldest - entries_.data());
    uint32_t* link = &chains_[chain_of(oldest->addr)];
    while (*link != index) link = &entries_[*link].next;
    *link = oldest->next;
    ++counters_.evicted;
    return oldest;
}

void Neighbours::make_pending(Entry& entry, Instant due) noexcept {
    entry.due = due;
    next_due_ = std::min(next_due_, due);
    if (entry.pending_at != kNone) return;
    entry.pending_at = static_cast<uint32_t>(pending_.size());
    pending_.push_back(static_cast<uint32_t>(&entry - entries_.data()));
}

void Neighbours::settle(Entry& entry) noexcept {
    const uint32_t moved = pending_.back();
    pending_[entry.pending_at] = moved;
    entries_[moved].pending_at = entry.pending_at;
    pending_.pop_back();
    entry.pending_at = kNone;
}

void Neighbours::ask(Entry& entry, Phase phase, Instant now) noexcept {
    entry.phase = phase;
    entry.attempts = 0;
    make_pending(entry, std::max(now, entry.not_before));
}

const Mac* Neighbours::lookup_slow(Ipv4 next_hop, Instant now) noexcept {
    if (next_hop.is_unspecified()) return nullptr;  // there is no route
    Entry* entry = find(next_hop);
    if (entry == nullptr) entry = create(next_hop, now, Duration::zero());
    if (entry == nullptr) return nullptr;
    entry->used = now;
    switch (entry->phase) {
        case Phase::resolving: return nullptr;
        case Phase::failed:
            if (now >= entry->not_before) ask(*entry, Phase::resolving, now);
            return nullptr;
        case Phase::reachable:
            if (now >= entry->fresh_until) ask(*entry, Phase::refreshing, now);
            break;
        case Phase::refreshing: break;
    }
    recent_[next_hop.value % kRecent] = entry;
    return &entry->mac;
}

bool Neighbours::hold(Ipv4 next_hop, void* packet) noexcept {
    Entry* entry = find(next_hop);
    if (entry == nullptr || entry->phase != Phase::resolving || entry->held_count == kMaxHeld) {
        ++counters_.hold_refused;
        return false;
    }
    entry->held[entry->held_count++] = packet;
    return true;
}

bool Neighbours::is_failed(Ipv4 next_hop) const noexcept {
    const Entry* entry = find(next_hop);
    return entry != nullptr && entry->phase == Phase::failed;
}

void Neighbours::learn(Ipv4 sender, Mac mac, Instant now, bool for_us) noexcept {
    if (sender.is_unspecified() || sender.is_multicast() || sender.is_limited_broadcast() ||
        mac.is_multicast())
        return;
    Entry* entry = find(sender);
    if (entry == nullptr && for_us) entry = create(sender, now, config_.learned_idle);
    if (entry == nullptr) return;
    if (entry->phase == Phase::resolving) ++counters_.resolved;
    entry->phase = Phase::reachable;
    entry->mac = mac;
    entry->fresh_until = now + config_.reachable;
    if (entry->held_count > 0)
        make_pending(*entry, now);
    else if (entry->pending_at != kNone)
        settle(*entry);
}

/// Finds the next entry that is due, from place `at` of the list on, and does its step; the place is looked
/// at again, since another entry may have moved there. What the engine does between two actions may reorder
/// the list, so passes go on until one finds nothing due.
bool Neighbours::next_action(Instant now, uint32_t& at, Action& action) noexcept {
    for (;;) {
        for (; at < pending_.size(); ++at) {
            Entry& entry = entries_[pending_[at]];
            if (now < entry.due) continue;
            step(entry, now, action);
            return true;
        }
        next_due_ = kNever;
        for (const uint32_t index : pending_) next_due_ = std::min(next_due_, entries_[index].due);
        if (now < next_due_) return false;
        at = 0;
    }
}

void Neighbours::step(Entry& entry, Instant now, Action& action) noexcept {
    action.addr = entry.addr;
    action.mac.reset();
    action.held_count = 0;
    const bool known = entry.phase == Phase::reachable || entry.phase == Phase::refreshing;
    const bool asking = entry.phase != Phase::reachable;
    if (asking && entry.attempts < config_.max_attempts) {
        action.kind = Action::Kind::request;
        // RFC 1122 2.3.2.1 (2): a poll by unicast costs nobody else; but the host may have changed its card.
        if (known && entry.attempts == 0) action.mac = entry.mac;
        ++entry.attempts;
        ++counters_.requests;
        entry.not_before = now + config_.retry_interval;
        make_pending(entry, entry.not_before);
        return;
    }
    action.held = entry.held;
    action.held_count = std::exchange(entry.held_count, uint8_t{0});
    settle(entry);
    if (asking) {
        action.kind = Action::Kind::failed;
        entry.phase = Phase::failed;
        entry.not_before = now + config_.failed_hold;
        ++counters_.failed;
    } else {
        action.kind = Action::Kind::ready;
        action.mac = entry.mac;
    }
}

uint32_t Neighbours::held() const noexcept {
    uint32_t n = 0;
    for (const Entry& entry : entries_) n += entry.held_count;
    return n;
}

}  // namespace synfin::net
