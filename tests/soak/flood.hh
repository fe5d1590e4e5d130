#pragma once
/// @file
/// Flood: packets of an attacker that belong to no connection, or that guess the numbers of one.

#include "base/random.hh"
#include "fakes/packet.hh"

namespace synfin::soak {

/// What a round's flood consists of; `mixed` is any of the others.
enum class FloodKind : uint8_t { none, syn, ack, rst, fin, syn_ack, text, icmp, mixed, kCount };

/// @param target the attacked host; half of the packets claim to come from `friendly`, which has connections
///        to it at the ports 32,768 and above.
inline std::vector<uint8_t> flood_packet(FloodKind kind, Random& random, const IpAddress& target,
                                         const IpAddress& friendly) {
    using namespace fakes;  // NOLINT(google-build-using-namespace)
    if (kind == FloodKind::mixed) kind = static_cast<FloodKind>(1 + random.below(7));
    Packet p;
    p.dst = target;
    p.src = random.below(2) != 0 ? friendly : host(0x10000 + random.below(0xffff), target.family);
    p.sport = static_cast<uint16_t>(32'768 + random.below(28'000));
    p.dport = static_cast<uint16_t>(random.below(4) != 0 ? 80 + random.below(2) : random.below(65'536));
    p.seq = static_cast<uint32_t>(random.next());
    p.ack = static_cast<uint32_t>(random.next());
    p.wnd = static_cast<uint16_t>(random.next());
    if (random.below(2) != 0) p.ts = Ts{static_cast<uint32_t>(random.next()), 0};
    switch (kind) {
        case FloodKind::syn:
            p.flags = kSyn;
            p.sack_ok = true;
            p.mss = static_cast<uint16_t>(random.below(2000));
            break;
        case FloodKind::rst: p.flags = kRst; break;
        case FloodKind::fin: p.flags = kFin | kAck; break;
        case FloodKind::syn_ack: p.flags = kSyn | kAck; break;
        case FloodKind::text:
            p.flags = kAck | kPsh;
            p.payload.resize(random.below(500));
            break;
        case FloodKind::icmp: {
            p.flags = kAck;
            std::swap(p.src, p.dst);  // quotes a segment that we are said to have sent
            std::swap(p.sport, p.dport);
            const bool six = target.is_v6();
            return icmp_error(friendly, target, static_cast<uint8_t>(six ? 1 + random.below(4) : 3),
                              static_cast<uint8_t>(random.below(6)), build(p), random.below(1500));
        }
        case FloodKind::none:
        case FloodKind::ack:
        case FloodKind::mixed:
        case FloodKind::kCount: p.flags = kAck; break;
    }
    if (!p.has(kAck)) p.ack = 0;
    return build(p);
}

}  // namespace synfin::soak
