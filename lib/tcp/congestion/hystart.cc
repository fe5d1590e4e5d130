/// @file
/// HyStart++, RFC 9406 4.2.

#include "tcp/congestion/hystart.hh"

#include <algorithm>

namespace synfin::tcp::hystart {

namespace {

void begin_round(HystartState& s, Seq nxt) noexcept {
    s.window_end = nxt;
    s.last_round_min_rtt = s.current_round_min_rtt;
    s.current_round_min_rtt = UINT32_MAX;
    s.rtt_sample_count = 0;
    if (s.in_css && s.css_rounds < kCssRounds) ++s.css_rounds;
}

}  // namespace

void take_rtt(HystartState& s, uint32_t rtt_us) noexcept {
    s.current_round_min_rtt = std::min(s.current_round_min_rtt, rtt_us);
    if (s.rtt_sample_count < 255) ++s.rtt_sample_count;
}

uint32_t growth(HystartState& s, Seq una, Seq nxt, uint32_t acked) noexcept {
    const uint32_t current = s.current_round_min_rtt, last = s.last_round_min_rtt;
    const bool is_enough = s.rtt_sample_count >= kRttSamples && current != UINT32_MAX;
    if (!s.in_css) {
        if (is_enough && last != UINT32_MAX) {
            const uint32_t thresh = std::clamp(last / kMinRttDivisor, kMinRttThreshUs, kMaxRttThreshUs);
            if (current >= last + thresh) {
                s.css_baseline_min_rtt = current;
                s.in_css = true;
                s.css_rounds = 0;
            }
        }
    } else if (is_enough && current < s.css_baseline_min_rtt - s.css_baseline_min_rtt / 16) {
        // The RTT had not really grown. DEVIATION: RFC 9406 concludes this from any smaller sample;
        // the scoreboard's times are only exact to a sixteenth (loss/scoreboard.hh).
        s.css_baseline_min_rtt = UINT32_MAX;
        s.in_css = false;
        s.css_rounds = 0;
    }
    const uint32_t grown = s.in_css ? acked / kCssGrowthDivisor : acked;
    if (!s.started || at_or_after(una, s.window_end)) {
        s.started = true;
        begin_round(s, nxt);
    }
    return grown;
}

}  // namespace synfin::tcp::hystart
