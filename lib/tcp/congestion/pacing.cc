/// @file
/// The rate of a paced connection, and its bursts.

#include "tcp/congestion/pacing.hh"

#include "tcp/congestion.hh"

namespace synfin::tcp::pacing {

namespace {

/// A burst begins now; the next one may follow when this one has passed at the connection's rate.
void begin_burst(Conn c, const Context& ctx) noexcept {
    Recovery& rec = *c.rec;
    const uint32_t mss = c.tcb.text_mss(), now = ctx.now.us;
    const uint64_t bytes_per_s = std::max<uint64_t>(rate(c), 1);
    const uint32_t most = std::max(kMostSegments * mss, ctx.large_text);
    const uint64_t burst =
        std::clamp<uint64_t>(bytes_per_s * kBurstUs / 1'000'000, uint64_t{kLeastSegments} * mss, most);
    const uint64_t gap = std::clamp<uint64_t>(burst * 1'000'000 / bytes_per_s, 1, kMostGapUs);
    // A late turn of the engine catches up, by one burst at most.
    const auto late = static_cast<int32_t>(now - rec.pace_at_us);
    const uint32_t made_up = late > 0 && static_cast<uint64_t>(late) <= gap ? static_cast<uint32_t>(late) : 0;
    rec.pace_at_us = now - made_up + static_cast<uint32_t>(gap);
    rec.pace_left = static_cast<uint32_t>(burst - burst % mss);
}

}  // namespace

bool is_on(Conn c, const Params& params) noexcept {
    const Flow& flow = *c.flow;
    switch (params.pacing) {
        case Pacing::off: return false;
        case Pacing::automatic:
            return flow.srtt_us >= kLeastSrttUs && flow.cwnd_bytes > initial_window(c.tcb);
        case Pacing::on: return flow.srtt_us != 0;
    }
    return false;
}

uint64_t rate(Conn c) noexcept {
    const Flow& flow = *c.flow;
    const uint32_t tenths = flow.cwnd_bytes < flow.ssthresh_bytes / 2 ? 20 : 12;
    const uint64_t window = std::max(flow.cwnd_bytes, c.tcb.in_flight());
    return window * tenths * 100'000 / std::max(flow.srtt_us, 1u);
}

uint32_t limit(Conn c, uint32_t limit, const Context& ctx) noexcept {
    Recovery& rec = *c.rec;
    rec.pace_waits = false;
    const uint32_t in_flight = c.tcb.in_flight();
    rec.paces = is_on(c, ctx.params);
    if (limit <= in_flight || !rec.paces) return limit;
    if (rec.pace_left < c.tcb.text_mss()) {
        const auto ahead = static_cast<int32_t>(rec.pace_at_us - ctx.now.us);
        if (in_flight != 0 && ahead > 0 && ahead <= static_cast<int32_t>(kMostGapUs)) {
            rec.pace_waits = true;
            return in_flight;
        }
        begin_burst(c, ctx);
    }
    return std::min(limit, in_flight + rec.pace_left);
}

}  // namespace synfin::tcp::pacing
