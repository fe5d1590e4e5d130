#include "net/neighbours.hh"

#include <algorithm>
#include <bit>

#include "synfin/check.hh"

namespace synfin::net {

namespace {

/// Whether a neighbour can have this address.
bool can_be_host(Ipv4 addr) noexcept {
    return !addr.is_unspecified() && !addr.is_multicast() && !addr.is_limited_broadcast();
}
bool can_be_host(const Ipv6& addr) noexcept {
    return !addr.is_unspecified() && !addr.is_multicast() && !addr.is_loopback();
}

}  // namespace

template <typename Address>
BasicNeighbours<Address>::BasicNeighbours(const NeighbourConfig& config)
    : config_(config),
      entries_(size_t{config.capacity} + 1),
      chains_(std::bit_ceil(size_t{config.capacity})),
      pending_(size_t{config.capacity} + 1) {
    SYNFIN_CHECK(config.capacity >= 1 && config.capacity <= 1u << 16);
    SYNFIN_CHECK(config.max_attempts >= 1 && config.retry_interval > Duration::zero());
}

template <typename Address>
void BasicNeighbours<Address>::pin(Address addr, Mac mac) noexcept {
    Entry* entry = create(addr, Instant{}, Duration::zero());
    SYNFIN_CHECK(entry != nullptr);
    entry->phase = Phase::pinned;
    entry->mac = mac;
    entry->fresh_until = kNever;
}

template <typename Address>
size_t BasicNeighbours<Address>::chain_of(Address addr) const noexcept {
    return address_hash(config_.key, addr) & (chains_.size() - 1);
}

template <typename Address>
const typename BasicNeighbours<Address>::Entry* BasicNeighbours<Address>::find(Address addr) const noexcept {
    for (uint32_t i = chains_[chain_of(addr)]; i != 0; i = entries_[i].next)
        if (entries_[i].addr == addr) return &entries_[i];
    return nullptr;
}

/// Makes an entry for an address that has none, in phase failed. Null: the table is full, and no entry unused
/// for idle_for can be evicted.
template <typename Address>
typename BasicNeighbours<Address>::Entry* BasicNeighbours<Address>::create(Address addr, Instant now,
                                                                           Duration idle_for) noexcept {
    Entry* entry = size_ < config_.capacity ? &entries_[++size_] : evict(now, idle_for);
    if (entry == nullptr) {
        ++counters_.table_full;
        return nullptr;
    }
    uint32_t& chain = chains_[chain_of(addr)];
    *entry = Entry{.addr = addr, .phase = Phase::failed, .used = now, .next = chain};
    chain = index_of(*entry);
    return entry;
}

/// Evicts one of a sample of entries: one that did not answer, otherwise the one idle longest. Pending
/// entries stay: they may hold packets, and end by themselves. Entries that must not be asked again yet stay,
/// too: forgetting them would lift that limit (RFC 1122 2.3.2.1 "MUST prevent ARP flooding").
template <typename Address>
typename BasicNeighbours<Address>::Entry* BasicNeighbours<Address>::evict(Instant now,
                                                                          Duration idle_for) noexcept {
    constexpr uint32_t kSample = 16;  // bounds the cost of a flood; hand_ visits all entries in turn
    const uint32_t sample = std::min(kSample, size_);
    Entry* oldest = nullptr;
    uint32_t asked = 0;
    for (uint32_t i = 0; i < sample; ++i) {
        Entry& entry = entries_[hand_];
        hand_ = hand_ == size_ ? 1 : hand_ + 1;
        if (entry.phase == Phase::pinned) continue;
        if (entry.pending_at != 0 || now < entry.not_before || now < entry.probe_after) {
            ++asked;
            continue;
        }
        const bool gone = entry.phase == Phase::failed;
        if (oldest == nullptr || gone || entry.used < oldest->used) oldest = &entry;
        if (gone) break;
    }
    // SYNs with forged on-link sources start any number of requests for hosts that do not exist. If most
    // sampled entries are open requests, entries in use stay, above all the gateway.
    if (asked > sample / 2) idle_for = std::max(idle_for, config_.retry_interval);
    if (oldest == nullptr || (oldest->phase != Phase::failed && now - oldest->used < idle_for))
        return nullptr;
    uint32_t* link = &chains_[chain_of(oldest->addr)];
    while (*link != index_of(*oldest)) link = &entries_[*link].next;
    *link = oldest->next;
    ++counters_.evicted;
    return oldest;
}

template <typename Address>
void BasicNeighbours<Address>::make_pending(Entry& entry, Instant due) noexcept {
    entry.due = due;
    if (entry.pending_at == 0) place(++pending_count_, index_of(entry));
    reorder(entry.pending_at);
}

template <typename Address>
void BasicNeighbours<Address>::settle(Entry& entry) noexcept {
    const uint32_t at = std::exchange(entry.pending_at, 0u);
    const uint32_t last = pending_[pending_count_--];
    if (at <= pending_count_) {
        place(at, last);
        reorder(at);
    }
    next_due_ = pending_count_ == 0 ? kNever : entries_[pending_[1]].due;
}

template <typename Address>
void BasicNeighbours<Address>::place(uint32_t at, uint32_t index) noexcept {
    pending_[at] = index;
    entries_[index].pending_at = at;
}

/// Restores the heap order after the due time of the entry at `at` has changed.
/// @note cost: logarithmic in the number of pending entries.
template <typename Address>
void BasicNeighbours<Address>::reorder(uint32_t at) noexcept {
    const uint32_t index = pending_[at];
    const Instant due = entries_[index].due;
    const auto due_at = [this](uint32_t place) { return entries_[pending_[place]].due; };
    for (; at > 1 && due < due_at(at / 2); at /= 2) place(at, pending_[at / 2]);
    for (uint32_t child = 2 * at; child <= pending_count_; child = 2 * at) {
        if (child < pending_count_ && due_at(child + 1) < due_at(child)) ++child;
        if (due <= due_at(child)) break;
        place(at, pending_[child]);
        at = child;
    }
    place(at, index);
    next_due_ = entries_[pending_[1]].due;
}

template <typename Address>
void BasicNeighbours<Address>::ask(Entry& entry, Phase phase, Instant now) noexcept {
    entry.phase = phase;
    entry.attempts = 0;
    entry.asked_all = false;
    entry.fresh_until = kLongAgo;
    make_pending(entry, std::max(now, phase == Phase::refreshing ? entry.probe_after : entry.not_before));
}

template <typename Address>
const Mac* BasicNeighbours<Address>::lookup_slow(Address next_hop, Instant now) noexcept {
    if (next_hop.is_unspecified()) return nullptr;  // no route
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
        case Phase::refreshing:
        case Phase::pinned: break;
    }
    recent_[recent_place(next_hop)] = entry;
    return &entry->mac;
}

