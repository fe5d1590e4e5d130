/// What an attacker who sees nothing can inject into a connection, and how many packets it takes. The
/// accepted numbers are counted, packet by packet. The table must equal blind.tsv; SYNFIN_UPDATE=1 rewrites
/// it. docs/attacks/in-memory.md shows it (scripts/check_docs.py --write).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <random>

#include "blind_victim.hh"
#include "committed_table.hh"

namespace synfin::simulation {
namespace {

using fakes::Family;
using fakes::kAck;
using fakes::kFin;
using fakes::kRst;
using fakes::kSyn;

constexpr double kSpace = 4294967296.0;
constexpr uint32_t kMargin = 1'000;   ///< numbers tried on each side of what is accepted
constexpr uint32_t kRandom = 20'000;  ///< random numbers of the whole space

/// How many values of one field pass, of all within `margin` of [first, last], and of random ones. Each value
/// must be tried against a connection that earlier values have not changed: `renew` makes one after a value
/// that changed it.
class Count {
  public:
    Count(Family family, VictimState state, bool timestamps = false)
        : family_(family), state_(state), timestamps_(timestamps), victim_(make()) {}

    using Change = std::function<void(Packet&, uint32_t value)>;
    /// @param passes whether the value had the effect that the attacker wants; none: it passed the checks.
    uint32_t passing(const Packet& base, uint32_t first, uint32_t last, const Change& change,
                     const std::function<bool(BlindVictim&, bool)>& passes = {}) {
        uint32_t count = 0;
        const auto attempt = [&](uint32_t value) {
            Packet packet = base;
            change(packet, value);
            bool is_past = victim_->inject(packet);
            if (passes) is_past = passes(*victim_, is_past);
            while (victim_->stack().output()) continue;
            if (is_past && renews_ && is_changed() && !victim_->restore()) victim_ = make();
            return is_past;
        };
        for (uint32_t v = first - kMargin; v != last + kMargin + 1; ++v) count += attempt(v);
        std::mt19937 random(1);
        for (uint32_t i = 0; i < kRandom; ++i) {
            const auto v = static_cast<uint32_t>(random());
            if (v - (first - kMargin) <= last - first + 2 * kMargin) continue;
            EXPECT_FALSE(attempt(v)) << v << " is outside the window and passed";
        }
        return count;
    }
    BlindVictim& victim() { return *victim_; }
    /// For numbers that are tried in their order and do not spoil later ones: making a connection is slow.
    void keep_victim() { renews_ = false; }

