/// @file
/// The scoreboard (RFC 2018, RFC 2883): against a model that keeps each octet, and its bounds.

#include <array>

#include "base/random.hh"
#include "core_world.hh"
#include "tcp/loss/scoreboard.hh"

namespace synfin::tcp {
namespace {

constexpr Seq kBase{0xffff'ff00};  // the numbers wrap

Segment blocks(std::initializer_list<std::pair<uint32_t, uint32_t>> list, uint32_t ack = 0) {
    Segment seg;
    seg.flags = kAck;
    seg.ack = kBase + ack;
    for (const auto& [left, right] : list)
        seg.sack[seg.sack_count++] = {(kBase + left).value(), (kBase + right).value()};
    return seg;
}

/// Ten segments of 100 octets, sent one millisecond after another.
struct Ten {
    Ten() {
        tcb.snd.una = tcb.snd.nxt = kBase;
        static_cast<RecoveryState&>(rec) = RecoveryState{};
        scoreboard::start(rec, tcb, 0);
        for (uint32_t i = 0; i < 10; ++i) {
            tcb.snd.nxt += 100;
            scoreboard::append(rec, tcb.snd.nxt, i * 1000, 0);
        }
    }
    scoreboard::Delivered take(const Segment& seg) {
        scoreboard::Delivered d;
        if (after(seg.ack, tcb.snd.una)) {
            tcb.snd.una = seg.ack;
            scoreboard::acknowledge(rec, tcb.snd.una, d);
        }
        scoreboard::take_blocks(rec, tcb, seg, d);
        return d;
    }
    Tcb tcb;
    Recovery rec{};
};

TEST(Scoreboard, OneRunForEachTimeOfSending) {
    Ten t;
    EXPECT_EQ(t.rec.count, 10);
    t.tcb.snd.nxt += 100;
    scoreboard::append(t.rec, t.tcb.snd.nxt, 9000, 0);
    EXPECT_EQ(t.rec.count, 10) << "the same turn as the last one";
}

TEST(Scoreboard, CountsWhatIsNews) {
    Ten t;
    auto d = t.take(blocks({{300, 500}}));
    EXPECT_EQ(d.sacked, 200u);
    EXPECT_EQ(d.bytes, 200u);
    EXPECT_EQ(d.sent_us, 4000u) << "the one that was sent last";
    d = t.take(blocks({{300, 600}}));
    EXPECT_EQ(d.sacked, 100u);
    EXPECT_EQ(t.rec.sacked, 300u);
    d = t.take(blocks({{300, 600}}));
    EXPECT_FALSE(d.any);
    d = t.take(blocks({}, 700));
    EXPECT_EQ(d.bytes, 400u) << "without what SACK had reported";
    EXPECT_EQ(t.rec.sacked, 0u);
    EXPECT_TRUE(d.late_original);
    EXPECT_FALSE(d.reneged);
}

TEST(Scoreboard, ABlockMayEndWithinASegment) {
    Ten t;
    t.take(blocks({{350, 420}}));
    EXPECT_EQ(t.rec.sacked, 70u);
    const auto d = t.take(blocks({{300, 500}}));
    EXPECT_EQ(d.sacked, 130u);
    EXPECT_EQ(t.rec.sacked, 200u);
}

TEST(Scoreboard, IgnoresLies) {
    Ten t;
    for (const Segment& lie : {blocks({{500, 500}}), blocks({{600, 500}}), blocks({{500, 1100}}),
                               blocks({{0, 100}}), blocks({{0x8000'0000, 0x8000'0100}})}) {
        const auto d = t.take(lie);
        EXPECT_FALSE(d.any);
        EXPECT_EQ(t.rec.sacked, 0u);
    }
}

TEST(Scoreboard, SeesDuplicates) {  // RFC 2883 4
    Ten t;
    auto d = t.take(blocks({{100, 200}}, 300));
    EXPECT_TRUE(d.has_duplicate) << "below the ACK";
    EXPECT_EQ(d.duplicate_right, kBase + 200u);
    d = t.take(blocks({{500, 600}, {400, 700}}, 300));
    EXPECT_TRUE(d.has_duplicate) << "within the second block";
    EXPECT_EQ(d.sacked, 300u);
    d = t.take(blocks({{800, 900}, {400, 700}}, 300));
    EXPECT_FALSE(d.has_duplicate);
}

TEST(Scoreboard, SeesAReneging) {
    Ten t;
    t.take(blocks({{100, 300}}));
    EXPECT_TRUE(t.take(blocks({}, 100)).reneged) << "the ACK stops at text that SACK had reported";
}

TEST(Scoreboard, AReportedRunIsNotLost) {
    Ten t;
    scoreboard::lose_all(t.rec);
    EXPECT_EQ(t.rec.lost, 1000u);
    t.take(blocks({{300, 500}}));
    EXPECT_EQ(t.rec.lost, 800u);
    Seq from, to;
    ASSERT_TRUE(scoreboard::next_lost(t.rec, from, to));
    EXPECT_EQ(from, kBase);
    EXPECT_EQ(to, kBase + 300u);
    scoreboard::note_resent(t.rec, kBase, kBase + 100u, 20'000);
    ASSERT_TRUE(scoreboard::next_lost(t.rec, from, to));
    EXPECT_EQ(from, kBase + 100u);
    EXPECT_EQ(t.rec.lost, 700u);
}

/// Ten thousand holes: the list stays within its bound, and the sums stay right.
TEST(Scoreboard, IsBounded) {
    Tcb tcb;
    tcb.snd.una = tcb.snd.nxt = kBase;
    Recovery rec{};
    scoreboard::start(rec, tcb, 0);
    scoreboard::Delivered d;
    for (uint32_t i = 0; i < 10'000; ++i) {
        tcb.snd.nxt += 200;
        scoreboard::append(rec, tcb.snd.nxt, i * 1000, 0);
        scoreboard::take_blocks(rec, tcb, blocks({{200 * i + 100, 200 * i + 200}}), d);
        ASSERT_LE(uint32_t{rec.first} + rec.count, Recovery::kRuns);
    }
    uint32_t sacked = 0;
    for (uint32_t i = rec.first; i < uint32_t{rec.first} + rec.count; ++i)
        if ((rec.runs[i].flags & kSacked) != 0) sacked += scoreboard::length_of(rec, i);
    EXPECT_EQ(rec.sacked, sacked);
    EXPECT_EQ(rec.runs[rec.first + rec.count - 1].end, tcb.snd.nxt);
}

/// A window of 2000 segments that leave one after another: each is known to a sixteenth of the round trip,
/// and half of the runs are left for holes.
TEST(Scoreboard, AWindowOfAnySizeFits) {
    constexpr uint32_t kSrttUs = 100'000, kSegments = 2000;
    Tcb tcb;
    tcb.snd.una = tcb.snd.nxt = kBase;
    Recovery rec{};
    scoreboard::start(rec, tcb, 0);
    const auto sent_at = [](uint32_t segment) { return segment * (kSrttUs / kSegments); };
    for (uint32_t i = 0; i < kSegments; ++i) {
        tcb.snd.nxt += 100;
        scoreboard::append(rec, tcb.snd.nxt, sent_at(i), kSrttUs);
    }
    EXPECT_LE(rec.count, 34);
    uint32_t segment = 0;
    for (uint32_t i = rec.first; i < uint32_t{rec.first} + rec.count; ++i) {
        for (; before(kBase + segment * 100, rec.runs[i].end); ++segment) {
            ASSERT_GE(rec.runs[i].sent_us, sent_at(segment)) << "never too early";
            ASSERT_LE(rec.runs[i].sent_us, sent_at(segment) + kSrttUs / 16);
        }
    }
    EXPECT_EQ(segment, kSegments);
}

/// Whether new text left before or after a retransmission must stay known.
TEST(Scoreboard, ARetransmissionEndsARun) {
    Ten t;
    scoreboard::lose_all(t.rec);
    t.tcb.snd.nxt += 100;
    scoreboard::append(t.rec, t.tcb.snd.nxt, 20'000, 1'000'000);
    scoreboard::note_resent(t.rec, kBase, kBase + 100u, 20'500);
    t.tcb.snd.nxt += 100;
    scoreboard::append(t.rec, t.tcb.snd.nxt, 21'000, 1'000'000);
    const uint32_t last = t.rec.first + t.rec.count - 1u;
    EXPECT_EQ(t.rec.runs[last].sent_us, 21'000u);
    EXPECT_EQ(t.rec.runs[last - 1].sent_us, 20'000u);
    t.tcb.snd.nxt += 100;
    scoreboard::append(t.rec, t.tcb.snd.nxt, 21'200, 1'000'000);
    EXPECT_EQ(t.rec.first + t.rec.count - 1u, last);
}

/// When the list is full, those are merged that were sent at nearly the same time.
TEST(Scoreboard, MergesWhatLiesClosest) {
    Tcb tcb;
    tcb.snd.una = tcb.snd.nxt = kBase;
    Recovery rec{};
    scoreboard::start(rec, tcb, 0);
    for (uint32_t i = 0; i < Recovery::kRuns; ++i) {
        tcb.snd.nxt += 100;
        scoreboard::append(rec, tcb.snd.nxt, i * 10'000 + (i % 8 == 7 ? 0 : i % 8 * 100), 0);
    }
    ASSERT_EQ(rec.count, Recovery::kRuns);
    const uint32_t before_us = rec.runs[10].sent_us;
    const uint32_t first_us = rec.runs[20].sent_us = rec.runs[21].sent_us - 3;
    tcb.snd.nxt += 100;
    scoreboard::append(rec, tcb.snd.nxt, 5'000'000, 0);
    EXPECT_EQ(rec.count, Recovery::kRuns);
    EXPECT_EQ(rec.runs[10].sent_us, before_us);
    EXPECT_EQ(rec.runs[20].end, kBase + 2200u);
    EXPECT_TRUE(rec.runs[20].is_inexact);
    EXPECT_FALSE(rec.runs[10].is_inexact);
    EXPECT_EQ(rec.runs[Recovery::kRuns - 1].sent_us, 5'000'000u);
    scoreboard::Delivered d;
    scoreboard::acknowledge(rec, kBase + 2100u, d);
    EXPECT_TRUE(d.is_inexact) << "no RTT sample";
    EXPECT_LE(d.sent_us, first_us) << "text sent in between counts as later";
    EXPECT_GE(d.sent_us + SentRun::kSpanUnit, first_us);
}

/// Of 200 segments every second one has arrived, as far as the list has room for it.
struct Full {
    static constexpr uint32_t kHeld = (Recovery::kRuns - 1) / 2;
    static constexpr uint32_t kTop = 200 * kHeld;  ///< behind the last octet reported
    Full() {
        tcb.snd.una = tcb.snd.nxt = kBase;
        static_cast<RecoveryState&>(rec) = RecoveryState{};
        scoreboard::start(rec, tcb, 0);
        tcb.snd.nxt += 20'000;
        scoreboard::append(rec, tcb.snd.nxt, 1000, 0);
        for (uint32_t i = 0; i < kHeld; ++i) take(200 * i + 100, 200 * i + 200);
        EXPECT_EQ(rec.count, Recovery::kRuns);
        EXPECT_EQ(rec.sacked, kHeld * 100);
    }
    scoreboard::Delivered take(uint32_t left, uint32_t right) {
        scoreboard::Delivered d;
        scoreboard::take_blocks(rec, tcb, blocks({{left, right}}), d);
        return d;
    }
    void resend(uint32_t left, uint32_t right, uint32_t now_us) {
        scoreboard::note_resent(rec, kBase + left, kBase + right, now_us);
    }
    Tcb tcb;
    Recovery rec{};
};

TEST(Scoreboard, AHoleThatIsSentAgainDisplacesNothing) {
    Full f;
    scoreboard::lose_all(f.rec);
    const uint32_t lost = f.rec.lost;
    for (uint32_t i = 0; i < Full::kHeld; ++i) f.resend(200 * i, 200 * i + 100, 5000 + i);
    EXPECT_EQ(f.rec.sacked, Full::kHeld * 100);
    EXPECT_EQ(f.rec.lost, lost - Full::kHeld * 100);
}

TEST(Scoreboard, ARunGrowsAlsoWhenTheListIsFull) {
    Full f;
    EXPECT_EQ(f.take(Full::kTop - 100, Full::kTop + 100).sacked, 100u);
    EXPECT_EQ(f.take(50, 200).sacked, 50u);
    EXPECT_EQ(f.take(50, 350).sacked, 100u) << "the whole run in between, and not beyond its neighbours";
    EXPECT_EQ(f.rec.sacked, Full::kHeld * 100 + 250);
}

TEST(Scoreboard, ANewHoleDisplacesWhatArrivedBetweenRetransmissions) {
    Full f;
    EXPECT_EQ(f.take(Full::kTop + 100, Full::kTop + 200).sacked, 0u) << "no room";
    scoreboard::lose_all(f.rec);
    f.resend(0, 100, 5000);
    f.resend(200, 300, 6000);
    EXPECT_EQ(f.take(Full::kTop + 100, Full::kTop + 200).sacked, 100u);
    EXPECT_EQ(f.rec.sacked, Full::kHeld * 100) << "one run for the other";
    const auto again = f.take(100, 400);
    EXPECT_EQ(again.sacked, 200u) << "reported again, with the retransmission behind it";
    EXPECT_FALSE(again.any) << "it was not sent at the time of the retransmission";
}

/// What was in flight must not count as sent just now, or its arrival would seem to take no time.
TEST(Scoreboard, NewTextDoesNotMakeOldTextYoung) {
    Full f;
    f.tcb.snd.nxt += 100;
    scoreboard::append(f.rec, f.tcb.snd.nxt, 50'000, 1000);
    EXPECT_EQ(f.rec.count, Recovery::kRuns);
    const auto d = f.take(Full::kTop - 100, Full::kTop + 100);
    EXPECT_EQ(d.sacked, 100u);
    EXPECT_TRUE(d.is_inexact) << "no RTT sample";
    EXPECT_LE(d.sent_us, 1000u);
    EXPECT_GE(d.sent_us + SentRun::kSpanUnit, 1000u);
}

/// What the list says of each octet, against an array with an entry for each octet.
class Model {
  public:
    explicit Model(Random& random) : r_(random) {
        tcb_.snd.una = tcb_.snd.nxt = kBase;
        scoreboard::start(rec_, tcb_, 0);
    }
    void step() {
        switch (r_.below(6)) {
            case 0:
            case 1: append(); break;
            case 2: acknowledge(); break;
            case 3: report(); break;
            case 4: lose(); break;
            default: resend(); break;
        }
        check();
    }

  private:
    static constexpr uint32_t kOctets = 4096;
    uint32_t una() const { return distance(kBase, tcb_.snd.una); }
    uint32_t nxt() const { return distance(kBase, tcb_.snd.nxt); }
    void append() {
        const uint32_t n = std::min(1 + r_.below(40), kOctets - nxt());
        if (n == 0 || rec_.count > Recovery::kRuns - 8) return;
        now_ += r_.below(2);
        for (uint32_t i = 0; i < n; ++i) fate_[nxt() + i] = 0;
        tcb_.snd.nxt += n;
        scoreboard::append(rec_, tcb_.snd.nxt, now_, 0);
    }
    void acknowledge() {
        if (una() == nxt()) return;
        tcb_.snd.una += r_.below(std::min(nxt() - una(), 60u) + 1);
        scoreboard::Delivered d;
        scoreboard::acknowledge(rec_, tcb_.snd.una, d);
        EXPECT_EQ(d.reneged, una() != nxt() && fate_[una()] == kSacked);
        if (d.reneged) {
            scoreboard::forget_sacks(rec_);
            for (uint8_t& fate : fate_) fate = static_cast<uint8_t>(fate & ~kSacked);
        }
    }
    void report() {
        if (nxt() - una() < 3 || rec_.count > Recovery::kRuns - 8) return;
        const uint32_t left = una() + 1 + r_.below(nxt() - una() - 2);
        const uint32_t right = std::min(left + 1 + r_.below(60), nxt());
        scoreboard::Delivered d;
        scoreboard::take_blocks(rec_, tcb_, blocks({{left, right}}, una()), d);
        for (uint32_t i = left; i < right; ++i) fate_[i] = kSacked;
    }
    void lose() {
        if (rec_.count == 0) return;
        const uint32_t i = rec_.first + r_.below(rec_.count);
        if ((rec_.runs[i].flags & (kSacked | kLost)) != 0) return;
        for (uint32_t at = distance(kBase, scoreboard::begin_of(rec_, i));
             at < distance(kBase, rec_.runs[i].end); ++at)
            fate_[at] |= kLost;
        scoreboard::lose(rec_, i);
    }
    void resend() {
        Seq from, to;
        if (!scoreboard::next_lost(rec_, from, to) || rec_.count > Recovery::kRuns - 8) return;
        to = from + std::min(1 + r_.below(40), distance(from, to));
        now_ += r_.below(2);
        scoreboard::note_resent(rec_, from, to, now_);
        for (Seq at = from; before(at, to); at += 1) fate_[distance(kBase, at)] = kResent;
    }
    void check() {
        uint32_t sacked = 0, lost = 0;
        for (uint32_t at = una(); at < nxt(); ++at) {
            sacked += fate_[at] == kSacked;
            lost += (fate_[at] & kLost) != 0;
        }
        ASSERT_EQ(rec_.sacked, sacked);
        ASSERT_EQ(rec_.lost, lost);
        ASSERT_EQ(rec_.edge, tcb_.snd.una);
        Seq at = tcb_.snd.una;
        for (uint32_t i = rec_.first; i < uint32_t{rec_.first} + rec_.count; ++i)
            for (; before(at, rec_.runs[i].end); at += 1)
                ASSERT_EQ(rec_.runs[i].flags, fate_[distance(kBase, at)]) << "octet " << distance(kBase, at);
        ASSERT_EQ(at, tcb_.snd.nxt);
    }

    Random& r_;
    Tcb tcb_;
    Recovery rec_{};
    std::array<uint8_t, kOctets> fate_{};
    uint32_t now_ = 0;
};

TEST(Scoreboard, IsWhatAnArrayOfOctetsSays) {
    Random r(20'260'101);
    for (int i = 0; i < 200 && !testing::Test::HasFailure(); ++i) {
        Model model(r);
        for (int n = 0; n < 400 && !testing::Test::HasFailure(); ++n) model.step();
    }
}

}  // namespace
}  // namespace synfin::tcp