template <typename Address>
bool BasicNeighbours<Address>::hold(Address next_hop, void* packet) noexcept {
    Entry* entry = find(next_hop);
    if (entry == nullptr || entry->phase != Phase::resolving || entry->held_count == kMaxHeld ||
        held_ >= config_.most_held) {
        ++counters_.hold_refused;
        return false;
    }
    entry->held[entry->held_count++] = packet;
    ++held_;
    return true;
}

template <typename Address>
bool BasicNeighbours<Address>::is_failed(Address next_hop) const noexcept {
    const Entry* entry = find(next_hop);
    return entry != nullptr && entry->phase == Phase::failed;
}

template <typename Address>
Heard BasicNeighbours<Address>::learn(Address sender, Mac mac, Instant now, bool for_us,
                                      bool is_reply) noexcept {
    if (!can_be_host(sender) || mac.is_multicast()) return Heard::ignored;
    Entry* entry = find(sender);
    if (entry == nullptr && for_us) entry = create(sender, now, config_.learned_idle);
    if (entry == nullptr) return Heard::ignored;
    if (entry->phase == Phase::pinned) return entry->mac == mac ? Heard::taken : Heard::refused;
    const bool known = entry->phase == Phase::reachable || entry->phase == Phase::refreshing;
    const bool same = known && entry->mac == mac;
    // A probe goes to the known MAC address only: a reply from another one is no answer to it.
    const bool asking = entry->phase == Phase::resolving || entry->phase == Phase::refreshing;
    const bool answers = asking && is_reply && for_us && (entry->asked_all || same);
    if (known && !same && !answers) {
        entry->fresh_until = now;  // if packets still wait for poll(), the next lookup asks
        if (entry->phase == Phase::reachable && entry->held_count == 0) ask(*entry, Phase::refreshing, now);
        return Heard::hint;
    }
    if (entry->phase == Phase::resolving) ++counters_.resolved;
    entry->phase = Phase::reachable;
    entry->mac = mac;
    if (answers || same) entry->fresh_until = now + config_.reachable;
    if (entry->held_count > 0)
        make_pending(*entry, now);
    else if (entry->pending_at != 0)
        settle(*entry);
    return Heard::taken;
}

template <typename Address>
void BasicNeighbours<Address>::step(Entry& entry, Instant now, Action& action) noexcept {
    action.addr = entry.addr;
    action.mac.reset();
    action.held_count = 0;
    const bool known = entry.phase == Phase::reachable || entry.phase == Phase::refreshing;
    const bool asking = entry.phase != Phase::reachable;
    // In a full table of open requests, one that stays unanswered for a second gives way to others.
    const bool hurry = entry.phase == Phase::resolving && is_crowded();
    if (asking && entry.attempts < (hurry ? 1 : config_.max_attempts)) {
        action.kind = Action::Kind::request;
        ++counters_.requests;
        // RFC 1122 2.3.2.1 (2): first probe by unicast, which disturbs no other host; then broadcast, as the
        // MAC may have changed.
        if (entry.attempts++ == 0 && known) {
            action.mac = entry.mac;
            entry.probe_after = now + config_.retry_interval;
            make_pending(entry, std::max(now + config_.probe_wait, entry.not_before));
            return;
        }
        entry.asked_all = true;
        entry.not_before = now + config_.retry_interval;
        make_pending(entry, entry.not_before);
        return;
    }
    action.held = entry.held;
    action.held_count = std::exchange(entry.held_count, uint8_t{0});
    held_ -= action.held_count;
    settle(entry);
    if (asking) {
        action.kind = Action::Kind::failed;
        entry.phase = Phase::failed;
        if (!hurry) entry.not_before = now + config_.failed_hold;
        ++counters_.failed;
    } else {
        action.kind = Action::Kind::ready;
        action.mac = entry.mac;
    }
}

template class BasicNeighbours<Ipv4>;
template class BasicNeighbours<Ipv6>;

}  // namespace synfin::net
