/// @file
/// Path MTU discovery, RFC 1191, RFC 8201 and RFC 5927 7.

#include "tcp/pmtu.hh"

#include <algorithm>
#include <array>

#include "tcp/congestion.hh"
#include "tcp/rtt.hh"

namespace synfin::tcp {

namespace {

/// RFC 1191 7.1 table 7-1, down to the floor.
constexpr std::array<uint16_t, 8> kPlateaus = {65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006};

/// The new path MTU, or 0 with the reason in Effects::drop.
uint16_t judge(const TooBig& message, uint16_t mss, Effects& fx) noexcept {
    const auto present = static_cast<uint16_t>(mss + header_bytes(message.is_v6));
    const uint16_t mtu = claimed_mtu(message, present);
    fx.drop = DropReason::none;
    if (mtu >= present) fx.drop = DropReason::icmp_ignored;  // an earlier message has lowered it
    if (mtu < (message.is_v6 ? kLeastPathMtu6 : kLeastPathMtu)) fx.drop = DropReason::icmp_bad_mtu;
    return fx.drop == DropReason::none ? mtu : uint16_t{0};
}

}  // namespace

uint16_t claimed_mtu(const TooBig& message, uint16_t present) noexcept {
    if (message.mtu != 0 || message.is_v6) return message.mtu;
    const uint16_t length = std::min(message.quoted_length, present);
    const auto* const lower =
        std::find_if(kPlateaus.begin(), kPlateaus.end(), [&](uint16_t plateau) { return plateau < length; });
    return lower != kPlateaus.end() ? *lower : uint16_t{0};
}

uint16_t on_too_big(Conn c, const TooBig& message, const Context& ctx, Effects& fx) noexcept {
    Tcb& tcb = c.tcb;
    Flow* const flow = c.flow;
    if (!quotes_flight(tcb, message.quoted_seq)) {
        fx.drop = DropReason::icmp_ignored;
        return 0;
    }
    const uint16_t mtu = judge(message, tcb.mss, fx);
    if (mtu == 0) return 0;
    tcb.mss = static_cast<uint16_t>(mtu - header_bytes(message.is_v6));
    if (tcb.is_black_hole == 0) tcb.full_mss = 0;  // the message explains the timeouts: nothing to restore
    // A SYN is never too big, and a closed window is probed.
    if (flow == nullptr || tcb.has(kSynUnacked) || tcb.snd.wnd == 0) return mtu;
    congestion::on_too_big(c);
    tcb.set_deadline(DeadlineKind::rto,
                     ctx.now.tick + backed_off(rto_ticks(tcb, flow, ctx.params), flow->backoff, ctx.params));
    fx.timer = true;
    fx.output = true;
    return mtu;
}

uint16_t on_black_hole(Conn c, const Context& ctx) noexcept {
    constexpr unsigned kExpiries = 2;  // before this one
    Tcb& tcb = c.tcb;
    const bool is_second_time = tcb.full_mss != 0 && tcb.mss == tcb.full_mss;
    if ((expiries_of(c) < kExpiries && !is_second_time) || tcb.in_flight() < tcb.text_mss()) return 0;
    const bool is_v6 = ctx.is_v6(tcb.tuple);
    const uint16_t least = is_v6 ? kLeastPathMtu6 : kLeastPathMtu;
    const auto present = static_cast<uint16_t>(tcb.mss + header_bytes(is_v6));
    if (present <= least) return 0;
    const auto* const lower =
        std::find_if(kPlateaus.begin(), kPlateaus.end(), [&](uint16_t plateau) { return plateau < present; });
    const uint16_t mtu = lower != kPlateaus.end() ? std::max(*lower, least) : least;
    if (tcb.full_mss == 0) tcb.full_mss = tcb.mss;
    if (is_second_time) tcb.is_black_hole = 1;
    tcb.mss = static_cast<uint16_t>(mtu - header_bytes(is_v6));
    return tcb.is_black_hole != 0 ? mtu : uint16_t{0};
}

void on_progress_after_black_hole(Tcb& tcb, uint32_t acked) noexcept {
    if (tcb.is_black_hole != 0) return;
    if (tcb.mss < tcb.full_mss)
        tcb.mss = tcb.full_mss;
    else if (acked >= tcb.text_mss())
        tcb.full_mss = 0;  // the losses were an outage of the path
}

uint16_t on_too_big(HalfOpen& half_open, const TooBig& message, Effects& fx) noexcept {
    if (message.quoted_seq != half_open.iss) {
        fx.drop = DropReason::icmp_ignored;
        return 0;
    }
    const uint16_t mtu = judge(message, half_open.mss, fx);
    if (mtu != 0) half_open.mss = static_cast<uint16_t>(mtu - header_bytes(message.is_v6));
    return mtu;
}

}  // namespace synfin::tcp
