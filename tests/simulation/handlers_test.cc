/// @file
/// Applications that do anything from within any handler: each call of Connection and Stack, on the
/// connection that is told of and on any other, ended ones too. What must hold: every byte once and in order,
/// each connection opened and closed once and nothing after that, close() resets when text is unread and only
/// then, fakes/invariants.hh at every turn, and nothing in use when all is over.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <deque>
#include <vector>

#include "base/random.hh"
#include "fakes/burst_engine.hh"
#include "fakes/invariants.hh"

namespace synfin::simulation {
namespace {

using fakes::Family;

/// Of `end`, 0 or 1.
IpAddress address(unsigned end, Family family) {
    return fakes::host(1 + end, family);
}
constexpr uint16_t kPort = 80;
constexpr size_t kPeriod = 4093;  // a prime: no piece of text looks like another at a usual distance

/// A stream's bytes, twice round.
const std::vector<uint8_t>& stream() {
    static const std::vector<uint8_t> bytes = [] {
        std::vector<uint8_t> out(2 * kPeriod);
        for (size_t i = 0; i < out.size(); ++i)
            out[i] = static_cast<uint8_t>(i % kPeriod * 131 + (i % kPeriod >> 8));
        return out;
    }();
    return bytes;
}

stack::StackConfig config(unsigned end, Random& random, bool mixed) {
    stack::StackConfig out = fakes::BurstEngine::small(fakes::on_net(address(end, Family::v4)));
    if (mixed) out.addresses.push_back(fakes::on_net(address(end, Family::v6)));
    out.max_connections = 6;
    out.max_half_open = 3;
    out.max_time_wait = 2;
    out.seed = 1 + end;
    out.tcp.receive_buffer_bytes = 2000 + random.below(8000);
    out.tcp.send_buffer_bytes = 2000 + random.below(8000);
    for (bool* option : {&out.tcp.syn_cookies, &out.tcp.timestamps, &out.tcp.window_scale, &out.tcp.nagle})
        *option = random.below(3) != 0;
    if (random.below(3) == 0) out.tcp.mss_limit = static_cast<uint16_t>(88 + random.below(1400));
    if (random.below(3) == 0) out.tcp.keepalive_idle = 3s;
    return out;
}

class Node {
  public:
    /// @param mixed the ends have addresses of both families, and connect to either
    Node(unsigned end, uint64_t seed, bool mixed)
        : end_(end), random_(seed), mixed_(mixed), engine_(config(end, random_, mixed)) {
        EXPECT_TRUE(engine_.stack.listen(kPort));
    }

    // -- the handlers

    void on_open(Connection c) {
        Life& life = life_of(c, true);
        EXPECT_FALSE(life.opened) << "opened twice";
        EXPECT_FALSE(life.told || life.done) << "opened after its end";
        life.opened = true;
        act(c);
    }
    void on_data(Connection c, RxView& view) {
        Life& life = life_of(c);
        EXPECT_TRUE(life.opened && !life.told && !life.done) << "text to nobody";
        ASSERT_FALSE(view.bytes().empty());
        expect_text(life, view.bytes());
        const bool was_done = life.done;
        shown_ = c, shown_bytes_ = view.size();
        // Many applications close at the last byte of what they wait for.
        if (random_.below(8) == 0) close(life);
        if (random_.below(2) == 0) act(c);
        if (std::exchange(shown_, {}) != c) return;  // receive() has read some
        Life& same = life_of(c);
        if (random_.below(3) == 0) view.take(random_.below(view.size() + 1));
        same.got += view.taken();
        if (same.done && !was_done && view.taken() != view.size()) same.left = true;
    }
    void on_writable(Connection c) {
        EXPECT_TRUE(!life_of(c).told && !life_of(c).done);
        act(c);
    }
    void on_peer_fin(Connection c) {
        Life& life = life_of(c);
        EXPECT_TRUE(life.opened && !life.fin && !life.told && !life.done);
        life.fin = true;
        ++fins_;
        // Of all that had these ports there: another one may have been opened while text was left unread.
        EXPECT_TRUE(std::any_of(other->lives_.begin(), other->lives_.end(), [&](const Life& l) {
            return l.local == life.peer && l.peer == life.local && l.sent == life.got;
        })) << "FIN is told after the last byte";
        act(c);
    }
    void on_close(Connection c, const CloseInfo&) {
        Life& life = life_of(c);
        EXPECT_FALSE(life.told) << "closed twice";
        life.told = true;
        ++told_;
        act(c);
    }

