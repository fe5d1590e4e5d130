#include "engine_peer.hh"

#include <algorithm>
#include <iterator>

namespace synfin::fuzz {

using namespace fakes;  // NOLINT(google-build-using-namespace)

namespace {

/// A number near `here` or `there`: equal, one off, or up to 2^15 away.
uint32_t near(Story& story, uint32_t here, uint32_t there) {
    const uint8_t how = story.byte();
    const uint32_t base = how & 0x80 ? there : here;
    switch (how % 6) {
        case 0:
        case 1:
        case 2: return base;
        case 3: return base + 1;
        case 4: return base - 1;
        default: return base + static_cast<uint32_t>(static_cast<int16_t>(story.word()));
    }
}

void fill(Packet& p) {
    const uint32_t first = p.seq + (p.has(kSyn) ? 1 : 0);
    for (uint32_t i = 0; i < p.payload.size(); ++i) p.payload[i] = byte_at(first + i);
}

}  // namespace

void PeerFlow::note(const Packet& packet) {
    if (packet.has(kRst)) return;
    if (packet.has(kSyn)) {
        seen_una = packet.seq;
        count_ = 0;
    }
    seen_nxt = packet.seq + packet.seg_len();
    if (packet.ts) ts_echo = packet.ts->val;
    if (packet.payload.empty()) return;
    if (count_ == kPieces) {
        std::move(pieces_.begin() + 1, pieces_.end(), pieces_.begin());
        --count_;
    }
    pieces_[count_++] = {packet.seq, packet.seq + static_cast<uint32_t>(packet.payload.size())};
}

void PeerFlow::forget_acknowledged() {
    const auto end = pieces_.begin() + count_;
    const auto left = std::remove_if(pieces_.begin(), end, [this](const Piece& piece) {
        return static_cast<int32_t>(piece.right - seen_una) <= 0;
    });
    count_ = static_cast<unsigned>(left - pieces_.begin());
}

Packet PeerFlow::any_segment(Story& story) {
    constexpr int kUsual[] = {kSyn, kAck,        kAck | kPsh,        kAck | kFin,
                              kRst, kSyn | kAck, kAck | kPsh | kFin, kRst | kAck};
    const uint8_t flags = story.byte();
    Packet p;
    p.src = peer;
    p.dst = us;
    p.sport = peer_port;
    p.dport = our_port;
    p.flags = flags & 0x80 ? flags & 0x3f : kUsual[flags % 8];
    p.seq = near(story, nxt, nxt + 6000);
    if (p.has(kAck)) p.ack = near(story, seen_nxt, seen_una);
    const uint8_t shape = story.byte();
    if (shape & 1) p.payload.resize(story.byte() * (shape & 2 ? 5u : 1u));
    if (shape & 4) wnd = shape & 8 ? story.word() : uint16_t{0};
    p.wnd = wnd;
    if (p.has(kUrg)) p.urg = story.word();
    if (shape & 16) {
        if (shape & 32) ts += story.byte();
        p.ts = Ts{shape & 64 ? ts - 7 : ts, ts_echo};
    }
    if (p.has(kSyn)) {
        if (shape & 32) p.mss = story.byte();
        p.sack_ok = (shape & 64) != 0;
        if (shape & 64) p.wscale = story.byte();
    }
    if (shape & 128) p.options = story.bytes(4 * (1 + shape % 8));
    fill(p);
    if (p.seq == nxt && !p.has(kRst)) nxt += p.seg_len();
    if (p.has(kSyn) && !p.has(kAck)) nxt = p.seq + 1;
    if (p.has(kAck)) seen_una = p.ack;
    return p;
}

Packet PeerFlow::syn(uint8_t choice, bool with_ack) {
    constexpr uint16_t kMss[] = {0, 1460, 536, 200};
    Packet p = plain(nxt, with_ack ? seen_nxt : 0, 0);
    p.flags = kSyn | (with_ack ? kAck : 0);
    p.sack_ok = (choice & 1) != 0;
    sends_ts = (choice & 2) != 0;
    p.ts.reset();
    if (sends_ts) p.ts = Ts{ts, with_ack ? ts_echo : 0};
    if (choice & 4) p.wscale = 7;
    if (const uint16_t mss = kMss[choice >> 3 & 3]; mss != 0) p.mss = mss;
    if (choice & 32) p.flags |= with_ack ? kEce : kEce | kCwr;
    echoes_ecn = false;
    tos = 0;
    wnd = 65535;
    p.wnd = wnd;
    p.tos = 0;
    nxt += 1;
    return p;
}

/// An ACK of the connection as it is, with or without text.
Packet PeerFlow::plain(uint32_t seq, uint32_t ack, uint32_t bytes) {
    Packet p;
    p.src = peer;
    p.dst = us;
    p.sport = peer_port;
    p.dport = our_port;
    p.flags = kAck | (echoes_ecn ? kEce : 0);
    p.seq = seq;
    p.ack = ack;
    p.wnd = wnd;
    p.tos = tos;
    if (sends_ts) p.ts = Ts{++ts, ts_echo};
    p.payload.resize(bytes);
    fill(p);
    return p;
}

Packet PeerFlow::acknowledge_all() {
    seen_una = seen_nxt;
    count_ = 0;
    return plain(nxt, seen_una, 0);
}

Packet PeerFlow::acknowledge(unsigned style, Story& story) {
    switch (style) {
        case 0: return acknowledge_all();
        case 1: {
            Packet p = plain(nxt, seen_una, 0);
            add_sack(p, story.byte());
            return p;
        }
        case 2: return plain(nxt, seen_una, 0);
        default: {
            if (count_ == 0) return acknowledge_all();
            seen_una = pieces_[0].right;
            forget_acknowledged();
            return plain(nxt, seen_una, 0);
        }
    }
}

/// Bit i of `chosen` reports the segment i; bit 0 with all others reports text below SND.UNA (D-SACK).
void PeerFlow::add_sack(Packet& packet, uint8_t chosen) const {
    if (chosen == 0xff) packet.sack.emplace_back(seen_una - 100, seen_una);
    for (unsigned i = 0; i < std::min(count_, 8u); ++i) {
        if ((chosen >> i & 1) == 0) continue;
        if (!packet.sack.empty() && packet.sack.back().second == pieces_[i].left)
            packet.sack.back().second = pieces_[i].right;
        else
            packet.sack.emplace_back(pieces_[i].left, pieces_[i].right);
    }
    if (chosen & 0x80) std::reverse(packet.sack.begin(), packet.sack.end());
}

Packet PeerFlow::text(uint32_t bytes) {
    const Packet p = plain(nxt, seen_nxt, bytes);
    seen_una = seen_nxt;
    nxt += bytes;
    return p;
}

Packet PeerFlow::odd_text(unsigned style, Story& story) {
    constexpr uint32_t kBytes = 536;
    switch (style) {
        case 0: return plain(nxt + kBytes * (1 + story.byte() % 8), seen_una, kBytes);
        case 1: return plain(nxt - kBytes, seen_una, kBytes);
        case 2: {
            const Packet p = plain(nxt - 100, seen_una, kBytes);
            nxt += kBytes - 100;
            return p;
        }
        default: {
            const Packet p = plain(nxt, seen_una, 2 * kBytes);
            nxt += 2 * kBytes;
            return p;
        }
    }
}

Packet PeerFlow::fin(uint32_t bytes) {
    Packet p = plain(nxt, seen_una, bytes);
    p.flags |= kFin;
    nxt += bytes + 1;
    return p;
}

Packet PeerFlow::rst() {
    Packet p = plain(nxt, seen_una, 0);
    p.flags = kRst | kAck;
    return p;
}

}  // namespace synfin::fuzz
