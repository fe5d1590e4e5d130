/// @file
/// The scoreboard: RFC 2018, RFC 2883.

#include "tcp/loss/scoreboard.hh"

#include <algorithm>
#include <bit>
#include <cstring>

#include "synfin/check.hh"

namespace synfin::tcp::scoreboard {

namespace {

uint32_t end_index(const Recovery& rec) noexcept {
    return uint32_t{rec.first} + rec.count;
}

/// Runs at the start of the array that may be unused: so a record touches few cache lines.
constexpr uint32_t kMostUnused = 32;

/// Moves the runs to the start of their array.
void compact(Recovery& rec) noexcept {
    if (rec.first == 0) return;
    std::memmove(rec.runs, rec.runs + rec.first, rec.count * sizeof(SentRun));
    rec.first = 0;
}

/// How much two neighbours with the same fate differ in time. That of lost text is of little use.
uint32_t gap(const SentRun& a, const SentRun& b) noexcept {
    if ((a.flags & kLost) != 0) return 0;
    const uint32_t ahead = b.sent_us - a.sent_us;
    return std::min(ahead, 0u - ahead);
}

/// Whether two times are so close, for this round trip, that text of both may share a run.
bool is_same_time(const Recovery& rec, uint32_t a, uint32_t b) noexcept {
    return (a ^ b) >> rec.time_shift == 0;
}

bool is_later(uint32_t us, uint32_t other) noexcept {
    return static_cast<int32_t>(us - other) > 0;
}
uint32_t earlier_us(uint32_t us, uint32_t other) noexcept {
    return is_later(us, other) ? other : us;
}
uint16_t span_of(uint32_t us) noexcept {
    const uint32_t units = us / SentRun::kSpanUnit + (us % SentRun::kSpanUnit != 0 ? 1 : 0);
    return static_cast<uint16_t>(std::min<uint32_t>(units, SentRun::kUnknownSpan));
}

void join(const Recovery& rec, SentRun& run, const SentRun& next) noexcept {
    run.is_inexact |= next.is_inexact || !is_same_time(rec, run.sent_us, next.sent_us);
    const bool is_unknown = run.span == SentRun::kUnknownSpan || next.span == SentRun::kUnknownSpan;
    const uint32_t first = earlier_us(run.earliest_us(), next.earliest_us());
    if (is_later(next.sent_us, run.sent_us)) run.sent_us = next.sent_us;
    run.span = is_unknown ? SentRun::kUnknownSpan : span_of(run.sent_us - first);
    run.end = next.end;
}

/// Merges the neighbours with the same fate that differ least in time, and those that differ by at most twice
/// as much, each run with at most one other. No change: no neighbours have the same fate.
void merge_closest(Recovery& rec) noexcept {
    compact(rec);
    uint32_t least = UINT32_MAX;
    for (uint32_t i = 1; i < rec.count; ++i)
        if (rec.runs[i].flags == rec.runs[i - 1].flags)
            least = std::min(least, gap(rec.runs[i - 1], rec.runs[i]));
    const uint32_t most = least < UINT32_MAX / 2 ? 2 * least : least;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < rec.count; ++i, ++kept) {
        SentRun run = rec.runs[i];
        if (i + 1u < rec.count && rec.runs[i + 1].flags == run.flags && gap(run, rec.runs[i + 1]) <= most)
            join(rec, run, rec.runs[++i]);
        rec.runs[kept] = run;
    }
    rec.count = static_cast<uint8_t>(kept);
}

/// Merges neighbours of which nothing more needs to be known apart.
void tidy(Recovery& rec) noexcept {
    uint32_t kept = rec.first;
    const uint32_t end = end_index(rec);
    for (uint32_t i = rec.first; i < end; ++i) {
        const SentRun& run = rec.runs[i];
        if (kept != rec.first) {
            SentRun& before = rec.runs[kept - 1];
            if (before.flags == run.flags && (run.flags == kSacked || before.sent_us == run.sent_us)) {
                before.is_inexact |= run.is_inexact;
                before.span = std::max(before.span, run.span);
                before.end = run.end;
                continue;
            }
        }
        rec.runs[kept++] = run;
    }
    rec.count = static_cast<uint8_t>(kept - rec.first);
}

/// How many runs more it takes for [from, to) to begin and end with a run.
uint32_t splits_for(const Recovery& rec, Seq from, Seq to) noexcept {
    uint32_t n = (from != rec.edge ? 1u : 0u) + (to != rec.edge ? 1u : 0u);
    for (uint32_t i = rec.first; i < end_index(rec); ++i)
        n -= (rec.runs[i].end == from ? 1u : 0u) + (rec.runs[i].end == to ? 1u : 0u);
    return n;
}

/// Room for [from, to) to begin and end with a run, as far as merging gives it.
bool make_room(Recovery& rec, Seq from, Seq to) noexcept {
    while (rec.count + splits_for(rec, from, to) > Recovery::kRuns) {
        const uint32_t count = rec.count;
        merge_closest(rec);
        if (rec.count == count) return false;
    }
    return true;
}

/// Makes `at` the end of a run; it lies within run i.
void split(Recovery& rec, uint32_t i, Seq at) noexcept {
    const uint32_t end = end_index(rec);
    std::memmove(rec.runs + i + 1, rec.runs + i, (end - i) * sizeof(SentRun));
    rec.runs[i].end = at;
    ++rec.count;
}

/// Forgets a SACKed run: it takes the fate of the run before it. The best one follows a retransmission, whose
/// arrival acknowledges or reports both; another one may be sent again in vain, and goes only if `in_vain`.
/// Of equal ones, the shortest. False: there is none.
bool forget_one(Recovery& rec, bool in_vain) noexcept {
    uint32_t shortest = 0, length = UINT32_MAX;
    bool is_harmless = !in_vain;
    for (uint32_t i = rec.first + 1u; i < end_index(rec); ++i) {
        if ((rec.runs[i].flags & kSacked) == 0) continue;
        const bool follows_resent = rec.runs[i - 1].flags == kResent;
        if (follows_resent == is_harmless ? length_of(rec, i) >= length : is_harmless) continue;
        shortest = i;
        length = length_of(rec, i);
        is_harmless = follows_resent;
    }
    if (length == UINT32_MAX) return false;
    SentRun& run = rec.runs[shortest];
    const SentRun& before = rec.runs[shortest - 1];
    run.flags = before.flags;
    run.sent_us = before.sent_us;
    run.is_inexact = true;
    run.span = SentRun::kUnknownSpan;
    rec.sacked -= length;
    if ((run.flags & kLost) != 0) rec.lost += length;
    merge_closest(rec);
    return true;
}

/// Makes [from, to) begin and end with a run. False: there is no room. Both lie within the list.
bool isolate(Recovery& rec, Seq from, Seq to) noexcept {
    if (!make_room(rec, from, to)) return false;
    if (end_index(rec) + splits_for(rec, from, to) > Recovery::kRuns) compact(rec);
    for (const Seq at : {from, to}) {
        for (uint32_t i = rec.first; i < end_index(rec); ++i) {
            if (before(at, rec.runs[i].end)) {
                if (after(at, begin_of(rec, i))) split(rec, i, at);
                break;
            }
        }
    }
    return true;
}

/// Octets of run i up to `end` have arrived.
void note_delivered(const Recovery& rec, const SentRun& run, Seq end, Delivered& out) noexcept {
    const uint32_t sent_us = run.earliest_us();
    if (run.span != SentRun::kUnknownSpan && (!out.any || sent_after(sent_us, end, out.sent_us, out.end))) {
        out.any = true;
        out.sent_us = sent_us;
        out.end = end;
        out.is_resent = (run.flags & kResent) != 0;
        out.is_inexact = run.is_inexact;
    }
    if ((run.flags & kResent) != 0) return;
    if (before(end, rec.fack)) out.late_original = true;
    if (at_or_before(end, rec.recover)) out.original = true;
}

/// The octets of run i from `from` to `to` have arrived, and have not been reported before.
void note_sacked(Recovery& rec, uint32_t i, Seq from, Seq to, Delivered& out) noexcept {
    const SentRun& run = rec.runs[i];
    const uint32_t length = distance(from, to);
    if ((run.flags & kLost) != 0) rec.lost -= length;
    note_delivered(rec, run, to, out);
    rec.sacked += length;
    out.sacked += length;
    out.bytes += length;
}

/// The list is full: SACKed runs grow up to the ends of [left, right) where they lie beside what is missing.
void stretch(Recovery& rec, Seq left, Seq right, Delivered& out) noexcept {
    for (uint32_t i = rec.first; i < end_index(rec); ++i) {
        SentRun& run = rec.runs[i];
        const Seq begin = begin_of(rec, i);
        if (!before(begin, right)) break;
        if ((run.flags & kSacked) != 0 || !after(run.end, left)) continue;
        if (before(begin, left)) {
            if (i + 1u == end_index(rec) || (rec.runs[i + 1].flags & kSacked) == 0 || after(run.end, right))
                continue;
            note_sacked(rec, i, left, run.end, out);
            run.end = left;
        } else if (after(run.end, right) && i != rec.first && (rec.runs[i - 1].flags & kSacked) != 0) {
            note_sacked(rec, i, begin, right, out);
            rec.runs[i - 1].end = right;
        }
    }
}

/// [left, right) has arrived; it lies within the list.
void take_block(Recovery& rec, Seq left, Seq right, Delivered& out) noexcept {
    // Most blocks repeat what is known.
    bool is_news = false;
    for (uint32_t i = rec.first; i < end_index(rec) && !is_news; ++i)
        is_news = after(rec.runs[i].end, left) && before(begin_of(rec, i), right) &&
                  (rec.runs[i].flags & kSacked) == 0;
    if (!is_news) return;
    // What is lost further on matters more than what has arrived between retransmissions.
    if (after(right, rec.fack))
        while (!make_room(rec, left, right) && forget_one(rec, false)) {
        }
    const bool is_exact = isolate(rec, left, right);
    for (uint32_t i = rec.first; i < end_index(rec); ++i) {
        SentRun& run = rec.runs[i];
        const Seq begin = begin_of(rec, i);
        if (before(begin, left)) continue;
        if (after(run.end, right)) break;
        if ((run.flags & kSacked) != 0) continue;
        note_sacked(rec, i, begin, run.end, out);
        run.flags = kSacked;
    }
    if (!is_exact) stretch(rec, left, right, out);
}

}  // namespace

