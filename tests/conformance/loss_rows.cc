/// Rows 59, 61 to 63, 108 and 109: loss recovery with SACK (RFC 2018, 6675, 8985, 9937, 5682) and CUBIC with
/// HyStart++ (RFC 9438, 9406), packet by packet.
#include <cmath>
#include <map>
#include <queue>
#include <set>

#include "loss_setup.hh"

namespace synfin::fakes {
namespace {

/// What the network does to a transmission.
struct Fate {
    bool is_lost = false;
    Duration late{};  ///< beyond its half of the round trip
};

/// A peer that holds out-of-order text and reports it as RFC 2018 4 and RFC 2883 ask for, behind a network
/// with a round trip of kRtt. `fate` decides about each transmission: the number of the segment and of the
/// transmission, both from 0.
class SackPeer {
  public:
    using Decide = std::function<Fate(uint32_t segment, int transmission)>;
    SackPeer(World& w, Decide decide) : w_(w), decide_(std::move(decide)) {}

    void open() {
        open_after(w_, kRtt);
        REQUIRE(w_.info().sack_permitted);
    }
    /// Transfers `segments`; false: it did not end within a minute.
    bool transfer(uint32_t segments) {
        const uint32_t end = next_ + segments * kMss;
        const Duration patience = w_.elapsed() + 60s;
        w_.send(segments * kMss);
        for (int steps = 0; w_.main().rel_una() != end; ++steps) {
            if (steps == 20'000) return false;
            if (w_.elapsed() > patience) return false;
            collect();
            if (events_.empty()) {
                if (!w_.advance_to_packet(60s)) return false;
                continue;
            }
            const Duration due = events_.top().at;
            if (due > w_.elapsed() && w_.advance_to_packet(due - w_.elapsed())) continue;
            const Event event = events_.top();
            events_.pop();
            if (event.is_ack)
                w_.in(event.ack);
            else
                receive(event.seq, event.end);
        }
        collect();
        return true;
    }
    uint32_t lost() const { return lost_; }
    /// Transmissions of a segment.
    int sent(uint32_t segment) const { return sent_.contains(segment) ? sent_.at(segment) : 0; }

  private:
    struct Event {
        Duration at;
        uint32_t order;
        bool is_ack;
        uint32_t seq, end;
        Seg ack;
        bool operator<(const Event& other) const {
            return at != other.at ? at > other.at : order > other.order;
        }
    };

    void collect() {
        while (const auto packet = w_.out()) {
            if (packet->payload.empty()) continue;
            const uint32_t seq = packet->seq - w_.main().stack_isn;
            const auto length = static_cast<uint32_t>(packet->payload.size());
            const uint32_t segment = (seq - 1) / kMss;
            const Fate fate = decide_(segment, sent_[segment]++);
            if (fate.is_lost) {
                ++lost_;
                continue;
            }
            events_.push({w_.elapsed() + kRtt / 2 + fate.late, ++order_, false, seq, seq + length, {}});
        }
    }
    void receive(uint32_t seq, uint32_t end) {
        std::vector<std::pair<uint32_t, uint32_t>> blocks;
        bool is_duplicate = static_cast<int32_t>(end - next_) <= 0;
        for (const auto& [left, right] : held_) is_duplicate |= left <= seq && end <= right;
        if (is_duplicate) blocks.emplace_back(seq, end);
        if (seq <= next_) {
            next_ = std::max(next_, end);
        } else if (!is_duplicate) {
            held_[seq] = std::max(held_[seq], end);
            newest_ = seq;
        }
        merge();
        for (const auto& [left, right] : held_)
            if (left <= newest_ && newest_ < right) blocks.emplace_back(left, right);
        for (auto it = held_.rbegin(); it != held_.rend() && blocks.size() < 4; ++it)
            if (!(it->first <= newest_ && newest_ < it->second)) blocks.emplace_back(*it);
        Seg report{.ack = next_};
        report.sack = blocks;
        events_.push({w_.elapsed() + kRtt / 2, ++order_, true, 0, 0, report});
    }
    void merge() {
        for (auto it = held_.begin(); it != held_.end();) {
            if (it->first <= next_) {
                next_ = std::max(next_, it->second);
                it = held_.erase(it);
                continue;
            }
            const auto following = std::next(it);
            if (following != held_.end() && following->first <= it->second) {
                it->second = std::max(it->second, following->second);
                held_.erase(following);
                continue;
            }
            ++it;
        }
    }

    World& w_;
    Decide decide_;
    std::priority_queue<Event> events_;
    std::map<uint32_t, uint32_t> held_;
    std::map<uint32_t, int> sent_;
    uint32_t next_ = 1, newest_ = 0, order_ = 0, lost_ = 0;
};

/// Loses the first transmission of these segments.
SackPeer::Decide losing(std::set<uint32_t> segments) {
    return [segments = std::move(segments)](uint32_t segment, int transmission) {
        return Fate{transmission == 0 && segments.contains(segment), {}};
    };
}

struct Family {
    const char* name;
    std::set<uint32_t> lost;
};

/// Each lost segment is sent again once, nothing else is, and no timer is needed.
TEST(Row61, EachLossIsRepairedOnce) {
    ROW(61, "6675-4, 8985-6.2", "tcp::rack::detect_losses");
    const Family families[] = {
        {"the first of a flight", {10}},
        {"one in the middle", {14}},
        {"two neighbours", {12, 13}},
        {"two apart", {12, 15}},
        {"three neighbours", {12, 13, 14}},
        {"every second one", {10, 12, 14, 16, 18, 20}},
        {"every third one", {10, 13, 16, 19, 22}},
        {"most of a flight", {10, 11, 12, 13, 14, 15, 16, 17, 18}},
        {"in two round trips", {12, 35}},
    };
    for (const Family& family : families) {
        SCOPED_TRACE(family.name);
        World w(with_sack);
        SackPeer peer(w, losing(family.lost));
        peer.open();
        ASSERT_TRUE(peer.transfer(100));
        EXPECT_EQ(peer.lost(), family.lost.size());
        EXPECT_EQ(w[Counter::retransmitted], family.lost.size());
        EXPECT_EQ(w[Counter::rto_expirations], 0u);
        EXPECT_EQ(w[Counter::tail_loss_probes], 0u);
    }
}

TEST(Row61, AWindowIsReducedOnceForTheLossesOfOneRoundTrip) {
    ROW(61, "6675-5", "tcp::loss::on_ack");
    World w(with_newreno);
    SackPeer peer(w, losing({20, 24, 28}));
    peer.open();
    ASSERT_TRUE(peer.transfer(60));
    EXPECT_EQ(w[Counter::fast_retransmits], 1u);
}

TEST(Row59, BlocksOnlyWithBothPermissions) {
    ROW(59, "2018-2", "tcp::loss::on_ack");
    World w([](WorldConfig& c) { with_sack(c), c.sack = false; });
    start(w, 10);
    EXPECT_FALSE(w.info().sack_permitted);
    w.in(ack(0, {{1, 4}}));  // one duplicate ACK, whatever it reports
    SILENT(w);
    EXPECT_EQ(w[Counter::fast_retransmits], 0u);
}

/// Text that was reported stays in the queue until it is acknowledged, and is sent again when the peer turns
/// out to have dropped it.
TEST(Row59, AReceiverMayRenege) {
    ROW(59, "2018-8", "tcp::scoreboard::acknowledge");
    World w(with_sack);
    start(w, 10);
    w.advance(kRtt);
    w.in(ack(0, {{1, 10}}));
    RECV(w, {.seq = at(0), .len = kMss});
    SILENT(w);
    w.advance(kRtt);
    w.in(ack(1));  // the peer has dropped the rest
    EXPECT_EQ(w[Counter::sack_reneges], 1u);
    for (uint32_t next = 1; next != 10; ++next) {
        RECV(w, {.seq = at(next), .len = kMss});
        w.in(ack(next + 1));
    }
    EXPECT_EQ(w.main().rel_una(), at(10));
    EXPECT_EQ(w[Counter::rto_expirations], 0u);
}

TEST(Row59, BlocksThatLieAreIgnored) {
    ROW(59, "2018-3", "tcp::scoreboard::take_blocks");
    World w(with_sack);
    start(w, 10);
    for (const auto& [left, right] :
         {std::pair{at(5), at(11)}, {at(0), at(1)}, {at(5), at(4)}, {0x8000'0000u, 0x8000'1000u}}) {
        Seg lie = ack(0);
        lie.sack = {{left, right}, {left, right}, {left, right}};
        w.in(lie);
    }
    SILENT(w);
    EXPECT_EQ(w[Counter::fast_retransmits], 0u);
}

TEST(Row62, TheEndOfAFlightIsRepairedWithoutATimeout) {
    ROW(62, "8985-7", "tcp::tail_loss_probe::on_timeout");
    for (const uint32_t tail : {2u, 3u, 5u, 9u}) {
        SCOPED_TRACE(tail);
        std::set<uint32_t> lost;
        for (uint32_t i = 40 - tail; i < 40; ++i) lost.insert(i);
        World w(with_sack);
        SackPeer peer(w, losing(lost));
        peer.open();
        ASSERT_TRUE(peer.transfer(40));
        EXPECT_EQ(w[Counter::rto_expirations], 0u);
        EXPECT_EQ(w[Counter::tail_loss_probes], 1u);
        EXPECT_EQ(w[Counter::retransmitted], tail);
    }
}

/// Once an original has arrived late, segments that are late by less than the reordering window cause no
/// retransmission; without that, three of them do.
TEST(Row62, ReorderingIsLearntFromLateOriginals) {
    ROW(62, "8985-6.2 steps 3, 4", "tcp::rack::reordering_window");
    World w(with_sack);
    SackPeer peer(w, [](uint32_t segment, int) {
        if (segment == 8) return Fate{false, 5ms};                        // behind one other: this teaches
        if (segment >= 30 && segment % 7 == 0) return Fate{false, 20ms};  // less than a quarter of kRtt
        return Fate{};
    });
    peer.open();
    ASSERT_TRUE(peer.transfer(200));
    EXPECT_EQ(w[Counter::retransmitted], 0u);
    EXPECT_EQ(w[Counter::rto_expirations], 0u);
}

TEST(Row62, DuplicatesWidenTheWindow) {
    ROW(62, "8985-6.2 step 4", "tcp::rack::note_duplicate");
    // Reordering has been seen. Then ten segments are late by more than a quarter of the round trip, and less
    // than a half.
    World w(with_sack);
    SackPeer peer(w, [](uint32_t segment, int transmission) {
        if (segment == 8) return Fate{false, 5ms};
        return Fate{false, segment % 40 == 25 && transmission == 0 ? Duration(40ms) : Duration(0ms)};
    });
    peer.open();
    ASSERT_TRUE(peer.transfer(400));
    EXPECT_GE(w[Counter::retransmitted], 1u);
    EXPECT_LE(w[Counter::retransmitted], 3u) << "of ten late segments";
    EXPECT_EQ(w[Counter::rto_expirations], 0u);
}

TEST(Row108, ALostRetransmissionIsFoundWithoutATimeout) {
    ROW(108, "8985-6.2 step 5", "tcp::rack::detect_losses");
    for (const int times : {2, 3, 4}) {
        SCOPED_TRACE(times);
        World w(with_sack);
        SackPeer peer(w, [times](uint32_t segment, int transmission) {
            return Fate{segment == 15 && transmission < times, {}};
        });
        peer.open();
        ASSERT_TRUE(peer.transfer(200));
        EXPECT_EQ(peer.sent(15), times + 1);
        EXPECT_EQ(w[Counter::rto_expirations], 0u);
        EXPECT_EQ(w[Counter::retransmitted], static_cast<uint64_t>(times));
    }
}

TEST(Row108, ASpuriousTimeoutIsUndone) {
    ROW(108, "5682-3", "tcp::spurious::frto");
    World w(with_sack);
    Duration release{};
    SackPeer peer(w, [&](uint32_t segment, int) {
        // When the fiftieth segment leaves, the path stops for 0.7 s; nothing is lost.
        if (segment == 50 && release == Duration{}) release = w.elapsed() + 700ms;
        return Fate{false, std::max(release - w.elapsed(), Duration{})};
    });
    peer.open();
    ASSERT_TRUE(peer.transfer(150));
    EXPECT_EQ(w[Counter::rto_expirations], 1u);
    EXPECT_EQ(w[Counter::spurious_timeouts], 1u);
    EXPECT_LE(w[Counter::retransmitted], 2u) << "the first segment, and perhaps a tail loss probe";
}

TEST(Row108, ATimestampProvesATimeoutSpurious) {
    ROW(108, "4015-3", "tcp::spurious::is_proven_by_timestamp");
    World w(with_timestamps);
    const uint32_t first_tsval = start_stamped(w, 4);
    while (w[Counter::rto_expirations] == 0) {
        REQUIRE(w.advance_to_packet(10s));
        w.discard();
    }
    const uint32_t threshold = w.info().ssthresh_bytes;
    EXPECT_LT(threshold, 10 * kMss);
    w.in(stamped_ack(w, first_tsval, 1));
    EXPECT_EQ(w[Counter::spurious_timeouts], 1u);
    EXPECT_GT(w.info().ssthresh_bytes, threshold);
}

TEST(Row108, TheRateComesDownProportionally) {
    ROW(108, "9937-6", "tcp::prr::window");
    World w(with_newreno);
    SackPeer peer(w, losing({60}));
    peer.open();
    ASSERT_TRUE(peer.transfer(150));
    EXPECT_EQ(w[Counter::retransmitted], 1u);
    EXPECT_EQ(w[Counter::fast_retransmits], 1u);
}

TEST(Row63, CubicReducesToSevenTenths) {
    ROW(63, "9438-4.6", "tcp::cubic::reduce");
    World w(with_sack);
    start(w, 10);
    w.advance(kRtt);
    w.in(ack(0, {{1, 5}}));
    EXPECT_EQ(w.info().ssthresh_bytes, 7 * kMss);
    w.discard();
    w.in(ack(10));
    EXPECT_EQ(w.info().cwnd_bytes, 7 * kMss);
}

TEST(Row63, TheControllerCanBeChosen) {
    ROW(63, "5681-3.1 (4)", "tcp::newreno::reduce");
    World w(with_newreno);
    start(w, 10);
    w.advance(kRtt);
    w.in(ack(0, {{1, 5}}));
    EXPECT_EQ(w.info().ssthresh_bytes, 5 * kMss);
}

/// K = cbrt((W_max - cwnd_epoch) / C) s after a loss, with C = 0.4, the window is about W_max again.
TEST(Row63, TheWindowReturnsToItsPlateau) {
    ROW(63, "9438-4.2", "tcp::cubic::grow");
    World w(with_sack);
    uint32_t w_max = 0;
    Duration lost_at{};
    SackPeer peer(w, [&](uint32_t segment, int transmission) {
        if (w[Counter::fast_retransmits] == 0) w_max = w.info().cwnd_bytes;
        if (transmission == 1) lost_at = w.elapsed();
        return Fate{segment == 70 && transmission == 0, {}};
    });
    peer.open();
    ASSERT_TRUE(peer.transfer(200));
    const uint32_t after_loss = w.info().ssthresh_bytes;
    ASSERT_LT(after_loss, w_max);
    const double k = std::cbrt((w_max - after_loss) / (0.4 * kMss));
    while (w.elapsed() < lost_at + static_cast<int>(k * 1000) * 1ms) ASSERT_TRUE(peer.transfer(150));
    EXPECT_GE(w.info().cwnd_bytes, w_max * 0.9);
    EXPECT_LE(w.info().cwnd_bytes, w_max * 1.1);
    EXPECT_EQ(w[Counter::fast_retransmits], 1u);
}

TEST(Row109, AWindowThatIsNotUsedDoesNotGrow) {
    ROW(109, "7661-4.3 (Linux's rule)", "tcp::congestion::grow");
    World w(with_sack);
    SackPeer peer(w, losing({}));
    peer.open();
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(peer.transfer(4));
    EXPECT_LE(w.info().cwnd_bytes, 11 * kMss) << "4 segments at a time use no more than the first window";
}

/// Bursts of two segments, at twice the rate of cwnd per round trip.
TEST(Row109, APacedFlightIsSpreadOverHalfARoundTrip) {
    ROW(109, "project choice: the rates of Linux", "tcp::pacing::limit");
    World w([](WorldConfig& c) { with_sack(c), c.stack.tcp.pacing = Pacing::automatic; });
    open_after(w, kRtt);
    w.send(500 * kMss);
    for (int i = 0; i < 10; ++i) RECV(w, {.len = kMss});
    SILENT(w);  // the initial window leaves at once
    w.advance(kRtt);
    w.in({.ack = w.main().rel_nxt()});
    const uint32_t window = w.info().cwnd_bytes / kMss;
    ASSERT_GE(window, 18u);
    const Duration start = w.elapsed();
    std::map<Duration, int> bursts;
    for (uint32_t i = 0; i < window; ++i) {
        auto packet = w.out();
        if (!packet && w.advance_to_packet(kRtt)) packet = w.out();
        ASSERT_TRUE(packet);
        ++bursts[w.elapsed() - start];
    }
    SILENT(w);
    Duration before = -1s;
    for (const auto& [at, segments] : bursts) {
        EXPECT_LE(segments, 2);
        EXPECT_GE(at - before, kRtt / window - 10us) << "two segments at 2 cwnd / SRTT";
        before = at;
    }
    EXPECT_NEAR(static_cast<double>(before / 1us), static_cast<double>(kRtt / 2us), kRtt / 16us);
    EXPECT_EQ(w[Counter::rto_expirations] + w[Counter::tail_loss_probes], 0u);
}

TEST(Row109, SlowStartEndsWhenTheRoundTripGrows) {
    ROW(109, "9406-4.2", "tcp::hystart::growth");
    World w([](WorldConfig& c) { with_sack(c), c.wscale = 10; });
    // A bottleneck of one segment in 2 ms: the queue grows with the window.
    Duration busy_until{};
    SackPeer peer(w, [&](uint32_t, int) {
        busy_until = std::max(busy_until, w.elapsed()) + 2ms;
        return Fate{false, busy_until - w.elapsed()};
    });
    peer.open();
    ASSERT_TRUE(peer.transfer(2500));
    EXPECT_NE(w.info().ssthresh_bytes, UINT32_MAX) << "found without a loss";
    EXPECT_EQ(w[Counter::retransmitted], 0u);
}

}  // namespace
}  // namespace synfin::fakes
