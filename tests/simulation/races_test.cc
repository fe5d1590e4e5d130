/// A million random close races against one long-lived stack: FIN, RST, data, ACKs, close, shutdown, abort
/// and lost packets in any order, one connection after the other. At the end no resource of any connection
/// remains.
#include <gtest/gtest.h>

#include "base/random.hh"
#include "fakes/invariants.hh"
#include "fakes/packet.hh"
#include "synfin/virtual_stack.hh"

namespace synfin::simulation {
namespace {

using namespace fakes;  // NOLINT(google-build-using-namespace)

class Races {
  public:
    /// @param mixed every second race is one of IPv6, in the same engine
    Races(uint64_t seed, bool mixed) : random_(seed), mixed_(mixed), stack_(config(seed, mixed)) {
        if (!stack_.listen(80)) ADD_FAILURE() << "listen";
    }

    /// With the number of a race, logs that race.
    void watch(uint64_t race) { watched_ = race; }
    void race();
    void finish();
    uint64_t untold_race() const { return untold_.empty() ? 0 : untold_.front().second; }
    const std::string& log() const { return log_; }

  private:
    static VirtualConfig config(uint64_t seed, bool mixed) {
        VirtualConfig c{.address = on_net(host(1, Family::v4), 8)};
        if (mixed) c.stack.addresses = {on_net(host(1, Family::v6))};
        c.stack.seed = seed;
        c.stack.max_connections = 1024;
        c.stack.max_half_open = 256;
        c.stack.max_time_wait = 1024;
        c.stack.tcp.user_timeout = 100s;
        return c;
    }
    const Stack& view() const { return stack_.stack(); }
    void open();
    void act();
    void in(int flags, uint32_t len = 0);
    void collect();
    void note(const std::string& line) {
        if (races_ == watched_) log_ += line + "\n";
    }
    void opened(Connection c) {
        ++handles_;
        untold_.emplace_back(c, races_);
    }