void start(Recovery& rec, const Tcb& tcb, uint32_t now_us) noexcept {
    rec.first = rec.count = 0;
    rec.sacked = rec.lost = 0;
    rec.edge = rec.fack = tcb.snd.una;
    if (tcb.in_flight() == 0) return;
    rec.runs[0] = {.end = tcb.snd.nxt, .sent_us = now_us};
    rec.count = 1;
}

void append(Recovery& rec, Seq end, uint32_t now_us, uint32_t srtt_us) noexcept {
    rec.time_shift = static_cast<uint8_t>(std::max<int>(std::bit_width(srtt_us) - 5, 0));
    if (rec.count != 0) {
        SentRun& last = rec.runs[end_index(rec) - 1];
        // Where a retransmission left in between, the order of the two must stay known.
        const bool is_same =
            last.sent_us == now_us || (!rec.is_run_closed && is_same_time(rec, last.sent_us, now_us));
        if (last.flags == 0 && !last.is_inexact && is_same) {
            if (last.span != 0) last.span = span_of(now_us - last.earliest_us());
            last.end = end;
            last.sent_us = now_us;
            return;
        }
        if (rec.count == Recovery::kRuns) merge_closest(rec);
        if (rec.count == Recovery::kRuns) {
            // Nothing can be merged: the last run takes the new text, and its own time is forgotten.
            const uint32_t length = length_of(rec, end_index(rec) - 1);
            if ((last.flags & kSacked) != 0) rec.sacked -= length;
            if ((last.flags & kLost) != 0) rec.lost -= length;
            const bool is_known = last.flags == 0 && last.span != SentRun::kUnknownSpan;
            last = {.end = end,
                    .sent_us = now_us,
                    .is_inexact = true,
                    .span = is_known ? span_of(now_us - last.earliest_us()) : SentRun::kUnknownSpan};
            return;
        }
        if (end_index(rec) == Recovery::kRuns) compact(rec);
    }
    rec.is_run_closed = false;
    rec.runs[end_index(rec)] = {.end = end, .sent_us = now_us};
    ++rec.count;
}

