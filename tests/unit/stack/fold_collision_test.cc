/// Two IPv6 peers whose addresses have the same 32-bit fold (base/address_hash.hh), and so the same Tuple
/// with the same ports: their connections must not mix.

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "base/address_hash.hh"
#include "fakes/burst_engine.hh"
#include "fakes/packet.hh"
#include "stack/keys.hh"

namespace synfin {
namespace {

using namespace fakes;  // NOLINT(google-build-using-namespace)

constexpr HashKey kSecret{1, 2};

Ipv6 six(uint32_t n) {
    return host(n, Family::v6).v6;
}

/// Of 300,000 addresses about ten pairs have equal folds; this is the first of them.
std::pair<IpAddress, IpAddress> colliding() {
    const AddressFold fold(stack::Keys::derive(kSecret, 8));  // as Connections makes it
    std::vector<std::pair<uint32_t, uint32_t>> folds;
    for (uint32_t n = 2; n < 300'000; ++n) folds.emplace_back(fold(six(n)), n);
    std::sort(folds.begin(), folds.end());
    const auto same = std::adjacent_find(folds.begin(), folds.end(),
                                         [](const auto& a, const auto& b) { return a.first == b.first; });
    EXPECT_NE(same, folds.end());
    if (same == folds.end()) return {};
    return {six(same->second), six((same + 1)->second)};
}

/// What was told.
struct App {
    void on_open(Connection c) { opened.push_back(c); }
    void on_data(Connection c, RxView& view) {
        told.push_back(c.peer()->addr);
        bytes += view.size();
    }
    void on_writable(Connection) {}
    void on_peer_fin(Connection) {}
    void on_close(Connection, const CloseInfo& why) { ends.push_back(why.reason); }

    std::vector<Connection> opened;
    std::vector<IpAddress> told;
    std::vector<CloseReason> ends;
    uint64_t bytes = 0;
};

struct FoldCollision : testing::Test {
    FoldCollision() { std::tie(a, b) = colliding(); }

    Packet segment(const IpAddress& peer, int flags, uint32_t seq, uint32_t ack = 0, uint32_t len = 0) {
        Packet p;
        p.src = peer, p.dst = host(1, Family::v6);
        p.sport = 4000, p.dport = 80;
        p.flags = flags, p.seq = seq, p.ack = ack, p.wnd = 60'000;
        p.payload.assign(len, 'x');
        return p;
    }
    /// Delivers the segments in one burst; returns what is sent.
    std::vector<Packet> in(const std::vector<Packet>& segments) {
        for (const auto& each : segments) EXPECT_TRUE(engine.port.deliver(build(each)));
        return turn();
    }
    std::vector<Packet> turn() {
        engine.turn(app);
        std::vector<Packet> out;
        while (const auto sent = engine.port.take()) {
            std::string complaint;
            out.push_back(parse(*sent, complaint));
            EXPECT_EQ(complaint, "");
        }
        return out;
    }

    IpAddress a, b;
    BurstEngine engine{BurstEngine::small(on_net(host(1, Family::v6))), kSecret};
    App app;
};

TEST_F(FoldCollision, PassiveConnectionsDoNotMix) {
    ASSERT_TRUE(engine.stack.listen(80));
    const auto answers = in({segment(a, kSyn, 1000), segment(b, kSyn, 5000)});
    ASSERT_EQ(answers.size(), 2u);
    EXPECT_EQ(answers[0].dst, a);
    EXPECT_EQ(answers[0].ack, 1001u);
    EXPECT_EQ(answers[1].dst, b);
    EXPECT_EQ(answers[1].ack, 5001u);
    EXPECT_NE(answers[0].seq, answers[1].seq);
    EXPECT_EQ(engine.stack.records().half_open, 2u);
    const uint32_t ack_a = answers[0].seq + 1, ack_b = answers[1].seq + 1;

    EXPECT_TRUE(in({segment(b, kAck, 5001, ack_b)}).empty());
    EXPECT_EQ(engine.stack.records().half_open, 1u);
    EXPECT_TRUE(in({segment(a, kAck, 1001, ack_a)}).empty());
    ASSERT_EQ(app.opened.size(), 2u);
    EXPECT_EQ(app.opened[0].peer()->addr, b);
    EXPECT_EQ(app.opened[1].peer()->addr, a);
    in({segment(a, kAck | kPsh, 1001, ack_a, 7), segment(b, kAck | kPsh, 5001, ack_b, 9)});
    EXPECT_EQ(app.told, (std::vector{a, b}));
    EXPECT_EQ(app.bytes, 16u);

    in({segment(a, kRst, 1008)});
    EXPECT_EQ(app.ends, std::vector{CloseReason::reset_by_peer});
    EXPECT_EQ(app.opened[1].state(), tcp::State::closed);
    EXPECT_EQ(app.opened[0].state(), tcp::State::established);
    // What is left does not answer for the other one.
    const auto refusal = in({segment(a, kAck, 1008, ack_a)});
    ASSERT_EQ(refusal.size(), 1u);
    EXPECT_EQ(refusal[0].dst, a);
    EXPECT_EQ(refusal[0].flags, kRst);
    EXPECT_EQ(app.opened[0].state(), tcp::State::established);

    // B's record goes on to TIME-WAIT; A opens the equal tuple.
    ASSERT_TRUE(app.opened[0].close());
    turn();
    in({segment(b, kAck | kFin, 5010, ack_b + 1)});
    EXPECT_EQ(engine.stack.records().time_wait, 1u);
    const auto anew = in({segment(a, kSyn, 90'000)});
    ASSERT_EQ(anew.size(), 1u);
    EXPECT_EQ(anew[0].dst, a);
    EXPECT_EQ(anew[0].flags, kSyn | kAck);
    EXPECT_EQ(engine.stack.records().time_wait, 1u);
    EXPECT_EQ(engine.stack.counters()[Counter::time_wait_reused], 0u);
    const auto late = in({segment(b, kAck | kFin, 5010, ack_b + 1)});
    ASSERT_EQ(late.size(), 1u) << "TIME-WAIT acknowledges the FIN once more";
    EXPECT_EQ(late[0].dst, b);
    EXPECT_EQ(late[0].ack, 5011u);
}

TEST_F(FoldCollision, ACookieIsForItsWholeAddress) {
    ASSERT_TRUE(engine.stack.listen(80));
    for (uint32_t i = 0; i < 16; ++i) in({segment(six(400'000 + i), kSyn, 1000)});  // the backlog is full
    const auto answers = in({segment(a, kSyn, 1000)});
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_GE(engine.stack.counters()[Counter::syn_cookies_sent], 1u);
    const auto refusal = in({segment(b, kAck, 1001, answers[0].seq + 1)});
    ASSERT_EQ(refusal.size(), 1u);
    EXPECT_EQ(refusal[0].flags, kRst);
    EXPECT_TRUE(app.opened.empty());
    EXPECT_TRUE(in({segment(a, kAck, 1001, answers[0].seq + 1)}).empty());
    ASSERT_EQ(app.opened.size(), 1u);
    EXPECT_EQ(app.opened[0].peer()->addr, a);
}

TEST_F(FoldCollision, ActiveConnectionsDoNotMix) {
    const ConnectOptions from{.source_port = 50'000};
    ASSERT_TRUE(engine.stack.connect({a, 80}, from));
    ASSERT_TRUE(engine.stack.connect({b, 80}, from));
    EXPECT_EQ(engine.stack.connect({a, 80}, from).error(), Error::in_use);
    EXPECT_EQ(engine.stack.connect({b, 80}, from).error(), Error::in_use);
    const auto syns = turn();
    ASSERT_EQ(syns.size(), 2u);
    EXPECT_EQ(syns[0].dst, a);
    EXPECT_EQ(syns[1].dst, b);
    EXPECT_NE(syns[0].seq, syns[1].seq) << "ISNs are of the whole address";
    for (const Packet& syn : {syns[1], syns[0]}) {
        Packet answer = segment(syn.dst, kSyn | kAck, 7000, syn.seq + 1);
        answer.sport = 80, answer.dport = 50'000;
        const auto ack = in({answer});
        ASSERT_EQ(ack.size(), 1u);
        EXPECT_EQ(ack[0].dst, syn.dst);
        EXPECT_EQ(ack[0].seq, syn.seq + 1);
    }
    ASSERT_EQ(app.opened.size(), 2u);
    EXPECT_EQ(app.opened[0].peer()->addr, b);
    EXPECT_EQ(app.opened[1].peer()->addr, a);
}

}  // namespace
}  // namespace synfin