    Random random_;
    bool mixed_;
    VirtualStack stack_;
    Invariants invariants_;
    uint64_t races_ = 0, handles_ = 0, told_ = 0;
    std::vector<std::pair<Connection, uint64_t>> untold_;  ///< and the race that it belongs to
    uint64_t watched_ = 0;
    std::string log_;
    // the present race
    Packet segment_{};
    uint32_t nxt_ = 0, rcv_nxt_ = 0;
    bool lost_ = false;  ///< packets of the stack are lost
    Connection c_{};
    bool has_handle_ = false, closed_ = false;
};

void Races::collect() {
    while (const auto bytes = stack_.output()) {
        if (lost_) continue;
        std::string complaint;
        Packet p = parse(*bytes, complaint);
        EXPECT_EQ(complaint, "");
        p.at = stack_.now();
        note("  < " + text(p, Instant{}, 0, 0));
        if (p.dport != segment_.sport || p.dst != segment_.src || p.sport != segment_.dport || p.has(kRst))
            continue;
        rcv_nxt_ = p.seq + p.seg_len();
    }
    for (const auto& event : stack_.take_events()) {
        if (event.kind == Event::Kind::close) {
            ++told_;
            std::erase_if(untold_, [&](const auto& entry) { return entry.first == event.connection; });
            note(event.connection == c_ ? "  end told: " + std::string(name(event.why.reason)) : "");
        }
        if (event.kind != Event::Kind::open || event.connection == c_) continue;
        opened(event.connection);  // passive; of an earlier race when its handshake ends late
        const auto accepted = stack_.accept();
        ASSERT_TRUE(accepted && *accepted == event.connection);
        const auto peer = accepted->peer();
        if (peer && peer->port == segment_.sport && peer->addr == segment_.src) {
            if (has_handle_) (void)stack_.close(c_);  // the tuple's last one: ended, perhaps with text unread
            c_ = *accepted;
            has_handle_ = true;
        } else {
            (void)stack_.close(*accepted);
        }
    }
}

void Races::in(int flags, uint32_t len) {
    segment_.flags = flags;
    segment_.seq = nxt_;
    segment_.ack = flags & kAck ? rcv_nxt_ : 0;
    segment_.payload.assign(len, 0x55);
    segment_.at = stack_.now();
    note("  > " + text(segment_, Instant{}, 0, 0));
    stack_.input(build(segment_));
    collect();
}

/// Takes an unused tuple and starts the handshake, complete or not.
void Races::open() {
    ++races_;
    c_ = {};
    has_handle_ = closed_ = lost_ = false;
    const bool active = random_.below(3) == 0;
    segment_ = Packet{};
    const Family family = mixed_ && races_ % 2 == 0 ? Family::v6 : Family::v4;
    segment_.src = host(2 + static_cast<uint32_t>(races_ / 50'000), family);
    segment_.dst = host(1, family);
    segment_.wnd = 60'000;
    segment_.mss = 1460;
    nxt_ = static_cast<uint32_t>(random_.next());
    const auto port = static_cast<uint16_t>(10'000 + races_ % 50'000);
    segment_.sport = active ? uint16_t{80} : port;
    segment_.dport = active ? port : uint16_t{80};
    if (active) {
        const auto c = stack_.connect({segment_.src, 80}, {.source_port = port});
        ASSERT_TRUE(c) << describe(c.error());
        opened(*c);
        c_ = *c;
        has_handle_ = true;
        collect();
        if (random_.below(20) != 0) in(random_.below(10) == 0 ? kSyn : kSyn | kAck);
    } else {
        in(kSyn);
    }
    ++nxt_;
    segment_.mss.reset();
    if (random_.below(20) != 0) in(kAck);
}

void Races::act() {
    std::vector<uint8_t> bytes(1 + random_.below(3000));
    switch (random_.below(16)) {
        case 0:
        case 1:
            in(kFin | kAck);
            ++nxt_;
            break;
        case 2: in(kFin | kAck); break;  // and again, or out of place
        case 3:
        case 4: in(kAck); break;
        case 5:
            in(kAck | kPsh, 100);
            nxt_ += 100;
            break;
        case 6: in(kRst); break;
        case 7: in(kSyn); break;
        case 8: lost_ = !lost_; break;
        case 9: stack_.advance(stack_.now() + Duration(1ms) * random_.below(500)); break;
        default:
            if (!has_handle_) return;
            switch (random_.below(6)) {
                case 0:
                case 1:
                    note("  close");
                    (void)stack_.close(c_);
                    break;
                case 2:
                    note("  shutdown");
                    (void)stack_.shutdown(c_);
                    break;
                case 3:
                    note("  abort");
                    (void)stack_.abort(c_);
                    break;
                case 4:
                    note("  send " + std::to_string(bytes.size()));
                    (void)stack_.send(c_, bytes);
                    break;
                default:
                    note("  receive " + std::to_string(bytes.size()));
                    (void)stack_.receive(c_, bytes);
                    break;
            }
    }
    collect();
}

void Races::race() {
    open();
    for (uint32_t n = random_.below(10); n > 0; --n) act();
    lost_ = false;
    if (random_.below(4) == 0) in(kRst);
    // In any state the application closes; connections without a peer time out.
    note("  close, the last call");
    if (has_handle_) (void)stack_.close(c_);
    stack_.advance(stack_.now() + Duration(1ms) * random_.below(700));
    collect();
    if (races_ % 1000 == 0) {
        const std::string broken = invariants_.check(view());
        EXPECT_EQ(broken, "");
    }
}

void Races::finish() {
    for (int i = 0; i < 40; ++i) {
        stack_.advance(stack_.now() + 30s);
        collect();
    }
    EXPECT_EQ(in_use(view().occupancy()), "");
    EXPECT_FALSE(stack_.next_deadline().has_value());
    EXPECT_EQ(told_, handles_);
    const Counters& c = view().counters();
    EXPECT_EQ(c[Counter::closed], handles_);
    EXPECT_EQ(c[DropReason::connections_full] + c[DropReason::accept_full], 0u);
    EXPECT_GE(c[Counter::active_opens] + c[Counter::passive_opens], c[Counter::closed]);
    EXPECT_LE(c[Counter::half_open_expired], c[Counter::passive_opens]);
}

struct Run {
    uint64_t seed;
    bool mixed;
};
class CloseRaces : public testing::TestWithParam<Run> {};

TEST_P(CloseRaces, LeaveNothingBehind) {
    testing::Test::RecordProperty("row", 38);
    testing::Test::RecordProperty("clause", "9293-3.6, 3.10.4, 3.10.5");
    testing::Test::RecordProperty("function", "stack::end");
    testing::Test::RecordProperty("family", GetParam().mixed ? "46" : "4");
    const auto [seed, mixed] = GetParam();
    Races races(seed, mixed);
    for (int i = 0; i < 50'000 && !HasFailure(); ++i) races.race();
    races.finish();
    if (!HasFailure() || races.untold_race() == 0) return;
    Races again(seed, mixed);
    again.watch(races.untold_race());
    for (uint64_t i = 0; i < races.untold_race(); ++i) again.race();
    std::printf("seed %llu, race %llu, whose end is not told:\n%s", static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(races.untold_race()), again.log().c_str());
}

/// One run in ten is mixed.
std::vector<Run> runs() {
    std::vector<Run> out;
    for (uint64_t seed = 1; seed <= SYNFIN_RACE_SEEDS; ++seed) out.push_back({seed, false});
    for (uint64_t seed = 1; seed <= (SYNFIN_RACE_SEEDS + 9) / 10; ++seed) out.push_back({seed, true});
    return out;
}

INSTANTIATE_TEST_SUITE_P(, CloseRaces, testing::ValuesIn(runs()), [](const auto& param) {
    return (param.param.mixed ? "Mixed" : "Ipv4") + std::to_string(param.param.seed);
});

}  // namespace
}  // namespace synfin::simulation