void note_resent(Recovery& rec, Seq from, Seq to, uint32_t now_us) noexcept {
    // Where a retransmission ends must be known, or all of a long run would count as in flight again.
    while (!make_room(rec, from, to) && forget_one(rec, true)) {
    }
    const bool is_exact = isolate(rec, from, to);
    rec.is_run_closed = true;
    for (uint32_t i = rec.first; i < end_index(rec); ++i) {
        SentRun& run = rec.runs[i];
        const Seq begin = begin_of(rec, i);
        if (!before(begin, to)) break;
        if (!after(run.end, from) || (is_exact && before(begin, from))) continue;
        if ((run.flags & kSacked) != 0) continue;
        if ((run.flags & kLost) != 0) rec.lost -= distance(begin, run.end);
        run.flags = kResent;
        run.sent_us = now_us;
        run.is_inexact = !is_exact;
        run.span = is_exact ? uint16_t{0} : SentRun::kUnknownSpan;
    }
    tidy(rec);
}

void acknowledge(Recovery& rec, Seq una, Delivered& out) noexcept {
    while (rec.count != 0 && after(una, rec.edge)) {
        SentRun& run = rec.runs[rec.first];
        const bool is_whole = at_or_before(run.end, una);
        const Seq end = is_whole ? run.end : una;
        const uint32_t length = distance(rec.edge, end);
        if ((run.flags & kSacked) != 0) {
            rec.sacked -= length;
        } else {
            if ((run.flags & kLost) != 0) rec.lost -= length;
            out.bytes += length;
            note_delivered(rec, run, end, out);
        }
        rec.edge = end;
        if (!is_whole) break;
        ++rec.first;
        --rec.count;
    }
    rec.edge = una;
    if (rec.count == 0) rec.first = 0;
    if (rec.first >= kMostUnused) compact(rec);
    out.reneged = rec.count != 0 && (rec.runs[rec.first].flags & kSacked) != 0;
}

