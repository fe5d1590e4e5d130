#include "tcp/syn_cookie.hh"

#include <algorithm>

#include "tcp/isn.hh"

namespace synfin::tcp {

namespace {

/// Common values, ascending: as small as any (MUST-16: never more than the peer's), 536 (no option), 1220 and
/// 1280-ish tunnels, PPPoE, Ethernet with and without timestamps, jumbo.
constexpr uint16_t kMss[8] = {48, 216, 536, 1220, 1360, 1440, 1460, 8960};

constexpr uint32_t kNoScale = 15;

uint32_t mac(HashKey key, const Tuple& t, Seq irs, uint32_t clock, uint32_t mss_index) noexcept {
    const HashKey bound{key.k0 ^ (uint64_t{irs.value()} << 32 | clock << 3 | mss_index), key.k1};
    return static_cast<uint32_t>(tuple_prf(bound, t, 3)) & 0xffffff;
}

uint32_t clock_of(uint32_t tick) noexcept {
    return (tick / kCookiePeriodTicks) & 31;
}

}  // namespace

Seq make_cookie(HashKey key, const Tuple& tuple, Seq irs, uint16_t mss, uint32_t tick) noexcept {
    uint32_t index = 0;
    while (index + 1 < 8 && kMss[index + 1] <= mss) ++index;
    const uint32_t clock = clock_of(tick);
    return Seq(clock << 27 | index << 24 | mac(key, tuple, irs, clock, index));
}

uint32_t cookie_timestamp(uint32_t tick, const HalfOpen& h) noexcept {
    const uint32_t scale = (h.flags & kWindowScale) != 0 ? h.snd_shift : kNoScale;
    const uint32_t bits = scale | ((h.flags & kSack) != 0 ? 16u : 0u);
    uint32_t ts = (tick & ~63u) | bits;
    if (static_cast<int32_t>(ts - tick) > 0) ts -= 64;
    return ts;
}

std::optional<HalfOpen> open_cookie(HashKey key, const Tuple& tuple, const Segment& seg, uint32_t ts_ecr,
                                    const Params& p, uint32_t tick) noexcept {
    const uint32_t cookie = seg.ack.value() - 1;
    const uint32_t clock = cookie >> 27;
    const uint32_t index = cookie >> 24 & 7;
    if (((clock_of(tick) - clock) & 31) >= kCookiePeriods) return std::nullopt;
    const Seq irs = seg.seq - 1u;
    if (mac(key, tuple, irs, clock, index) != (cookie & 0xffffff)) return std::nullopt;
    HalfOpen h;
    h.tuple = tuple;
    h.iss = Seq(cookie);
    h.irs = irs;
    h.started = tick;
    h.deadline = deadline_at(tick + p.rto_initial);
    h.mss = std::min(kMss[index], p.path_mss);
    h.flags = kSynResent;  // when the SYN-ACK left is not known: no RTT sample
    h.wnd = seg.wnd;
    if (p.timestamps && seg.has_ts) {
        h.flags |= kTimestamps;
        h.ts_recent = seg.ts_val;
        const uint32_t scale = ts_ecr & 15;
        if (p.window_scale && scale != kNoScale) {
            h.flags |= kWindowScale;
            h.snd_shift = static_cast<uint8_t>(std::min(scale, 14u));
        }
        if (p.sack_permitted && (ts_ecr & 16) != 0) h.flags |= kSack;
    }
    return h;
}

}  // namespace synfin::tcp
