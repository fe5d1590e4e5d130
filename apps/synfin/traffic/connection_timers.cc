#include "connection_timers.hh"

#include <algorithm>

namespace synfin::app {

namespace {

uint32_t ticks_of(Duration time) noexcept {
    if (time <= Duration::zero()) return 0;
    return static_cast<uint32_t>(std::clamp<int64_t>(time / 1ms, 1, INT32_MAX));
}

}  // namespace

ConnectionTimers::ConnectionTimers(uint32_t max_connections, const TimeOuts& time_outs,
                                   const std::vector<Duration>& delays)
    : records_(size_t{max_connections} + 1), lists_(delay + delays.size()) {
    lists_[idle].ticks = ticks_of(time_outs.idle);
    lists_[head].ticks = ticks_of(time_outs.head);
    lists_[linger].ticks = ticks_of(kLinger);
    // Most responses leave at once; this check sees that long before either limit.
    send_ticks_ = ticks_of(time_outs.send);
    is_limited_ = (lists_[idle].ticks | lists_[head].ticks | send_ticks_) != 0;
    const uint32_t idle_ticks = lists_[idle].ticks;
    const uint32_t shorter =
        send_ticks_ == 0 || (idle_ticks != 0 && idle_ticks < send_ticks_) ? idle_ticks : send_ticks_;
    if (shorter != 0) lists_[send].ticks = std::max(1u, shorter / kLooks);
    for (const uint8_t wait : {idle, send}) lists_[wait].slack = lists_[wait].ticks / 64;
    for (size_t i = 0; i < delays.size(); ++i) lists_[delay + i].ticks = std::max(1u, ticks_of(delays[i]));
}

void ConnectionTimers::relink(Connection c, uint8_t wait, uint32_t since) noexcept {
    Record& record = records_[c.index()];
    if (record.wait != none) unlink(record);
    if (lists_[wait].ticks == 0) return;
    owner_ = c.owner();
    record.generation = c.generation();
    record.progress_at = since;
    record.acknowledged = 0;
    link(c.index(), record, wait, since);
}

void ConnectionTimers::link(uint32_t index, Record& record, uint8_t wait, uint32_t since) noexcept {
    List& list = lists_[wait];
    record.wait = wait;
    record.since = since;
    record.next = 0;
    record.previous = list.last;
    (list.last != 0 ? records_[list.last].next : list.first) = index;
    list.last = index;
}

void ConnectionTimers::unlink(Record& record) noexcept {
    List& list = lists_[record.wait];
    (record.previous != 0 ? records_[record.previous].next : list.first) = record.next;
    (record.next != 0 ? records_[record.next].previous : list.last) = record.previous;
    record.wait = none;
}

ConnectionTimers::Progress ConnectionTimers::progress(Connection c, Instant now) noexcept {
    Record& record = records_[c.index()];
    const auto info = c.info();
    if (!info) return Progress::delivered;
    if (info->unacked_bytes == 0 && info->unsent_bytes == 0) {
        // The connection has been silent since arm(), not since now. It is appended behind connections that
        // have been silent for less time, so it expires late by at most 1/kLooks of the limit.
        if (lists_[idle].ticks != 0) link(c.index(), record, idle, record.since);
        return Progress::delivered;
    }
    if (info->snd_una != record.acknowledged) {
        record.acknowledged = info->snd_una;
        record.progress_at = now.tick();
    } else if (send_ticks_ != 0 && now.tick() - record.progress_at >= send_ticks_) {
        return Progress::stalled;
    }
    link(c.index(), record, send, now.tick());
    return Progress::waiting;
}

Connection ConnectionTimers::take_silent(Instant now) noexcept {
    const auto is_silent = [&](uint32_t index) noexcept {
        return index != 0 && now.tick() - records_[index].since >= ticks_of(kLeastSilence);
    };
    const auto take = [&](uint32_t index) noexcept {
        Record& record = records_[index];
        unlink(record);
        return Connection(owner_, index, record.generation);
    };
    if (const uint32_t index = lists_[idle].first; is_silent(index)) return take(index);
    // Connections whose last response has been acknowledged are silent too, but still wait for their check.
    for (uint32_t looks = 0; looks < kMostLooksAtSilent && is_silent(lists_[send].first); ++looks) {
        const Connection c = take(lists_[send].first);
        if (progress(c, now) == Progress::waiting) continue;
        disarm(c);
        return c;
    }
    if (const uint32_t index = lists_[head].first; is_silent(index)) return take(index);
    return {};
}

}  // namespace synfin::app