void take_blocks(Recovery& rec, const Tcb& tcb, const Segment& seg, Delivered& out) noexcept {
    for (unsigned i = 0; i < seg.sack_count; ++i) {
        Seq left{seg.sack[i].left};
        const Seq right{seg.sack[i].right};
        if (!before(left, right) || after(right, tcb.snd.nxt)) continue;
        if (i == 0) {  // RFC 2883 4: below SEG.ACK, or within the second block
            const bool is_within = seg.sack_count > 1 && at_or_after(left, Seq{seg.sack[1].left}) &&
                                   at_or_before(right, Seq{seg.sack[1].right});
            if (at_or_before(right, seg.ack) || is_within) {
                out.has_duplicate = true;
                out.duplicate_left = left;
                out.duplicate_right = right;
                continue;
            }
        }
        if (at_or_before(right, tcb.snd.una)) continue;
        left = later(left, tcb.snd.una);
        if (left == tcb.snd.una) continue;  // the octet at SND.UNA is not held, by definition
        take_block(rec, left, right, out);
    }
    if (out.sacked != 0) tidy(rec);
    for (uint32_t i = end_index(rec); i-- > rec.first;) {
        if ((rec.runs[i].flags & kSacked) == 0) continue;
        rec.fack = later(rec.fack, rec.runs[i].end);
        break;
    }
    rec.fack = later(rec.fack, tcb.snd.una);
}

void forget_sacks(Recovery& rec) noexcept {
    for (uint32_t i = rec.first; i < end_index(rec); ++i)
        rec.runs[i].flags = static_cast<uint8_t>(rec.runs[i].flags & ~kSacked);
    rec.sacked = 0;
}

void forget_losses(Recovery& rec) noexcept {
    for (uint32_t i = rec.first; i < end_index(rec); ++i)
        rec.runs[i].flags = static_cast<uint8_t>(rec.runs[i].flags & ~kLost);
    rec.lost = 0;
}

void lose_all(Recovery& rec) noexcept {
    for (uint32_t i = rec.first; i < end_index(rec); ++i)
        if ((rec.runs[i].flags & (kSacked | kLost)) == 0) lose(rec, i);
}

bool next_lost(const Recovery& rec, Seq& from, Seq& to) noexcept {
    if (rec.lost == 0) return false;
    uint32_t i = rec.first;
    while (i < end_index(rec) && (rec.runs[i].flags & kLost) == 0) ++i;
    if (i == end_index(rec)) return false;
    from = begin_of(rec, i);
    // Neighbours may differ in the time of their first transmission only.
    while (i + 1 < end_index(rec) && (rec.runs[i + 1].flags & kLost) != 0) ++i;
    to = rec.runs[i].end;
    return true;
}

bool has_dup_thresh(const Recovery& rec, uint32_t smss) noexcept {
    if (rec.sacked > 2 * smss) return true;
    unsigned runs = 0;
    for (uint32_t i = rec.first; i < end_index(rec); ++i) runs += (rec.runs[i].flags & kSacked) != 0 ? 1 : 0;
    return runs >= 3;
}

}  // namespace synfin::tcp::scoreboard
