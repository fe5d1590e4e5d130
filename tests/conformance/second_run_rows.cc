/// Rows 80 and 81: a process opens tuples that an earlier process used and that the peer holds in TIME-WAIT.
#include "fakes/burst_engine.hh"
#include "fakes/world.hh"

namespace synfin::fakes {
namespace {

constexpr uint32_t kOldAck = 0x12345678;  ///< relative to our ISN: the ACK of a TIME-WAIT of another run

TEST(Row80, ARefusedSynLeavesAgainAtOnceBehindTheRst) {
    ROW(80, "9293-3.10.7.3 first", "tcp::on_syn_sent");
    World w;
    w.bring(State::syn_sent);
    const Packet first = w.main().last();
    w.in({.seq = 5000, .ack = kOldAck, .flags = kAck});
    RECV(w, {.seq = kOldAck, .flags = kRst, .len = 0});
    RECV(w, {.seq = 0, .flags = kSyn, .len = 0, .mss = 1460});
    SILENT(w);
    const Packet& again = w.main().last();
    EXPECT_EQ(again.seq, first.seq) << "the same ISN";
    EXPECT_EQ(again.wnd, first.wnd);
    EXPECT_EQ(again.wscale, first.wscale);
    EXPECT_EQ(again.sack_ok, first.sack_ok);
    EXPECT_EQ(again.ts.has_value(), first.ts.has_value());
    EXPECT_EQ(w[Counter::stale_syn], 1u);
    EXPECT_EQ(w[Counter::syn_retransmitted], 1u);
    w.in({.seq = 0, .ack = 1, .flags = kSyn | kAck});
    RECV(w, {.seq = 1, .ack = 1, .flags = kAck, .len = 0});
    STATE(w, established);
    EXPECT_GE(w.info().cwnd_bytes, 14'480u) << "no SYN was lost";
}

TEST(Row80, ForgedAcksBringOneSynMoreAndNoOther) {
    ROW(80, "9293-3.10.7.3 first", "tcp::on_syn_sent");
    World w;
    w.bring(State::syn_sent);
    for (uint32_t i = 0; i < 100; ++i) {
        w.in({.seq = i, .ack = kOldAck + i, .flags = i % 2 == 0 ? +kAck : kSyn | kAck});
        RECV(w, {.seq = kOldAck + i, .flags = kRst});
        if (i == 0) RECV(w, {.seq = 0, .flags = kSyn});
        SILENT(w);
    }
    EXPECT_EQ(w[Counter::stale_syn], 1u);
    EXPECT_EQ(w[Counter::syn_retransmitted], 1u);
    // Later timers are those of an unanswered SYN, and another ACK changes nothing.
    RECV_IN(w, 1s, 1010ms, {.seq = 0, .flags = kSyn});
    w.in({.ack = kOldAck, .flags = kAck});
    RECV(w, {.seq = kOldAck, .flags = kRst});
    RECV_IN(w, 2s, 2010ms, {.seq = 0, .flags = kSyn});
    EXPECT_EQ(w[Counter::stale_syn], 1u);
}

TEST(Row80, AfterTheFirstTimeoutTheTimerAloneSendsIt) {
    ROW(80, "9293-3.10.7.3 first", "tcp::on_syn_sent");
    World w;
    w.bring(State::syn_sent);
    RECV_IN(w, 1s, 1010ms, {.seq = 0, .flags = kSyn});
    w.in({.ack = kOldAck, .flags = kAck});
    RECV(w, {.seq = kOldAck, .flags = kRst});
    RECV_IN(w, 2s, 2010ms, {.seq = 0, .flags = kSyn});
    EXPECT_EQ(w[Counter::stale_syn], 0u);
}

TEST(Row80, ABadAckOnARstBringsNoSyn) {
    ROW(80, "9293-3.10.7.3 first", "tcp::on_syn_sent");
    World w;
    w.bring(State::syn_sent);
    w.in({.ack = kOldAck, .flags = kRst | kAck});
    SILENT(w);
    EXPECT_EQ(w[Counter::stale_syn], 0u);
}

const Cidr kFirst = net_host(1), kSecond = net_host(3);
const Endpoint kServer{host(2), 80};
constexpr HashKey kIsn{11, 12}, kTimestamps{13, 14};

constexpr uint16_t kTuples = 64;

/// One process: its own secret, and the keys that last until reboot.
struct Process : BurstEngine {
    Process(const stack::StackConfig& config, const stack::Keys& keys, Instant start)
        : BurstEngine(config, keys, start) {}
    static stack::StackConfig config(std::vector<Cidr> addresses, bool timestamps) {
        stack::StackConfig out = small();
        out.addresses = std::move(addresses);
        out.tcp.timestamps = timestamps;
        out.max_connections = out.max_time_wait = kTuples;
        return out;
    }
    void on_open(Connection) noexcept {}
    void on_data(Connection, RxView&) noexcept {}
    void on_writable(Connection) noexcept {}
    void on_peer_fin(Connection c) noexcept { static_cast<void>(c.close()); }
    void on_close(Connection, const CloseInfo&) noexcept { ++closed; }
    int closed = 0;
};

/// A server that closes each connection at once, and so stays in TIME-WAIT.
struct ClosingServer {
    ClosingServer() : stack(config()) { REQUIRE(stack.listen(kServer.port)); }
    static VirtualConfig config() {
        VirtualConfig out{.address = on_net(kServer.addr)};
        out.stack.seed = 5;
        return out;
    }
    VirtualStack stack;
};

void connect(Process& client, uint16_t number) {
    ConnectOptions options;
    options.source = kSecond.addr;
    options.source_port = static_cast<uint16_t>(40'000 + number);
    REQUIRE(client.stack.connect(kServer, options));
}

/// Opens each tuple from the second address, and lets the server end it. Packets take no time.
void run(Process& client, ClosingServer& server) {
    for (uint16_t i = 0; i < kTuples; ++i) {
        connect(client, i);
        const int before = client.closed;
        for (int turn = 0; turn < 20 && client.closed == before; ++turn) {
            client.turn(client, 100us);
            server.stack.advance(client.now);
            while (auto packet = client.port.take()) server.stack.input(*packet);
            while (auto accepted = server.stack.accept()) REQUIRE(server.stack.close(*accepted));
            while (auto packet = server.stack.output()) REQUIRE(client.port.deliver(*packet));
        }
        ASSERT_EQ(client.closed, before + 1) << "connection " << i;
    }
}

TEST(Row81, TheNextProcessOpensTheSameTuplesAtOnce) {
    ROW(81, "6528-3, 7323-5.4, 6191-2", "tcp::InitialSequenceNumbers, tcp::TimestampOffsets");
    for (const bool timestamps : {true, false}) {
        ClosingServer server;
        Instant start = Instant::from_ns(3'000'000'000);
        // Additional addresses, none, or another order: only the addresses of the tuple matter.
        const std::vector<Cidr> lists[] = {{kFirst, kSecond}, {kSecond}, {kSecond, kFirst}};
        uint64_t own = 1;
        for (const std::vector<Cidr>& addresses : lists) {
            Process client(Process::config(addresses, timestamps), {{own, own}, kIsn, kTimestamps}, start);
            ++own;
            run(client, server);
            EXPECT_EQ(client.stack.counters()[Counter::stale_syn], 0u);
            EXPECT_EQ(client.stack.counters()[Counter::syn_retransmitted], 0u);
            EXPECT_EQ(client.stack.counters()[Counter::resets_sent], 0u);
            start = client.now + 1ms;
        }
        EXPECT_EQ(server.stack.stack().counters()[Counter::time_wait_reused], 2u * kTuples);
    }
}

/// The reason for the shared keys: with its own secrets, half of the next process's SYNs look old to
/// TIME-WAIT.
TEST(Row81, WithOtherSecretsTheServerRefusesManySyns) {
    ROW(81, "6528-3, 7323-5.4", "tcp::on_syn_sent");
    ClosingServer server;
    const stack::StackConfig config = Process::config({kFirst, kSecond}, true);
    Process first(config, {{1, 1}, kIsn, kTimestamps}, Instant::from_ns(3'000'000'000));
    run(first, server);
    Process second(config, {{2, 2}, {21, 22}, {23, 24}}, first.now + 1ms);
    for (uint16_t i = 0; i < kTuples; ++i) connect(second, i);
    for (int turn = 0; turn < 4; ++turn) {
        second.turn(second, 100us);
        server.stack.advance(second.now);
        while (auto packet = second.port.take()) server.stack.input(*packet);
        while (auto packet = server.stack.output()) REQUIRE(second.port.deliver(*packet));
    }
    EXPECT_GT(second.stack.counters()[Counter::stale_syn], kTuples / 8);
}

}  // namespace
}  // namespace synfin::fakes
