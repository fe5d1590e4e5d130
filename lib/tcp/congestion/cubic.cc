/// @file
/// CUBIC, RFC 9438, in bytes and milliseconds. beta_cubic = 0.7, C = 0.4.

#include "tcp/congestion/cubic.hh"

#include <algorithm>

#include "tcp/congestion/hystart.hh"
#include "tcp/congestion/newreno.hh"

namespace synfin::tcp::cubic {

namespace {

/// W_cubic(t) (equation 1): `d_ms` is t - K.
uint64_t plateau_plus(const CubicState& s, int64_t d_ms, uint32_t smss) noexcept {
    // Beyond 200 s the curve is far above every window; the limit keeps the product in 64 bits.
    const int64_t d = std::clamp<int64_t>(d_ms, -200'000, 200'000);
    const auto size = static_cast<uint64_t>(d < 0 ? -d : d);
    const uint64_t delta = size * size * size / 1000 * (4 * uint64_t{smss}) / 10 / 1'000'000;
    if (d >= 0) return s.w_max + delta;
    return s.w_max - std::min<uint64_t>(delta, s.w_max);
}

/// RFC 9438 4.2: a stage of congestion avoidance begins.
void begin_epoch(CubicState& s, uint32_t cwnd, uint32_t smss, const Now& now) noexcept {
    s.in_epoch = true;
    s.epoch_start = now.tick;
    s.w_est = cwnd;
    s.w_est_rest = 0;
    if (s.after_timeout || s.w_max <= cwnd) {
        s.w_max = cwnd;
        s.k_ms = 0;
    } else {  // equation 2: K = cbrt((W_max - cwnd_epoch) / C)
        s.k_ms = cube_root(uint64_t{s.w_max - cwnd} * 2'500'000'000 / smss);
    }
    s.after_timeout = false;
}

void avoid_congestion(Conn c, uint32_t acked, const Now& now) noexcept {
    CubicState& s = c.rec->cubic;
    Flow& flow = *c.flow;
    const uint32_t smss = c.tcb.text_mss();
    const uint32_t cwnd = std::max(flow.cwnd_bytes, 1u);
    if (!s.in_epoch) begin_epoch(s, cwnd, smss, now);
    // 4.2: t does not include periods in which the application limited the connection.
    else if (c.rec->is_app_limited)
        s.epoch_start += now.tick - c.rec->grown_at;
    c.rec->is_app_limited = false;
    c.rec->grown_at = now.tick;
    const int64_t t = now.tick - s.epoch_start;
    // Equation 4, with alpha_cubic = 9/17 until Reno would have reached the window of the last loss.
    uint64_t step = (uint64_t{smss} * acked << 16) / cwnd;
    if (s.w_est < s.cwnd_prior) step = step * 9 / 17;
    step += s.w_est_rest;
    s.w_est_rest = static_cast<uint16_t>(step);
    s.w_est = static_cast<uint32_t>(std::min<uint64_t>(s.w_est + (step >> 16), newreno::kMostBytes));
    if (plateau_plus(s, t - s.k_ms, smss) < s.w_est) {  // 4.3: the Reno-friendly region
        flow.cwnd_bytes = std::max(cwnd, s.w_est);
    } else {  // 4.4 and 4.5
        const uint64_t ahead = plateau_plus(s, t + flow.srtt_us / 1000 - s.k_ms, smss);
        const uint64_t target = std::clamp<uint64_t>(ahead, cwnd, cwnd + cwnd / 2);
        flow.cwnd_bytes = cwnd + static_cast<uint32_t>((target - cwnd) * acked / cwnd);
    }
    flow.cwnd_bytes = std::min(flow.cwnd_bytes, newreno::kMostBytes);
}

}  // namespace

void grow(Conn c, uint32_t acked, const Now& now) noexcept {
    Flow& flow = *c.flow;
    if (c.rec == nullptr) return newreno::grow(c, acked, now);
    if (flow.cwnd_bytes >= flow.ssthresh_bytes) return avoid_congestion(c, acked, now);
    HystartState& slow_start = c.rec->hystart;
    if (flow.ssthresh_bytes != UINT32_MAX) return newreno::grow(c, acked, now);
    const uint32_t growth = hystart::growth(slow_start, c.tcb.snd.una, c.tcb.snd.nxt, acked);
    if (growth != acked) flow.set(kCapped);
    newreno::grow(c, growth, now);
    if (hystart::has_ended(slow_start)) flow.ssthresh_bytes = flow.cwnd_bytes;
}

uint32_t reduce(Conn c, uint32_t flight) noexcept {
    if (c.rec != nullptr) {
        CubicState& s = c.rec->cubic;
        const uint32_t cwnd = c.flow->cwnd_bytes;
        s.cwnd_prior = cwnd;
        // 4.7, fast convergence: a flow that loses below its last plateau leaves room for others.
        s.w_max = cwnd < s.w_max ? static_cast<uint32_t>(uint64_t{cwnd} * 17 / 20) : cwnd;
        s.in_epoch = false;
    }
    return std::max(static_cast<uint32_t>(uint64_t{flight} * 7 / 10), 2 * c.tcb.text_mss());
}

void on_rto(Conn c) noexcept {
    if (c.rec != nullptr) c.rec->cubic.after_timeout = true;
}

void take_rtt(Conn c, uint32_t rtt_us) noexcept {
    if (c.flow->ssthresh_bytes == UINT32_MAX) hystart::take_rtt(c.rec->hystart, rtt_us);
}

uint32_t cube_root(uint64_t n) noexcept {
    uint64_t root = 0;
    for (int bit = 21; bit >= 0; --bit) {
        const uint64_t larger = root | uint64_t{1} << bit;
        if (larger * larger * larger <= n) root = larger;
    }
    return static_cast<uint32_t>(root);
}

}  // namespace synfin::tcp::cubic
