/// @file
/// RACK, RFC 8985 6.

#include "tcp/loss/rack.hh"

#include <algorithm>

namespace synfin::tcp::rack {

namespace {

/// RACK.min_RTT is the minimum of this window and the one before: of 157 to 314 s (RFC 8985 6.2 step 1 asks
/// for a windowed minimum; Linux's window is 300 s).
constexpr uint16_t kMinRttWindow = 154;  // 1024 ticks each

void take_min_rtt(Recovery& rec, uint32_t rtt_us, const Now& now) noexcept {
    const auto now_s = static_cast<uint16_t>(now.tick >> 10);
    if (static_cast<uint16_t>(now_s - rec.min_rtt_since_s) >= kMinRttWindow) {
        rec.min_rtt_us = rec.next_min_rtt_us;
        rec.next_min_rtt_us = UINT32_MAX;
        rec.min_rtt_since_s = now_s;
    }
    rec.min_rtt_us = std::min(rec.min_rtt_us, rtt_us);
    rec.next_min_rtt_us = std::min(rec.next_min_rtt_us, rtt_us);
}

}  // namespace

void update(Conn c, const scoreboard::Delivered& d, uint32_t echo_us, const Now& now) noexcept {
    Recovery& rec = *c.rec;
    if (d.late_original) rec.reordering_seen = true;
    if (!d.any) return;
    const uint32_t rtt = std::max(now.us - d.sent_us, 1u);
    if (d.is_inexact) {
        // Only the order of sending is known.
    } else if (d.is_resent) {
        // The ACK may answer the original: then it says nothing about the retransmission. The timestamp tells
        // only where no text was reported: behind a hole, a receiver echoes the last segment before the hole
        // (RFC 7323 4.3). DEVIATION: RFC 8985 makes no such exception, and would never find the losses before
        // a tail loss probe. Linux asks for min_RTT alone.
        if (d.sacked == 0 && echo_us != UINT32_MAX && echo_us > rtt) return;
        const uint32_t least = rec.min_rtt_us != UINT32_MAX ? rec.min_rtt_us : c.flow->srtt_us / 2;
        if (rtt < least) return;
    } else {
        take_min_rtt(rec, rtt, now);
    }
    if (!d.is_inexact) rec.rack_rtt_us = rtt;
    if (scoreboard::sent_after(d.sent_us, d.end, rec.rack_sent_us, rec.rack_end)) {
        rec.rack_sent_us = d.sent_us;
        rec.rack_end = d.end;
        rec.rack_is_resent = d.is_resent;
    }
}

void note_duplicate(Conn c, Seq right) noexcept {
    Recovery& rec = *c.rec;
    // DEVIATION: RFC 8985 counts any D-SACK. As in Linux, one without reordering, or for a tail loss probe,
    // does not widen the reordering window.
    if (!rec.reordering_seen || (rec.tlp_pending && right == rec.tlp_end)) return;
    if (rec.in_dsack_round && at_or_after(c.tcb.snd.una, rec.dsack_round)) rec.in_dsack_round = false;
    if (rec.in_dsack_round) return;
    rec.in_dsack_round = true;
    rec.dsack_round = c.tcb.snd.nxt;
    if (rec.reo_wnd_mult < 255) ++rec.reo_wnd_mult;
    rec.reo_wnd_persist = 16;
}

void note_end_of_recovery(Recovery& rec) noexcept {
    if (rec.reo_wnd_persist != 0) --rec.reo_wnd_persist;
    if (rec.reo_wnd_persist == 0) rec.reo_wnd_mult = 1;
}

uint32_t reordering_window(const Flow& flow, const Recovery& rec, uint32_t smss) noexcept {
    if (!rec.reordering_seen) {
        if (flow.has(kRecovery) || flow.has(kRtoRecovery)) return 0;
        if (scoreboard::has_dup_thresh(rec, smss)) return 0;
    }
    const uint32_t srtt = flow.srtt_us;
    const uint32_t least = rec.min_rtt_us != UINT32_MAX ? rec.min_rtt_us : srtt;
    return static_cast<uint32_t>(std::min<uint64_t>(uint64_t{rec.reo_wnd_mult} * least / 4, srtt));
}

namespace {
/// Whether a segment that was sent after this run has been delivered. New text and retransmissions of one
/// turn have the same time, and the list does not say which left first: new text proves nothing about them.
bool is_overtaken(const Recovery& rec, const SentRun& run) noexcept {
    if (run.sent_us == rec.rack_sent_us && (run.flags & kResent) != 0 && !rec.rack_is_resent) return false;
    // Original text left in the order of its numbers, so the earliest times of two runs say which was first.
    const uint32_t sent_us = (run.flags & kResent) != 0 ? run.sent_us : run.earliest_us();
    return scoreboard::sent_after(rec.rack_sent_us, rec.rack_end, sent_us, run.end);
}
}  // namespace

bool detect_losses(Conn c, const Now& now) noexcept {
    Recovery& rec = *c.rec;
    rec.reorder_us = 0;
    if (rec.rack_rtt_us == 0) return false;
    const uint32_t patience = rec.rack_rtt_us + reordering_window(c);
    bool found = false;
    for (uint32_t i = rec.first; i < uint32_t{rec.first} + rec.count; ++i) {
        const SentRun& run = rec.runs[i];
        if ((run.flags & (kSacked | kLost)) != 0) continue;
        if (!is_overtaken(rec, run)) continue;
        const auto remaining = static_cast<int32_t>(run.sent_us + patience - now.us);
        if (remaining <= 0) {
            scoreboard::lose(rec, i);
            found = true;
        } else {
            rec.reorder_us = std::max(rec.reorder_us, static_cast<uint32_t>(remaining));
        }
    }
    return found;
}

void mark_losses_on_rto(Conn c, const Now& now) noexcept {
    Recovery& rec = *c.rec;
    rec.reorder_us = 0;
    const uint32_t patience = rec.rack_rtt_us + reordering_window(c);
    for (uint32_t i = rec.first; i < uint32_t{rec.first} + rec.count; ++i) {
        const SentRun& run = rec.runs[i];
        if ((run.flags & (kSacked | kLost)) != 0) continue;
        const bool is_first = i == rec.first;
        if (is_first || static_cast<int32_t>(run.sent_us + patience - now.us) <= 0) scoreboard::lose(rec, i);
    }
}

}  // namespace synfin::tcp::rack