  private:
    bool renews_ = true;
    std::unique_ptr<BlindVictim> make() const {
        return std::make_unique<BlindVictim>(family_, state_, timestamps_);
    }
    bool is_changed() {
        if (!fresh_) fresh_ = make();
        const ConnectionInfo a = victim_->info(), b = fresh_->info();
        return a.state != b.state || a.snd_una != b.snd_una || a.rcv_nxt != b.rcv_nxt ||
               a.snd_wnd != b.snd_wnd;
    }
    Family family_;
    VictimState state_;
    bool timestamps_;
    std::unique_ptr<BlindVictim> victim_, fresh_;
};

struct Row {
    std::string what, where;
    std::string accepted;  ///< of 2^32, measured
    double packets;        ///< to cover the space; infinity: never
    std::string why;
};

std::string text(double packets) {
    if (std::isinf(packets)) return "never";
    char out[40];
    if (packets < 1e6)
        std::snprintf(out, sizeof out, "%.0f", packets);
    else
        std::snprintf(out, sizeof out, "2^%.1f", std::log2(packets));
    return out;
}
std::string text(uint32_t a) {
    return std::to_string(a);
}

const auto kSeq = [](Packet& p, uint32_t v) { p.seq = v; };
const auto kAckNumber = [](Packet& p, uint32_t v) { p.ack = v; };
const double kNever = HUGE_VAL;

/// SEG.SEQ that passes, for a segment with these flags.
uint32_t sequence_numbers(Family family, VictimState state, int flags, uint32_t payload = 0) {
    Count count(family, state);
    const Packet base = count.victim().segment(flags, payload);
    const uint32_t last = base.seq + count.victim().window();
    return count.passing(base, base.seq - payload, last, kSeq);
}
/// SEG.ACK that passes, without text.
uint32_t ack_numbers(Family family, VictimState state) {
    Count count(family, state);
    count.keep_victim();
    const Packet base = count.victim().segment(kAck);
    return count.passing(base, base.ack - 100, count.victim().info().snd_nxt, kAckNumber);
}
/// SEG.SEQ that passes for a FIN, each tried on a connection of its own: all near the edges of the window,
/// and some between them.
uint32_t fin_numbers(Family family, VictimState state) {
    const BlindVictim first(family, state);
    const uint32_t nxt = first.info().rcv_nxt, window = first.window();
    const auto attempt = [&](uint32_t seq) {
        BlindVictim victim(family, state);
        Packet fin = victim.segment(kAck | kFin);
        fin.seq = seq;
        return victim.inject(fin);
    };
    constexpr uint32_t kNear = 3, kApart = 4'099;
    for (uint32_t v = nxt - kNear; v != nxt; ++v) EXPECT_FALSE(attempt(v));
    for (uint32_t v = nxt + window; v != nxt + window + kNear; ++v) EXPECT_FALSE(attempt(v));
    for (uint32_t v = 0; v < window; v += kApart) EXPECT_TRUE(attempt(nxt + v)) << v;
    EXPECT_TRUE(attempt(nxt + window - 1));
    return window;
}
bool is_dead(BlindVictim& victim, bool) {
    return !victim.is_alive();
}

void add_resets(Family family, std::vector<Row>& out) {
    const auto resets = [&](VictimState state, int flags) {
        Count count(family, state);
        const Packet base = count.victim().segment(flags);
        return count.passing(base, base.seq, base.seq + 65'535, kSeq, is_dead);
    };
    const uint32_t established = resets(VictimState::idle, kRst);
    out.push_back(
        {"RST", "ESTABLISHED", text(established), kSpace / established,
         "RFC 5961 3: only SEG.SEQ = RCV.NXT resets; elsewhere in the window a limited challenge ACK."});
    const uint32_t received = resets(VictimState::syn_received, kRst);
    out.push_back({"RST", "SYN-RECEIVED", text(received), kSpace / received,
                   "The same rule; the state lasts one round trip."});
    Count opening(family, VictimState::syn_sent);
    const Packet base = opening.victim().segment(kRst | kAck);
    const uint32_t refused = opening.passing(base, base.ack, base.ack, kAckNumber, is_dead);
    out.push_back({"RST", "SYN-SENT", text(refused), kSpace / refused,
                   "SEG.ACK must be ISS + 1, and the ISS is a keyed hash (RFC 6528)."});
    const uint32_t waiting = resets(VictimState::time_wait, kRst);
    out.push_back({"RST", "TIME-WAIT", text(waiting), kNever, "RFC 1337: an RST does not end TIME-WAIT."});
}

void add_syns(Family family, std::vector<Row>& out) {
    Count count(family, VictimState::idle);
    const Packet base = count.victim().segment(kSyn);
    const uint32_t syns = count.passing(base, base.seq, base.seq + 65'535, kSeq);
    out.push_back({"SYN", "ESTABLISHED", text(syns), kNever,
                   "RFC 5961 4: a limited challenge ACK, whatever the numbers."});
    Count half(family, VictimState::syn_received);
    const Packet again = half.victim().segment(kSyn);
    const uint32_t ended = half.passing(again, again.seq, again.seq + 65'535, kSeq, is_dead);
    out.push_back({"SYN", "SYN-RECEIVED", text(ended), kSpace / ended,
                   "RFC 9293 3.10.7.4: a passive open returns to LISTEN. The state lasts one round trip."});
    Count waiting(family, VictimState::time_wait);
    const Packet newer = waiting.victim().segment(kSyn);
    uint32_t reopened = 0;
    for (uint32_t i = 0; i < 256; ++i) {
        BlindVictim victim(family, VictimState::time_wait);
        Packet syn = newer;
        syn.seq += i << 24;
        static_cast<void>(victim.inject(syn));
        reopened += victim.info().state == tcp::State::syn_received;
    }
    out.push_back({"SYN", "TIME-WAIT", text(reopened) + " of 256 tried", 256.0 / reopened,
                   "RFC 6191 and MAY-2: a newer SYN opens a new connection. TIME-WAIT ends early; nothing is "
                   "delivered."});
    Count opening(family, VictimState::syn_sent);
    const Packet answer = opening.victim().segment(kSyn | kAck);
    const uint32_t opened =
        opening.passing(answer, answer.ack, answer.ack, kAckNumber,
                        [](BlindVictim& v, bool) { return v.info().state == tcp::State::established; });
    out.push_back({"SYN-ACK", "SYN-SENT", text(opened), kSpace / opened,
                   "SEG.ACK must be ISS + 1, and the ISS is a keyed hash (RFC 6528)."});
}

void add_text(Family family, std::vector<Row>& out) {
    const uint32_t window = sequence_numbers(family, VictimState::idle, kAck, 1);
    const uint32_t idle = ack_numbers(family, VictimState::idle),
                   flight = ack_numbers(family, VictimState::in_flight);
    const auto both = [&](uint32_t acks) { return kSpace / window * (kSpace / acks); };
    const auto pair = [&](uint32_t acks) { return text(window) + " x " + text(acks); };
    out.push_back({"data", "ESTABLISHED, nothing sent", pair(idle), both(idle),
                   "SEG.SEQ in the window, and SEG.ACK that RFC 5961 5 accepts: not below what the "
                   "connection has sent."});
    out.push_back({"data", "ESTABLISHED, 14,600 B in flight", pair(flight), both(flight),
                   "The same; RFC 5961 5 alone would accept MAX.SND.WND more."});
    const uint32_t fins = fin_numbers(family, VictimState::in_flight);
    out.push_back({"FIN", "ESTABLISHED, 14,600 B in flight", text(fins) + " x " + text(flight),
                   kSpace / fins * (kSpace / flight),
                   "As data. A FIN beyond RCV.NXT waits for the hole to fill."});
    Count ack(family, VictimState::in_flight);
    const Packet base = ack.victim().segment(kAck);
    const uint32_t bare = ack.passing(base, base.seq, base.seq + 65'535, kSeq);
    out.push_back({"ACK (window, optimistic)", "ESTABLISHED, 14,600 B in flight",
                   text(bare) + " x " + text(flight), kSpace / bare * (kSpace / flight),
                   "As data. An ACK beyond SND.NXT is never processed."});
    Count stamp(family, VictimState::idle, true);
    Packet later = stamp.victim().segment(kAck, 100);
    later.ts->val += 0x40000000;
    const uint32_t poisons = stamp.passing(later, later.seq - 99, later.seq, kSeq, [](BlindVictim& v, bool) {
        // Poisoned: the client's own segment is too old now.
        while (v.stack().output()) continue;
        return !v.inject(v.segment(kAck)) && v.stack().stack().counters()[DropReason::paws] != 0;
    });
    out.push_back({"TSval from the future", "ESTABLISHED, nothing sent", text(poisons) + " x 1",
                   kSpace / std::max(poisons, 1u) * kSpace,
                   "RFC 7323 4.3 and 5961 5: only a segment at the last ACK sent whose SEG.ACK passes "
                   "updates TS.Recent."});
}

/// Quoted sequence numbers that an ICMP error may have.
uint32_t quoted_numbers(Family family, VictimState state, bool too_big) {
    const bool is_v6 = family == Family::v6;
    uint32_t count = 0;
    const BlindVictim first(family, state);
    const uint32_t una = first.info().snd_una, nxt = first.info().snd_nxt;
    const auto attempt = [&](uint32_t seq) {
        BlindVictim victim(family, state);
        Packet quote = victim.own_segment();
        quote.seq = seq;
        const auto bytes = fakes::build(quote);
        const auto router = fakes::host(99, family);
        const uint8_t type = is_v6 ? (too_big ? 2 : 1) : 3;
        const uint8_t code = is_v6 ? (too_big ? 0 : 4) : (too_big ? 4 : 3);
        static_cast<void>(
            victim.inject(fakes::icmp_error(router, victim.server(), type, code, bytes, too_big ? 1280 : 0)));
        return too_big ? victim.stack().stack().counters()[Counter::icmp_too_big_accepted] != 0
                       : !victim.is_alive();
    };
    // Every number near the edges, and steps between and around them.
    constexpr uint32_t kNear = 3, kStep = 997;
    for (uint32_t v = una - kNear; v != una; ++v) EXPECT_FALSE(attempt(v));
    for (uint32_t v = nxt; v != nxt + kNear; ++v) EXPECT_FALSE(attempt(v));
    for (uint32_t i = 1; i < 20; ++i) EXPECT_FALSE(attempt(nxt + i * 200'000'000));
    if (una == nxt || !attempt(una)) return 0;
    for (uint32_t v = una; v - una < nxt - una; v += kStep) EXPECT_TRUE(attempt(v));
    EXPECT_TRUE(attempt(nxt - 1));
    count = nxt - una;
    return count;
}

void add_icmp(Family family, std::vector<Row>& out) {
    const uint32_t flight = quoted_numbers(family, VictimState::in_flight, true);
    const uint32_t idle = quoted_numbers(family, VictimState::idle, true);
    EXPECT_EQ(idle, 0u);
    out.push_back({"ICMP fragmentation needed, packet too big", "ESTABLISHED, 14,600 B in flight",
                   text(flight), kSpace / flight,
                   "RFC 5927 7: the quoted number must be in flight, the MTU at least 552 (IPv6: 1280). "
                   "Costs speed, no data."});
    out.push_back({"ICMP fragmentation needed, packet too big", "ESTABLISHED, idle", text(idle), kNever,
                   "Nothing is in flight."});
    const uint32_t hard = quoted_numbers(family, VictimState::in_flight, false);
    EXPECT_EQ(hard, 0u);
    out.push_back({"ICMP port unreachable", "ESTABLISHED", text(hard), kNever,
                   "RFC 5927 5: an established connection takes no error as hard."});
    const uint32_t opening = quoted_numbers(family, VictimState::syn_sent, false);
    out.push_back({"ICMP port unreachable", "SYN-SENT", text(opening), kSpace / std::max(opening, 1u),
                   "RFC 5927 4: the quoted number must be the ISS."});
}

std::vector<Row> rows(Family family) {
    std::vector<Row> out;
    add_resets(family, out);
    add_syns(family, out);
    add_text(family, out);
    add_icmp(family, out);
    return out;
}

std::string table(Family family) {
    std::string out = "injection\tinto\tnumbers accepted, of 2^32\tpackets to cover the space\twhy\n";
    for (const Row& row : rows(family))
        out += row.what + "\t" + row.where + "\t" + row.accepted + "\t" + text(row.packets) + "\t" + row.why +
               "\n";
    return out;
}

TEST(Blind, InjectionsAreWhatTheyWere) {
    const std::string now = table(Family::v4);
    EXPECT_EQ(table(Family::v6), now) << "IPv6 differs";
    SCOPED_TRACE("after SYNFIN_UPDATE=1, scripts/check_docs.py --write renews docs/attacks/in-memory.md");
    compare_with_committed(SYNFIN_BLIND_FILE, now);
}

/// CVE-2016-5696: what the attacker provokes on the victim's connection does not show on his own.
TEST(Blind, ChallengeAcksOfOneConnectionDoNotShowOnAnother) {
    for (const bool provoke : {false, true}) {
        BlindVictim victim(Family::v4, VictimState::idle);
        // The attacker's own connection, from another port.
        Packet own = victim.segment(kSyn);
        own.sport = 50'000;
        own.seq = 1, own.ack = 0;
        static_cast<void>(victim.inject(own));
        const Packet answer = victim.take().back();
        own.flags = kAck, own.seq = 2, own.ack = answer.seq + 1;
        static_cast<void>(victim.inject(own));
        if (provoke)
            for (int i = 0; i < 1'000; ++i) static_cast<void>(victim.inject(victim.segment(kSyn)));
        victim.take();
        own.flags = kSyn;
        for (int i = 0; i < 200; ++i) static_cast<void>(victim.inject(own));
        EXPECT_EQ(victim.take().size(), 100u) << provoke;
    }
}

/// All peers share the limit on RSTs, and a segment that has a connection takes none. So the limit itself
/// must be a secret: RSTs that an attacker counts then tell him little about a client's ports.
TEST(Blind, TheNumberOfResetsOfASecondIsASecret) {
    VirtualConfig config;
    config.address = fakes::net_host(1, 24);
    config.stack.seed = 7;
    config.stack.tcp.resets_per_s = 1'000;
    VirtualStack stack(config);
    Packet probe;
    probe.src = fakes::host(2), probe.dst = fakes::host(1);
    probe.sport = 1000, probe.dport = 9;
    probe.flags = kAck;
    const auto bytes = fakes::build(probe);
    std::vector<uint32_t> counts;
    for (int second = 0; second < 20; ++second) {
        uint32_t resets = 0;
        for (int i = 0; i < 1'100; ++i) {
            stack.input(bytes);
            while (stack.output()) ++resets;
        }
        EXPECT_GE(resets, 500u);
        EXPECT_LE(resets, 1'000u);
        counts.push_back(resets);
        stack.advance(stack.now() + 1s);
    }
    std::ranges::sort(counts);
    EXPECT_GE(counts.back() - counts.front(), 250u) << "the limit hardly changes";
    EXPECT_EQ(std::ranges::adjacent_find(counts), counts.end()) << "two seconds with the same limit";
}

/// A shared IP ID counter would tell how much the server sends to others (idle scan). With DF set RFC
/// 6864 4.1 permits any value.
TEST(Blind, TheIpIdTellsNothing) {
    BlindVictim victim(Family::v4, VictimState::idle);
    for (int i = 0; i < 50; ++i) {
        static_cast<void>(victim.inject(victim.segment(kSyn)));
        for (const Packet& packet : victim.take()) {
            EXPECT_EQ(packet.id, 0u);
            EXPECT_TRUE(packet.df);
        }
    }
}

}  // namespace
}  // namespace synfin::simulation
