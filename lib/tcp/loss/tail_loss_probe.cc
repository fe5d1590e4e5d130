/// @file
/// Tail loss probes, RFC 8985 7.

#include "tcp/loss/tail_loss_probe.hh"

#include <algorithm>

namespace synfin::tcp::tail_loss_probe {

namespace {
/// TLP.max_ack_delay: how long the peer may delay an ACK, in ticks. Linux delays up to 200 ms.
constexpr uint32_t kMaxAckDelay = 200;
}  // namespace

bool may_schedule(Conn c) noexcept {
    const Recovery& rec = *c.rec;
    return c.tcb.has(kSack) && rec.sacked == 0 && rec.lost == 0 && !rec.tlp_pending && c.tcb.snd.wnd != 0 &&
           !c.flow->has(kRecovery) && !c.flow->has(kRtoRecovery);
}

uint32_t timeout(Conn c, const Params& params) noexcept {
    if (c.flow->srtt_us == 0) return params.rto_initial;
    // A tick more, because the present one has begun already.
    const uint32_t pto = static_cast<uint32_t>((2 * uint64_t{c.flow->srtt_us} + 999) / 1000) + 1;
    return c.tcb.in_flight() <= c.tcb.text_mss() ? pto + kMaxAckDelay : pto;
}

void on_timeout(Conn c) noexcept {
    c.rec->tlp_due = true;
    c.flow->set(kRepair);
}

bool on_ack(Conn c, const Segment& seg, const scoreboard::Delivered& d) noexcept {
    Recovery& rec = *c.rec;
    if (!rec.tlp_pending || before(seg.ack, rec.tlp_end)) return false;
    if (!rec.tlp_is_retrans) {  // new text, delivered
        rec.tlp_pending = false;
        return false;
    }
    if (d.has_duplicate && d.duplicate_right == rec.tlp_end) {  // case 1: both copies have arrived
        rec.tlp_pending = false;
        return false;
    }
    if (after(seg.ack, rec.tlp_end)) {  // case 2: only one copy has arrived
        rec.tlp_pending = false;
        return true;
    }
    // Case 3: both copies have arrived at a peer without D-SACK.
    if (d.acked == 0 && seg.len == 0 && seg.sack_count == 0) rec.tlp_pending = false;
    return false;
}

}  // namespace synfin::tcp::tail_loss_probe
