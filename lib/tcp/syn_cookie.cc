#include "tcp/syn_cookie.hh"

#include <algorithm>

namespace synfin::tcp {

namespace {

/// Common MSS values, ascending: the least that is accepted, 536 (no option), IPv6 minimum, tunnels, PPPoE,
/// Ethernet, jumbo frames. A cookie encodes the largest that does not exceed the peer's (MUST-16).
constexpr uint16_t kMss[8] = {48, 216, 536, 1220, 1360, 1440, 1460, 8960};

constexpr uint32_t kNoScale = 15;
constexpr uint32_t kMacMask = (1u << 27) - 1;

/// 27 bits of SipHash-2-4 over everything that a cookie is bound to: 20 bytes for an IPv4 connection, 44 for
/// an IPv6 one. The hash includes the length, so hashes of one family reveal nothing about the other's.
uint32_t mac(HashKey key, const FourTuple& name, Seq irs, uint32_t clock, uint32_t mss_index) noexcept {
    const uint64_t hash =
        siphash_words<2, 4>(key, name.word0(), uint64_t{irs.value()} << 32 | name.local.value,
                            uint64_t{20} << 56 | clock << 3 | mss_index);
    return static_cast<uint32_t>(hash) & kMacMask;
}
uint32_t mac(HashKey key, const FourTuple6& name, Seq irs, uint32_t clock, uint32_t mss_index) noexcept {
    const auto [remote0, remote1] = name.remote.words();
    const auto [local0, local1] = name.local.words();
    const uint64_t hash =
        siphash_words<2, 4>(key, remote0, remote1, local0, local1, uint64_t{irs.value()} << 32 | name.ports(),
                            uint64_t{44} << 56 | clock << 3 | mss_index);
    return static_cast<uint32_t>(hash) & kMacMask;
}

/// Periods since the start; 17 bits. The cookie carries the lowest two.
uint32_t clock_of(uint32_t tick) noexcept {
    return tick / kCookiePeriodTicks;
}

template <typename Name>
Seq make(HashKey key, const Name& name, Seq irs, uint16_t mss, uint32_t tick) noexcept {
    uint32_t index = 0;
    while (index + 1 < 8 && kMss[index + 1] <= mss) ++index;
    const uint32_t clock = clock_of(tick);
    return Seq(clock << 30 | index << 27 | mac(key, name, irs, clock, index));
}

template <typename Name>
bool verifies(HashKey key, const Name& name, const Segment& seg, uint32_t tick) noexcept {
    const uint32_t cookie = seg.ack.value() - 1;
    const uint32_t now = clock_of(tick);
    const uint32_t age = (now - (cookie >> 30)) & 3;
    if (age >= kCookiePeriods) return false;
    const uint32_t clock = (now - age) & (UINT32_MAX / kCookiePeriodTicks);
    return mac(key, name, seg.seq - 1u, clock, cookie >> 27 & 7) == (cookie & kMacMask);
}

/// The record of a cookie that verifies.
HalfOpen record_of(const Tuple& tuple, const Segment& seg, uint32_t ts_ecr, const Params& p,
                   uint16_t path_mss, uint32_t tick) noexcept {
    const uint32_t cookie = seg.ack.value() - 1;
    HalfOpen h;
    h.tuple = tuple;
    h.iss = Seq(cookie);
    h.irs = seg.seq - 1u;
    h.started = tick;
    h.deadline = deadline_at(tick + p.rto_initial);
    h.mss = std::min(kMss[cookie >> 27 & 7], path_mss);
    h.flags = kSynResent;  // no RTT sample: the time of the SYN-ACK is unknown
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
        if (p.ecn && (ts_ecr & 32) != 0) h.flags |= kEcn;
    }
    return h;
}

}  // namespace

Seq make_cookie(HashKey key, const FourTuple& name, Seq irs, uint16_t mss, uint32_t tick) noexcept {
    return make(key, name, irs, mss, tick);
}
Seq make_cookie(HashKey key, const FourTuple6& name, Seq irs, uint16_t mss, uint32_t tick) noexcept {
    return make(key, name, irs, mss, tick);
}

uint32_t cookie_timestamp(uint32_t tick, const HalfOpen& h) noexcept {
    const uint32_t scale = (h.flags & kWindowScale) != 0 ? h.snd_shift : kNoScale;
    const uint32_t bits = scale | ((h.flags & kSack) != 0 ? 16u : 0u) | ((h.flags & kEcn) != 0 ? 32u : 0u);
    uint32_t ts = (tick & ~63u) | bits;
    if (static_cast<int32_t>(ts - tick) > 0) ts -= 64;
    return ts;
}

std::optional<HalfOpen> open_cookie(HashKey key, const Tuple& tuple, const FourTuple& name,
                                    const Segment& seg, uint32_t ts_ecr, const Params& p,
                                    uint32_t tick) noexcept {
    if (!verifies(key, name, seg, tick)) return std::nullopt;
    return record_of(tuple, seg, ts_ecr, p, p.path_mss, tick);
}
std::optional<HalfOpen> open_cookie(HashKey key, const Tuple& tuple, const FourTuple6& name,
                                    const Segment& seg, uint32_t ts_ecr, const Params& p,
                                    uint32_t tick) noexcept {
    if (!verifies(key, name, seg, tick)) return std::nullopt;
    return record_of(tuple, seg, ts_ecr, p, p.mss6, tick);
}

}  // namespace synfin::tcp
