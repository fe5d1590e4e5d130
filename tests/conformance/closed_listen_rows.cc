/// Rows 1 and 2: answers in CLOSED and LISTEN. Rows 26 and 27: choice of the listener, and sources without an
/// answer.
#include "fakes/world.hh"

namespace synfin::fakes {
namespace {

/// A segment to a port without a listener.
Flow& closed(World& w) {
    return w.flow(40001, host(2), 81);
}

TEST(Row1, SynWithoutAckIsAnsweredByRstAckOfSeqZero) {
    ROW(1, "9293-3.10.7.1", "tcp::on_closed");
    World w;
    auto& f = closed(w);
    for (uint32_t len : {0u, 1u, 100u}) {
        f.in({.seq = 0, .flags = kSyn, .len = len});
        RECV(f, {.ack = 1 + len, .flags = kRst | kAck, .len = 0});
        EXPECT_EQ(f.last().seq, 0u) << "<SEQ=0>, the number itself";
        EXPECT_EQ(f.last().wnd, 0u);
    }
    SILENT(w);
    EXPECT_EQ(w[DropReason::closed_port], 3u);
    EXPECT_EQ(w[Counter::resets_sent], 3u);
    IDLE(w);
}

TEST(Row1, DataWithoutAckIsCounted) {
    ROW(1, "9293-3.10.7.1", "tcp::on_closed");
    World w;
    auto& f = closed(w);
    f.in({.seq = 7, .flags = kFin, .len = 10});
    RECV(f, {.ack = 18, .flags = kRst | kAck});
    EXPECT_EQ(f.last().seq, 0u);
    SILENT(w);
}

TEST(Row1, SegmentWithAckIsAnsweredByRstAtItsAck) {
    ROW(1, "9293-3.10.7.1", "tcp::on_closed");
    World w;
    auto& f = closed(w);
    for (const int flags : {kAck, kAck | kPsh, kAck | kFin, kAck | kSyn, kAck | kUrg}) {
        f.in({.seq = 5, .ack = 77, .flags = flags, .len = flags & kPsh ? 10u : 0u});
        RECV(f, {.seq = 77, .flags = kRst, .len = 0});
    }
    SILENT(w);
    IDLE(w);
}

TEST(Row1, RstIsMetBySilence) {
    ROW(1, "9293-3.10.7.1", "tcp::on_closed");
    World w;
    auto& f = closed(w);
    f.in({.seq = 5, .flags = kRst});
    f.in({.seq = 5, .ack = 77, .flags = kRst | kAck});
    f.in({.seq = 5, .ack = 77, .flags = kRst | kAck, .len = 20});
    SILENT(w);
    EXPECT_EQ(w[Counter::resets_sent], 0u);
    EXPECT_EQ(w.all_drops(), 3u);
}

TEST(Row1, AClosedConnectionIsAClosedPort) {
    ROW(1, "9293-3.10.7.1", "tcp::on_closed");
    World w;
    w.bring(State::last_ack);
    w.in({.seq = 2, .ack = 2});
    STATE(w, closed);
    w.in({.seq = 2, .ack = 2});
    RECV(w, {.seq = 2, .flags = kRst});
}

TEST(Row2, RstIsIgnored) {
    ROW(2, "9293-3.10.7.2", "tcp::on_listen");
    World w;
    w.bring(State::listen);
    w.in({.seq = 5, .flags = kRst});
    w.in({.seq = 5, .ack = 77, .flags = kRst | kAck});
    SILENT(w);
    EXPECT_EQ(w[DropReason::listen_ignored], 2u);
    EXPECT_EQ(w.occupancy().half_open, 0u);
}

TEST(Row2, AckIsAnsweredByRstAtItsAck) {
    ROW(2, "9293-3.10.7.2", "tcp::on_listen");
    World w;
    w.bring(State::listen);
    for (const int flags : {kAck, kAck | kPsh, kAck | kFin, kAck | kUrg}) {
        w.in({.seq = 5, .ack = 77, .flags = flags, .len = flags & kPsh ? 10u : 0u});
        RECV(w, {.seq = 77, .flags = kRst, .len = 0});
    }
    SILENT(w);
    EXPECT_EQ(w.occupancy().half_open, 0u);
}

TEST(Row2, SynAckIsAnsweredByRst) {
    ROW(2, "9293-3.10.7.2", "tcp::on_listen");
    World w;
    w.bring(State::listen);
    w.in({.seq = 0, .ack = 77, .flags = kSyn | kAck});
    RECV(w, {.seq = 77, .flags = kRst});
    SILENT(w);
    EXPECT_EQ(w.occupancy().half_open, 0u);
}

TEST(Row1, PortZeroIsAnsweredAsAnyOther) {
    ROW(1, "9293-3.10.7.1", "tcp::on_closed");
    World w;
    w.listen(80);
    for (auto* f : {&w.flow(0, host(2), 81), &w.flow(40001, host(2), 0)}) {
        f->in({.seq = 5, .flags = kSyn});
        RECV(*f, {.ack = 6, .flags = kRst | kAck});
    }
    auto& f = w.flow(0, host(2), 80);
    f.in({.seq = 0, .flags = kSyn});
    RECV(f, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
    f.in({.seq = 1, .flags = kRst});
    SILENT(w);
    IDLE(w);
}

TEST(Row2, SynLeadsToSynReceived) {
    ROW(2, "9293-3.10.7.2", "tcp::on_listen");
    World w;
    w.bring(State::listen);
    w.steer(w.main(), false);
    w.in({.seq = 0, .flags = kSyn});
    RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck, .len = 0, .mss = 1460});
    EXPECT_EQ(w.main().last().seq, w.config().stack_isn) << "the harness steers the clock of the ISN";
    SILENT(w);
    STATE(w, syn_received);
    EXPECT_EQ(w.occupancy().half_open, 1u);
    EXPECT_EQ(w[Counter::passive_opens], 1u);
}

TEST(Row2, OthersAreDroppedSilently) {
    ROW(2, "9293-3.10.7.2", "tcp::on_listen");
    World w;
    w.bring(State::listen);
    uint64_t sent = 0;
    for (const int flags : {0, +kFin, +kPsh, +kUrg, kFin | kPsh | kUrg}) {
        w.in({.seq = 5, .flags = flags, .len = flags & kPsh ? 10u : 0u});
        SILENT(w);
        EXPECT_EQ(w.all_drops(), ++sent) << flags_text(flags);
    }
    EXPECT_EQ(w.occupancy().half_open, 0u);
}

TEST(Row26, SeveralPassiveOpensDoNotDisturbEachOther) {
    ROW(26, "9293-3.9.1 MUST-41/42", "stack::Listeners::find");
    World w;
    w.listen(80);
    // Three connections at different points of the handshake, completed in another order.
    for (const uint16_t port : {uint16_t{40001}, uint16_t{40002}, uint16_t{40003}}) {
        w.flow(port).in({.seq = 0, .flags = kSyn});
        RECV(w.flow(port), {.seq = 0, .ack = 1, .flags = kSyn | kAck});
    }
    w.flow(40003).in({.seq = 1, .ack = 1, .len = 10});
    RECV_IN(w.flow(40003), 0ms, 500ms, {.ack = 11});
    w.flow(40001).in({.seq = 1, .ack = 1});
    w.flow(40002).in({.seq = 1, .flags = kRst});
    EXPECT_EQ(tcp::name(w.flow(40001).state()), "ESTABLISHED");
    EXPECT_EQ(tcp::name(w.flow(40002).state()), "CLOSED");
    EXPECT_EQ(tcp::name(w.flow(40003).state()), "ESTABLISHED");
    w.flow(40003).accept();
    w.flow(40001).accept();
    EXPECT_EQ(w.flow(40003).read_all(), 10u);
    w.flow(40001).in({.seq = 1, .ack = 1, .len = 5});
    RECV_IN(w.flow(40001), 0ms, 500ms, {.ack = 6});
    EXPECT_EQ(w.flow(40001).read_all(), 5u);
    w.flow(40002).in({.seq = 0, .flags = kSyn});
    RECV(w.flow(40002), {.seq = 0, .ack = 1, .flags = kSyn | kAck});
    SILENT(w);
}

TEST(Row26, AListenerOfOneAddressIsForThatAddressOnly) {
    ROW(26, "9293-3.9.1 MUST-43..45", "stack::listen");
    const IpAddress second = host(5);
    World w([&](WorldConfig& c) { c.more_addresses = {on_net(second)}; });
    REQUIRE(w.stack().listen(81, second));
    auto& other = w.flow(40001, host(2), 81);
    other.in({.seq = 0, .flags = kSyn});
    RECV(other, {.ack = 1, .flags = kRst | kAck});
    auto& ours = w.flow(40002, host(2), 81, second);
    ours.in({.seq = 0, .flags = kSyn});
    RECV(ours, {.seq = 0, .ack = 1, .flags = kSyn | kAck});

    EXPECT_EQ(w.stack().listen(81, second).error(), Error::in_use);
    EXPECT_EQ(w.stack().listen(81, host(99)).error(), Error::invalid);
    EXPECT_EQ(w.stack().listen(0).error(), Error::invalid);
    REQUIRE(w.stack().listen(81));  // a wildcard in addition to the specific one
    auto& wild = w.flow(40003, host(2), 81);
    wild.in({.seq = 0, .flags = kSyn});
    RECV(wild, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
    REQUIRE(w.stack().unlisten(81, second));
    RECV(ours, {.seq = 1, .ack = 1, .flags = kRst | kAck, .len = 0});
    auto& still = w.flow(40004, host(2), 81, second);
    still.in({.seq = 0, .flags = kSyn});
    RECV(still, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
    SILENT(w);
}

TEST(Row26, UnlistenClosesThePortAndLeavesOpenConnections) {
    ROW(26, "9293-3.9.1", "stack::unlisten");
    World w;
    w.open();
    auto& half = w.flow(40001);
    half.in({.seq = 0, .flags = kSyn});
    RECV(half, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
    REQUIRE(w.stack().unlisten(80));
    RECV(half, {.seq = 1, .ack = 1, .flags = kRst | kAck, .len = 0});  // valid with or without our SYN
    auto& late = w.flow(40002);
    late.in({.seq = 0, .flags = kSyn});
    RECV(late, {.ack = 1, .flags = kRst | kAck});
    w.in({.len = 10});
    RECV_IN(w, 0ms, 500ms, {.ack = 11});
    half.in({.seq = 1, .ack = 1});
    RECV(half, {.seq = 1, .flags = kRst});
    EXPECT_EQ(w.occupancy().half_open, 0u);
}

TEST(Row26, TheSourceAddressOfAnActiveOpenIsHonouredOrChosen) {
    ROW(26, "9293-3.9.1 MUST-43..45", "stack::connect");
    const IpAddress second = host(5);
    World w([&](WorldConfig& c) { c.more_addresses = {on_net(second)}; });
    const Endpoint peer{host(2), 80};
    REQUIRE(w.stack().connect(peer));
    auto packet = w.out();
    REQUIRE(packet.has_value());
    EXPECT_EQ(packet->src, host(1));
    REQUIRE(w.stack().connect(peer, {.source = second}));
    packet = w.out();
    REQUIRE(packet.has_value());
    EXPECT_EQ(packet->src, second);
    EXPECT_EQ(w.stack().connect(peer, {.source = host(99)}).error(), Error::invalid);
    EXPECT_EQ(w.stack().connect({host(2), 0}).error(), Error::invalid);
    SILENT(w);
}

TEST(Row27, OpenToMulticastOrBroadcastIsRefused) {
    ROW(27, "9293-3.9.1 MUST-46", "stack::connect");
    World w;
    const std::vector<const char*> four{"224.0.0.1", "239.255.255.250", "255.255.255.255", "10.0.0.255",
                                        "0.0.0.0"};
    const std::vector<const char*> six{"ff02::1", "ff0e::fb", "ff02::1:ff00:2", "::", "::ffff:10.0.0.2"};
    for (const char* addr : is_ipv6() ? six : four)
        EXPECT_EQ(w.stack().connect({*IpAddress::parse(addr), 80}).error(), Error::invalid) << addr;
    SILENT(w);
    IDLE(w);
}

TEST(Row27, SynFromOrToMulticastOrBroadcastIsDroppedSilently) {
    ROW(27, "9293-3.9.2.3 MUST-57/63", "net::read_ip");
    World w;
    w.listen(80);
    uint64_t dropped = 0;
    const std::vector<const char*> four{"224.0.0.1", "255.255.255.255", "10.0.0.255", "0.0.0.0", "127.0.0.1"};
    const std::vector<const char*> six{"ff02::1", "ff0e::fb", "ff02::1:ff00:1", "::", "::1"};
    for (const char* addr : is_ipv6() ? six : four) {
        for (const bool from : {true, false}) {
            Packet syn = w.main().make({.seq = 0, .flags = kSyn});
            (from ? syn.src : syn.dst) = *IpAddress::parse(addr);
            w.raw(build(syn));
            SILENT(w);
            EXPECT_EQ(w.all_drops(), ++dropped) << addr << (from ? " as source" : " as destination");
        }
    }
    IDLE(w);
}

TEST(Row27, LandIsDropped) {
    ROW(27, "9293-3.9.2.3", "net::read_ip");
    World w;
    w.listen(80);
    for (const uint16_t port :
         {uint16_t{80}, uint16_t{40000}}) {  // the whole tuple equal, and only the address equal
        Packet syn = w.main().make({.seq = 0, .flags = kSyn});
        syn.src = syn.dst;
        syn.sport = port;
        w.raw(build(syn));
    }
    SILENT(w);
    EXPECT_EQ(w[DropReason::bad_ip_source], 2u);
    IDLE(w);
}

TEST(Row27, AnotherHostsPacketIsNotOurs) {
    ROW(27, "1122-3.2.1.3", "net::read_ip");
    World w;
    w.listen(80);
    Packet syn = w.main().make({.seq = 0, .flags = kSyn});
    syn.dst = host(3);
    w.raw(build(syn));
    SILENT(w);
    EXPECT_EQ(w[DropReason::not_for_us], 1u);
}

}  // namespace
}  // namespace synfin::fakes