    // -- the wire's side

    void turn(Duration d) {
        engine_.turn(*this, d);
        EXPECT_EQ(invariants_.check(engine_.stack), "");
        for (Life& life : lives_) {
            if (!life.left) continue;
            EXPECT_TRUE(is_over(life.c.state()))
                << "closed, and then left text: nobody is told that it is lost, in "
                << tcp::name(life.c.state());
            life.left = false;
        }
    }
    std::optional<std::vector<uint8_t>> take() { return engine_.port.take(); }
    void deliver(Bytes bytes) { (void)engine_.port.deliver(bytes); }
    void fail(uint32_t alloc, uint32_t tx) {
        engine_.port.refuse_alloc(alloc);
        engine_.port.refuse_tx(tx);
    }

    /// Something, on `c` or on any connection that there ever was.
    void act(Connection c = {}) {
        for (unsigned n = random_.below(3); n > 0; --n) {
            if (!c || random_.below(4) == 0) {
                if (lives_.empty() || random_.below(8) == 0) {
                    act_on_stack();
                    continue;
                }
                c = lives_[random_.below(static_cast<uint32_t>(lives_.size()))].c;
            }
            act_on(c);
        }
    }
    void end() {
        ending_ = true;
        fail(0, 0);
        (void)engine_.stack.unlisten(kPort);
        for (Life& life : lives_) {
            (void)life.c.abort();
            life.done = true;
        }
    }
    void expect_nothing_left() {
        EXPECT_EQ(told_, lives_.size());
        EXPECT_EQ(fakes::in_use(engine_.stack.occupancy(), false), "");
        EXPECT_EQ(engine_.stack.counters()[Counter::closed], lives_.size());
        EXPECT_FALSE(engine_.stack.next_deadline());
    }
    size_t lives() const { return lives_.size(); }
    uint64_t bytes() const { return bytes_; }
    uint64_t fins() const { return fins_; }
    uint64_t closes_in_on_data() const { return closes_in_on_data_; }

    Node* other = nullptr;

  private:
    struct Life {
        Connection c;
        Endpoint local{}, peer{};
        uint64_t sent = 0, got = 0;
        bool opened = false, fin = false;
        bool done = false;  ///< closed or aborted by us: only the end may be told
        bool told = false;  ///< of the end
        bool left = false;  ///< closed within on_data, which then did not take all
    };

    Life& life_of(Connection c, bool may_be_new = false) {
        const auto found =
            std::find_if(lives_.begin(), lives_.end(), [&](const Life& l) { return l.c == c; });
        if (found != lives_.end()) return *found;
        EXPECT_TRUE(may_be_new) << "told of a connection that nobody opened";
        return lives_.emplace_back(Life{.c = c, .local = *c.local(), .peer = *c.peer()});
    }
    void expect_text(const Life& life, Bytes text) {
        const size_t at = life.got % kPeriod;
        for (size_t i = 0; i < text.size(); i += kPeriod) {
            const size_t n = std::min(kPeriod, text.size() - i);
            EXPECT_TRUE(std::equal(text.begin() + static_cast<ptrdiff_t>(i),
                                   text.begin() + static_cast<ptrdiff_t>(i + n),
                                   stream().begin() + static_cast<ptrdiff_t>(at)))
                << "wrong text after " << life.got;
        }
        bytes_ += text.size();
    }

