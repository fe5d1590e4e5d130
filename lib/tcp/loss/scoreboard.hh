#pragma once
/// @file
/// The scoreboard of RFC 2018 5.1: what is known about each octet in flight, as a list of runs in sequence.
///
/// The list is bounded by Recovery::kRuns. New text that leaves within a sixteenth of a round trip shares a
/// run, as long as nothing is sent again meanwhile: about 16 to 32 runs hold a window of any size, and the
/// others hold the holes. When the list is full, neighbours with the same fate that were sent at nearly the
/// same time are merged; beyond a sixteenth of a round trip such a run gives no RTT. A run that waits
/// counts as sent with its latest octet, and one that arrives with its earliest: loss detection errs towards
/// patience. If nothing can be merged, text that arrived between retransmissions is forgotten for what is
/// lost further on. A SACK block that finds no place lets its neighbours grow, or is ignored; a
/// retransmission that finds none displaces a SACKed run: the text may be sent again, and nothing worse.
/// @note cost: each function walks the list a bounded number of times. A SACK block without news takes one
/// walk, another one at most seven, and more if the list is full.

#include <cstdint>

#include "tcp/recovery.hh"
#include "tcp/segment.hh"

namespace synfin::tcp::scoreboard {

/// What one ACK says about text in flight.
struct Delivered {
    uint32_t acked = 0;    ///< bytes newly acknowledged
    uint32_t sacked = 0;   ///< bytes newly reported by SACK
    uint32_t bytes = 0;    ///< RFC 9937: DeliveredData, bytes that were known to be neither before
    uint32_t sent_us = 0;  ///< with `any`: the run that was sent last; its earliest octet
    Seq end;
    bool any = false;
    bool is_resent = false;      ///< that run was a retransmission
    bool is_inexact = false;     ///< that run gives no RTT: its octets left at different times
    bool late_original = false;  ///< an octet sent once arrived behind later ones (RFC 8985 6.2 step 3)
    bool original = false;       ///< text sent once, before the repair of the last loss began (RFC 5682 3)
    bool reneged = false;        ///< SND.UNA stopped at text that SACK had reported
    bool has_duplicate = false;  ///< D-SACK (RFC 2883): [duplicate_left, duplicate_right) arrived twice
    Seq duplicate_left, duplicate_right;
};

/// Whether a segment was sent after another one (RFC 8985 6.2: RACK_sent_after).
constexpr bool sent_after(uint32_t sent_us, Seq end, uint32_t other_us, Seq other_end) noexcept {
    const auto ahead = static_cast<int32_t>(sent_us - other_us);
    return ahead > 0 || (ahead == 0 && after(end, other_end));
}

/// Takes all that is in flight as sent at `now_us`.
void start(Recovery& rec, const Tcb& tcb, uint32_t now_us) noexcept;
/// New octets up to `end`, which is SND.NXT.
void append(Recovery& rec, Seq end, uint32_t now_us, uint32_t srtt_us) noexcept;
/// [from, to) has been sent again.
void note_resent(Recovery& rec, Seq from, Seq to, uint32_t now_us) noexcept;

/// SND.UNA is `una` now.
void acknowledge(Recovery& rec, Seq una, Delivered& out) noexcept;
/// Takes the SACK blocks of a segment; SND.UNA has been updated. Blocks outside [SND.UNA, SND.NXT) are
/// ignored: RFC 2018 does not cover them, and a false block must not spoil the list.
void take_blocks(Recovery& rec, const Tcb& tcb, const Segment& seg, Delivered& out) noexcept;

/// RFC 2018 8: the peer has dropped what it reported. All of it counts as in flight again.
void forget_sacks(Recovery& rec) noexcept;
/// A loss proved spurious: what is marked as lost counts as in flight again.
void forget_losses(Recovery& rec) noexcept;
/// Everything that SACK has not reported is to be sent again.
void lose_all(Recovery& rec) noexcept;

/// The first octets that are lost. False: there are none.
bool next_lost(const Recovery& rec, Seq& from, Seq& to) noexcept;

/// RFC 6675 4 IsLost(), for the whole list: three separate SACKed runs, or more than two segments of SACKed
/// text (RFC 8985: RACK.segs_sacked >= DupThresh).
bool has_dup_thresh(const Recovery& rec, uint32_t smss) noexcept;

inline Seq begin_of(const Recovery& rec, uint32_t i) noexcept {
    return i == rec.first ? rec.edge : rec.runs[i - 1].end;
}
inline uint32_t length_of(const Recovery& rec, uint32_t i) noexcept {
    return distance(begin_of(rec, i), rec.runs[i].end);
}
inline void lose(Recovery& rec, uint32_t i) noexcept {
    rec.runs[i].flags |= kLost;
    rec.lost += length_of(rec, i);
}

}  // namespace synfin::tcp::scoreboard
