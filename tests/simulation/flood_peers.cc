/// @file
/// The attacks of the table in docs/attacks/in-memory.md by peers that have connections.

#include <algorithm>

#include "flood_attacks.hh"

namespace synfin::simulation {

using fakes::kAck;
using fakes::kFin;
using fakes::kPsh;
using fakes::kRst;
using fakes::kSyn;

namespace {

constexpr uint32_t kPeers = 64;
constexpr uint32_t kMss = 1460;

/// Raw options of a SYN: the MSS, and SACK if `sack`.
std::vector<uint8_t> syn_options(uint16_t mss, bool sack) {
    const auto high = static_cast<uint8_t>(mss >> 8), low = static_cast<uint8_t>(mss);
    if (sack) return {2, 4, high, low, 1, 1, 4, 2};
    return {2, 4, high, low};
}
/// Room for `blocks` SACK blocks in each segment; their words begin at the second.
std::vector<uint8_t> sack_options(uint8_t blocks) {
    std::vector<uint8_t> out = {1, 1, 5, static_cast<uint8_t>(2 + 8 * blocks)};
    out.resize(4 + 8 * size_t{blocks});
    return out;
}

std::function<void(FloodWorld&)> peers(PeerOptions options, uint32_t count = kPeers) {
    return [options = std::move(options), count](FloodWorld& w) { w.open_peers(count, options); };
}

/// Peers without SACK that have asked for text without an end.
std::function<void(FloodWorld&)> readers(uint16_t mss = kMss) {
    return peers({.syn_options = syn_options(mss, false), .request = "B"});
}
std::function<void(FloodWorld&)> sackers() {
    return peers({.syn_options = syn_options(kMss, true), .options = sack_options(4), .request = "B"});
}

void acknowledge(AttackPeer& peer, uint32_t to) {
    peer.una = to;
    peer.frame.ack(to);
}

void add_text(std::vector<Attack>& out) {
    auto one_byte = [](std::function<uint32_t(FloodWorld&, AttackPeer&)> seq_of) {
        return [seq_of = std::move(seq_of), frame = FloodFrame(attack_segment(k4, kAck | kPsh, 1))](
                   FloodWorld& w, uint64_t n) mutable {
            AttackPeer& peer = w.peer(n);
            put32(frame.ip() + 12, 0xc0000207);
            frame.source_port(1024 + static_cast<uint32_t>(n % kPeers));
            w.inject(frame.seq(seq_of(w, peer)).ack(peer.highest));
        };
    };
    const auto talkers = peers({.syn_options = syn_options(kMss, true), .request = "x"});
    out.push_back({.name = "one-byte segments",
                   .why = "In-order text goes to the application from the packet; nothing is kept.",
                   .send = one_byte([](FloodWorld&, AttackPeer& peer) { return peer.nxt++; }),
                   .prepare = talkers});
    out.push_back({.name = "holes: every second byte",
                   .why = "Pieces and bytes that a connection keeps out of order are limited.",
                   .send = one_byte([](FloodWorld&, AttackPeer& peer) {
                       peer.step = (peer.step + 2) % 60'000;
                       return peer.nxt + 1 + peer.step;
                   }),
                   .prepare = talkers});
    out.push_back(
        {.name = "holes: random bytes of the window",
         .why = "Pieces and bytes that a connection keeps out of order are limited.",
         .send = one_byte([](FloodWorld& w, AttackPeer& peer) { return peer.nxt + 1 + w.random() % 60'000; }),
         .prepare = talkers});
    out.push_back({.name = "the same byte again",
                   .why = "Duplicate text is dropped and answered by one ACK.",
                   .send = one_byte([](FloodWorld&, AttackPeer& peer) { return peer.nxt - 1; }),
                   .prepare = talkers});
}

void add_acks(std::vector<Attack>& out) {
    const auto send = [](auto change) {
        return [change](FloodWorld& w, uint64_t n) {
            AttackPeer& peer = w.peer(n);
            change(w, peer);
            w.inject(peer.frame);
        };
    };
    out.push_back({.name = "MSS 1 (20,000/s)",
                   .why = "Smaller MSS values count as 48; cwnd and SND.WND limit what leaves for each ACK.",
                   .send = send([](FloodWorld&, AttackPeer& peer) { acknowledge(peer, peer.highest); }),
                   .prepare = readers(1),
                   .rate = 20'000});
    out.push_back(
        {.name = "ACK of text not sent yet",
         .why = "An ACK beyond SND.NXT changes nothing; its challenge ACK is limited per connection.",
         .send = send([](FloodWorld& w, AttackPeer& peer) {
             peer.frame.ack(peer.highest + 1 + w.random() % 0x40000000);
         }),
         .prepare = readers()});
    out.push_back(
        {.name = "ACK of text still in flight (200,000/s)",
         .why = "SND.WND and cwnd limit what is in flight, also for a peer that acknowledges early.",
         .send = send([](FloodWorld&, AttackPeer& peer) {
             const uint32_t to = peer.una + 10 * kMss;
             acknowledge(peer, static_cast<int32_t>(to - peer.highest) <= 0 ? to : peer.highest);
         }),
         .prepare = readers(),
         .rate = 200'000});
    out.push_back({.name = "duplicate ACKs",
                   .why = "A duplicate ACK lets at most one segment leave, and PRR ends that at ssthresh.",
                   .send = send([](FloodWorld&, AttackPeer&) {}),
                   .prepare = readers()});
    out.push_back({.name = "ACK division: one byte each",
                   .why = "cwnd grows by the bytes acknowledged, not by ACKs (RFC 3465).",
                   .send = send([](FloodWorld&, AttackPeer& peer) {
                       if (peer.una != peer.highest) acknowledge(peer, peer.una + 1);
                   }),
                   .prepare = readers()});
    out.push_back(
        {.name = "zero-window peers",
         .why = "Each connection may queue 4 KiB; beyond that the threshold shrinks with the free blocks.",
         .send = send([](FloodWorld&, AttackPeer& peer) {
             acknowledge(peer, peer.highest);
             peer.frame.window(0);
         }),
         .prepare = peers({.syn_options = syn_options(kMss, false), .request = "B"}, 4'000)});
    out.push_back(
        {.name = "never-reading peers (40,000/s)",
         .why = "Each connection may queue 4 KiB; beyond that the threshold shrinks with the free blocks.",
         .send = send([](FloodWorld&, AttackPeer&) {}),
         .prepare = peers({.syn_options = syn_options(kMss, false), .request = "B"}, 4'000),
         .rate = 40'000});
}

/// Each packet repeats the ACK, with four blocks that `block` fills in.
template <typename Block>
std::function<void(FloodWorld&, uint64_t)> with_blocks(Block block) {
    return [block](FloodWorld& w, uint64_t n) {
        AttackPeer& peer = w.peer(n);
        for (uint32_t i = 0; i < 4; ++i) {
            uint32_t left = 0, right = 0;
            block(w, peer, i, left, right);
            peer.frame.option_word(1 + 2 * i, left).option_word(2 + 2 * i, right);
        }
        w.inject(peer.frame);
    };
}

void add_sacks(std::vector<Attack>& out) {
    const char* runs =
        "A block walks a bounded number of times over at most 159 runs; the list never grows beyond them.";
    out.push_back(
        {.name = "SACK of text not sent",
         .why = "Blocks outside [SND.UNA, SND.NXT) are ignored.",
         .send = with_blocks([](FloodWorld& w, AttackPeer& peer, uint32_t, uint32_t& left, uint32_t& right) {
             left = peer.highest + 1 + w.random() % 1'000'000;
             right = left + 1 + w.random() % 1'000'000;
         }),
         .prepare = sackers()});
    out.push_back(
        {.name = "SACK blocks that overlap",
         .why = runs,
         .send = with_blocks([](FloodWorld& w, AttackPeer& peer, uint32_t, uint32_t& left, uint32_t& right) {
             const uint32_t flight = peer.highest - peer.una;
             left = peer.una + 1 + w.random() % std::max(flight, 2u);
             right = left + 1 + w.random() % std::max(flight, 2u);
         }),
         .prepare = sackers()});
    out.push_back(
        {.name = "SACK of every second byte",
         .why = runs,
         .send = with_blocks([](FloodWorld&, AttackPeer& peer, uint32_t, uint32_t& left, uint32_t& right) {
             peer.step = (peer.step + 2) % std::max(peer.highest - peer.una, 2u);
             left = peer.una + 1 + peer.step;
             right = left + 1;
         }),
         .prepare = sackers()});
    out.push_back({.name = "SACK blocks turned round",
                   .why = "A block whose right edge is not behind its left edge is ignored.",
                   .send = with_blocks([](FloodWorld& w, AttackPeer&, uint32_t, uint32_t& left,
                                          uint32_t& right) { left = w.random(), right = w.random(); }),
                   .prepare = sackers()});
    out.push_back(
        {.name = "D-SACK flood (200,000/s)",
         .why = "The reordering window is at most an SRTT; an undo needs retransmissions.",
         .send = with_blocks([](FloodWorld&, AttackPeer& peer, uint32_t i, uint32_t& left, uint32_t& right) {
             if (i == 0) acknowledge(peer, peer.highest);
             left = peer.una - (i == 0 ? 2 * kMss : kMss), right = left + kMss;
         }),
         .prepare = sackers(),
         .rate = 200'000});
    out.push_back({.name = "SACK, then its opposite (reneging)",
                   .why = "Reneged text is sent again, at the rate of cwnd.",
                   .send = with_blocks(
                       [](FloodWorld& w, AttackPeer& peer, uint32_t i, uint32_t& left, uint32_t& right) {
                           if (i == 0 && w.random() % 16 == 0 && peer.highest - peer.una > 2 * kMss)
                               acknowledge(peer, peer.una + kMss);
                           left = peer.una + (i + 1) * kMss, right = left + kMss;
                       }),
                   .prepare = sackers()});
}

/// Answers the server's segments so that whole lives pass: `request` in the last ACK of the handshake.
std::function<void(FloodWorld&, const Heard&)> live(uint8_t request, bool rst = false) {
    Packet packet = attack_segment(k4, kAck | kPsh, 1);
    packet.payload = {request};
    Packet fin = attack_segment(k4, kAck | kFin);
    return [ack = FloodFrame(packet), fin = FloodFrame(fin), rst](FloodWorld& w, const Heard& heard) mutable {
        if (heard.has(kRst) || heard.is_v6) return;
        if (heard.has(kSyn)) {
            w.inject(ack.source(heard.address).source_port(heard.port).seq(heard.ack).ack(heard.end()));
        } else if (heard.has(kFin)) {
            fin.flags(rst ? kRst : kAck | kFin);
            w.inject(fin.source(heard.address).source_port(heard.port).seq(heard.ack).ack(heard.end()));
        }
    };
}

void add_lives(std::vector<Attack>& out) {
    Packet plain = attack_segment(k4, kSyn);
    plain.ts.reset();  // so that later segments need none
    const FloodFrame syn(plain);
    auto syns = [syn](uint32_t most) {
        return [frame = syn, most](FloodWorld& w, uint64_t n) mutable {
            if (n >= most) return;
            const auto i = static_cast<uint32_t>(n);
            w.inject(frame.source(0x08000000 + i / 60'000).source_port(1024 + i % 60'000).seq(i * 64'000));
        };
    };
    out.push_back({.name = "connections that are held (300,000 SYN/s)",
                   .why = "A connection without data takes 128 B; the application's idle time-out ends it.",
                   .send = syns(12'000),
                   .hear = live('x'),
                   .rate = 300'000});
    out.push_back({.name = "TIME-WAIT full (300,000 SYN/s)",
                   .why = "The oldest TIME-WAIT record yields, so that no connection is refused.",
                   .send = syns(UINT32_MAX),
                   .hear = live(kClose),
                   .rate = 300'000});
    out.push_back({.name = "open and reset in turn (300,000 SYN/s)",
                   .why = "An RST at RCV.NXT frees the record at once.",
                   .send = syns(UINT32_MAX),
                   .hear = live(kClose, true),
                   .rate = 300'000});
    // prepare() makes 1,000 connections that the server closes first. The attacker sees none of them.
    auto assassin = [syn](int flags, uint32_t payload) {
        Packet packet = attack_segment(k4, flags, payload);
        packet.ts.reset();
        return [frame = FloodFrame(packet)](FloodWorld& w, uint64_t n) mutable {
            w.inject(frame.source(0x08000000)
                         .source_port(1024 + static_cast<uint32_t>(n % 1'000))
                         .seq(w.random())
                         .ack(w.random()));
        };
    };
    const auto before = [answer = live(kClose)](FloodWorld& w, const Heard& heard) {
        if (!w.is_prepared()) answer(w, heard);
    };
    auto waiting = [syn](FloodWorld& w) {
        FloodFrame frame = syn;
        for (uint32_t i = 0; i < 1'000; ++i) {
            w.inject(frame.source(0x08000000).source_port(1024 + i).seq(i));
            if (i % 64 == 0) w.run(50us, false);
        }
        w.run(1ms, false);
    };
    out.push_back({.name = "RST in TIME-WAIT",
                   .why = "RFC 1337: an RST does not end TIME-WAIT.",
                   .send = assassin(kRst, 0),
                   .hear = before,
                   .prepare = waiting});
    out.push_back({.name = "data in TIME-WAIT",
                   .why = "Segments that are not acceptable get an ACK and restart nothing.",
                   .send = assassin(kAck | kPsh, 100),
                   .hear = before,
                   .prepare = waiting});
    out.push_back({.name = "SYN in TIME-WAIT",
                   .why = "A newer SYN opens a half-open record in the place of the old record (RFC 6191).",
                   .send = assassin(kSyn, 0),
                   .hear = before,
                   .prepare = waiting});
}

}  // namespace

void add_connection_attacks(std::vector<Attack>& out) {
    add_text(out);
    add_acks(out);
    add_sacks(out);
    add_lives(out);
}

}  // namespace synfin::simulation