    static bool is_over(tcp::State state) {
        return state == tcp::State::closed || state == tcp::State::time_wait;
    }
    /// RFC 9293 3.6.1, SHLD-3: what was not read is lost, and the peer is told by RST; otherwise never. What
    /// on_data is being shown counts as read.
    void close(Life& life) {
        const auto before = life.c.info();
        const bool closing = life.done;
        const auto result = life.c.close();
        life.done = true;
        if (!before || closing || !result) return;
        // Text straight from a packet is shown only when none is held.
        const uint32_t held = before->unread_bytes;
        const bool unread = held != 0 && !(life.c == shown_ && held == shown_bytes_);
        if (is_over(before->state) || before->state == tcp::State::syn_sent) return;
        EXPECT_EQ(is_over(life.c.state()), unread)
            << "closed in " << tcp::name(before->state) << " with " << held << " bytes held, "
            << (life.c == shown_ ? shown_bytes_ : 0) << " of them shown";
        closes_in_on_data_ += life.c == shown_ && held != 0 && !unread;
    }

    void act_on_stack() {
        if (ending_) return;
        switch (random_.below(6)) {
            case 0: (void)engine_.stack.unlisten(kPort); return;
            case 1:
            case 2: (void)engine_.stack.listen(kPort); return;
            case 3: {
                (void)engine_.stack.visit_open(0, 3, [&](Connection c) {
                    if (random_.below(8) != 0) return;
                    close(life_of(c, true));  // perhaps its opening has not been told yet
                });
                return;
            }
            default: break;
        }
        ConnectOptions options;
        if (random_.below(2) == 0) options.source_port = static_cast<uint16_t>(50'000 + random_.below(3));
        const Family family = mixed_ && random_.below(2) == 0 ? Family::v6 : Family::v4;
        const auto c = engine_.stack.connect({address(1 - end_, family), kPort}, options);
        if (c) life_of(*c, true);
    }

    void act_on(Connection c) {
        Life& life = life_of(c);
        switch (random_.below(16)) {
            case 0:
            case 1:
            case 2:
            case 3: send(life); return;
            case 4:
            case 5:
            case 6: receive(life); return;
            case 7: (void)c.resume(); return;
            case 8:
                if (random_.below(3) == 0) (void)c.shutdown();
                return;
            case 9:
                if (random_.below(4) != 0) return;
                close(life);
                return;
            case 10:
                if (random_.below(8) != 0) return;
                (void)c.abort();
                life.done = true;
                return;
            case 11: (void)c.set_no_delay(random_.below(2) == 0); return;
            case 12: (void)c.set_user_timeout(std::chrono::seconds(random_.below(100))); return;
            case 13: c.set_user_tag(c.user_tag() + 1); return;
            case 14: {
                const auto info = c.info();
                EXPECT_EQ(static_cast<bool>(info), static_cast<bool>(c.local()));
                EXPECT_TRUE(info || c.room() == 0);
                return;
            }
            default: act_on_stack(); return;
        }
    }
    void send(Life& life) {
        const size_t at = life.sent % kPeriod, n = random_.below(kPeriod);
        const Bytes text(stream().data() + at, n);
        const auto taken = random_.below(3) == 0 ? life.c.send_static(text) : life.c.send(text);
        EXPECT_FALSE(taken && life.told) << "sent after the end";
        if (taken) life.sent += *taken;
    }
    void receive(Life& life) {
        std::array<uint8_t, 3000> some;
        const auto n = life.c.receive(MutableBytes(some.data(), random_.below(some.size())));
        if (n && *n != 0 && life.c == shown_) shown_ = {};  // what remains is shown anew
        if (!n || life.done) return;
        expect_text(life, Bytes(some.data(), *n));
        life.got += *n;
    }

    unsigned end_;
    Random random_;
    bool mixed_;
    fakes::BurstEngine engine_;
    fakes::Invariants invariants_;
    std::deque<Life> lives_;  // a handler opens more while one is looked at
    size_t told_ = 0;
    uint64_t bytes_ = 0, fins_ = 0, closes_in_on_data_ = 0;
    Connection shown_{};  ///< whose text on_data reads now
    uint32_t shown_bytes_ = 0;
    bool ending_ = false;
};

struct Sum {
    uint64_t lives = 0, bytes = 0, fins = 0, closes_in_on_data = 0;
};

void live(uint64_t seed, Sum& sum) {
    SCOPED_TRACE(testing::Message() << "SYNFIN_SEED=" << seed);
    Random random(seed);
    const uint64_t seeds[2] = {random.next(), random.next()};
    const bool mixed = seed % 4 == 0;
    Node nodes[2] = {{0, seeds[0], mixed}, {1, seeds[1], mixed}};
    nodes[0].other = &nodes[1], nodes[1].other = &nodes[0];
    std::vector<std::vector<uint8_t>> under_way[2];  // to that end
    std::vector<std::vector<uint8_t>> past[2];       // all that ever went there
    const uint32_t loss = random.below(2) * 30'000, reorder = random.below(2) * 100'000,
                   stale = random.below(2) * 20'000;
    const auto carry = [&](unsigned from) {
        auto& to = under_way[1 - from];
        while (auto packet = nodes[from].take()) {
            past[1 - from].push_back(*packet);
            if (random.chance_ppm(loss)) continue;
            to.push_back(std::move(*packet));
            if (to.size() > 1 && random.chance_ppm(reorder))
                std::swap(to.back(), to[random.below(static_cast<uint32_t>(to.size()))]);
        }
    };
    for (int step = 0; step < 400 && !testing::Test::HasFailure(); ++step) {
        const unsigned end = random.below(2);
        if (random.below(4) == 0) nodes[end].act();
        if (random.below(40) == 0) nodes[end].fail(random.below(4), random.below(4));
        for (size_t n = random.below(12); n > 0 && !under_way[end].empty(); --n) {
            nodes[end].deliver(under_way[end].front());
            under_way[end].erase(under_way[end].begin());
            if (random.chance_ppm(stale))
                nodes[end].deliver(past[end][random.below(static_cast<uint32_t>(past[end].size()))]);
        }
        constexpr Duration kSteps[] = {1ms, 1ms, 1ms, 1ms, 5ms, 40ms, 300ms, 2s};
        Duration d = kSteps[random.below(8)];
        if (random.below(100) == 0) d = 100s;
        nodes[end].turn(d);
        carry(end);
    }
    for (Node& node : nodes) node.end();
    for (int i = 0; i < 4; ++i)
        for (Node& node : nodes) {
            node.turn(100s);
            while (node.take()) {
            }
        }
    for (Node& node : nodes) {
        node.expect_nothing_left();
        sum.lives += node.lives();
        sum.bytes += node.bytes();
        sum.fins += node.fins();
        sum.closes_in_on_data += node.closes_in_on_data();
    }
}

TEST(Handlers, MayDoAnything) {
    Sum sum;
    if (const char* seed = std::getenv("SYNFIN_SEED")) {
        live(std::strtoull(seed, nullptr, 10), sum);
        return;
    }
    for (uint64_t seed = 1; seed <= SYNFIN_HANDLER_SEEDS && !HasFailure(); ++seed) live(seed, sum);
    EXPECT_GT(sum.lives, 4 * SYNFIN_HANDLER_SEEDS);
    EXPECT_GT(sum.bytes, 10'000 * SYNFIN_HANDLER_SEEDS);
    EXPECT_GT(sum.fins, SYNFIN_HANDLER_SEEDS);
    EXPECT_GT(sum.closes_in_on_data, SYNFIN_HANDLER_SEEDS / 20)
        << "of text that had been held, to the last byte";
}

}  // namespace
}  // namespace synfin::simulation
