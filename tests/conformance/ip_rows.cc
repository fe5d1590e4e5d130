/// Rows 71, 73 and 77: keep-alives, fragments, IPv4 options, DSCP and TTL.
#include "fakes/world.hh"

namespace synfin::fakes {
namespace {

TEST(Row71, KeepAlivesAreOffByDefault) {
    ROW(71, "9293-3.8.4 MUST-24/25", "tcp::on_keepalive");
    World w;
    w.open();
    w.advance(48h);
    SILENT(w);
    STATE(w, established);
}

void keepalive(WorldConfig& c) {
    c.stack.tcp.keepalive_idle = 2h;
}

TEST(Row71, AnIdleConnectionIsProbed) {
    ROW(71, "9293-3.8.4 MUST-26..28", "tcp::on_keepalive");
    World w(keepalive);
    w.open();
    w.advance(1h);
    w.in({.len = 10});  // not idle any more
    w.read_all();
    w.advance(500ms);
    w.discard();
    RECV_IN(w, 2h - 2s, 2h + 1s, {.seq = 0, .ack = 11});
    EXPECT_LE(w.main().last().payload.size(), 1u);
    w.in({.ack = 1});
    SILENT(w);
    RECV_IN(w, 2h - 2s, 2h + 1s, {.seq = 0, .ack = 11});
}

TEST(Row71, OneLostProbeDoesNotKill) {
    ROW(71, "9293-3.8.4 MUST-29", "tcp::on_keepalive");
    World w(keepalive);
    w.open();
    RECV_IN(w, 2h - 1s, 2h + 1s, {.seq = 0});
    RECV_IN(w, 74s, 76s, {.seq = 0});
    STATE(w, established);
    w.in({.ack = 1});
    RECV_IN(w, 2h - 1s, 2h + 1s, {.seq = 0});
}

TEST(Row71, ADeadPeerIsFound) {
    ROW(71, "9293-3.8.4", "tcp::on_keepalive");
    World w(keepalive);
    w.open();
    w.advance(2h + 8 * 75s - 1s);
    STATE(w, established);
    w.advance(3 * 75s);
    STATE(w, closed);
    CLOSED(w, timed_out);
    w.discard();
    IDLE(w);
}

TEST(Row71, AKeepAliveProbeFromThePeerIsAnswered) {
    ROW(71, "9293-3.8.4", "tcp::check_sequence");
    for (const uint32_t len : {0u, 1u}) {  // with and without the garbage byte
        World w;
        w.open();
        w.in({.len = 10});
        w.read_all();
        w.advance(500ms);
        w.discard();
        w.in({.seq = 10, .ack = 1, .len = len});
        RECV(w, {.seq = 1, .ack = 11, .len = 0});
        SILENT(w);
        EXPECT_EQ(w.read_all(), 0u);
    }
}

TEST(Row73, FragmentsAreDroppedAndCounted) {
    ROW(73, "791-3.2 (DEVIATION: not reassembled)", "net::read_ip");
    IPV4_ONLY("row 98 has the fragment header of IPv6");
    World w;
    w.open();
    Packet p = w.main().make({.seq = 1, .ack = 1, .len = 8});
    p.df = false;
    for (const uint16_t fragment : {uint16_t{0x2000}, uint16_t{0x2001}, uint16_t{1}, uint16_t{0x1fff}}) {
        p.fragment = fragment;
        w.raw(build(p));
    }
    SILENT(w);
    EXPECT_EQ(w[DropReason::ip_fragment], 4u);
    EXPECT_EQ(w.read_all(), 0u);
    p.fragment = 0;  // DF itself may be set or not
    w.raw(build(p));
    EXPECT_EQ(w.read_all(), 8u);
}

TEST(Row77, UnknownIpOptionsAreIgnored) {
    ROW(77, "9293-3.9.2 MUST-50, 1122-3.2.1.8", "net::read_ip");
    IPV4_ONLY("rows 96 and 97 have the extension headers of IPv6");
    for (const std::vector<uint8_t>& options : {std::vector<uint8_t>{1, 1, 1, 1},
                                                {0, 0, 0, 0},
                                                {7, 7, 4, 0, 0, 0, 0, 0},
                                                {148, 4, 0, 0},
                                                {0x99, 4, 1, 2, 68, 8, 5, 0, 0, 0, 0, 0}}) {
        World w;
        w.listen();
        Packet syn = w.main().make({.seq = 0, .flags = kSyn});
        syn.ip_options = options;
        w.raw(build(syn));
        RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
        w.main().nxt = 1;
        w.in({.ack = 1});
        w.main().accept();
        Packet data = w.main().make({.seq = 1, .ack = 1, .len = 10});
        data.ip_options = options;
        w.raw(build(data));
        EXPECT_EQ(w.read_all(), 10u);
    }
}

TEST(Row77, SourceRoutesAreDroppedAndCounted) {
    ROW(77, "9293-3.9.2.1 MUST-51..53 (DEVIATION: not followed)", "net::read_ip");
    IPV4_ONLY("rows 96 and 97 have the extension headers of IPv6");
    World w;
    w.listen();
    for (const uint8_t kind : {uint8_t{131}, uint8_t{137}}) {
        Packet syn = w.main().make({.seq = 0, .flags = kSyn});
        syn.ip_options = {kind, 7, 4, 10, 0, 0, 9, 0};
        w.raw(build(syn));
        syn.ip_options = {1, kind, 7, 8, 10, 0, 0, 9};  // behind a NOP, and already used up
        w.raw(build(syn));
    }
    SILENT(w);
    EXPECT_EQ(w[DropReason::ip_source_route], 4u);
}

TEST(Row77, MalformedIpOptionsNeitherLoopNorOverread) {
    ROW(77, "1122-3.2.1.8", "net::read_ip");
    IPV4_ONLY("rows 96 and 97 have the extension headers of IPv6");
    World w;
    w.listen();
    for (const std::vector<uint8_t>& options : {std::vector<uint8_t>{131, 0, 0, 0},
                                                {131, 1, 0, 0},
                                                {7, 0, 0, 0},
                                                {7, 1, 0, 0},
                                                {7, 255, 4, 0},
                                                {1, 1, 1, 131}}) {
        Packet syn = w.main().make({.seq = 0, .flags = kSyn});
        syn.ip_options = options;
        w.raw(build(syn));
        w.discard();
    }
    auto& other = w.flow(40001);
    other.in({.seq = 0, .flags = kSyn});
    RECV(other, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
}

TEST(Row77, DscpAndTtlAreTheConfigurations) {
    ROW(77, "9293-3.9.2 MUST-48/49", "net::FrameOut::build");
    World w([](WorldConfig& c) { c.stack.tcp.ttl = 17, c.stack.tcp.dscp = 46; });
    auto expect = [&](const char* what) {
        EXPECT_EQ(w.main().last().ttl, 17) << what;
        EXPECT_EQ(w.main().last().tos, 46 << 2) << what;
        EXPECT_TRUE(w.main().last().df) << what;
    };
    w.bring(State::syn_received);
    expect("SYN-ACK");
    w.in({.seq = 1, .ack = 1});
    w.main().accept();
    w.send(10);
    RECV(w, {.len = 10});
    expect("data");
    w.in({.ack = 11, .len = 10});
    w.advance(500ms);
    RECV(w, {.ack = 11});
    expect("ACK");
    w.read_all();
    w.close();
    RECV(w, {.has = kFin});
    expect("FIN");
    w.in({.flags = kAck | kFin});
    RECV(w, {.ack = 12});
    w.advance(1ms);
    w.in({.seq = 11, .flags = kAck | kFin});
    RECV(w, {.ack = 12});
    expect("ACK in TIME-WAIT");

    World v([](WorldConfig& c) { c.stack.tcp.ttl = 17, c.stack.tcp.dscp = 46; });
    v.main().connect();
    EXPECT_EQ(v.main().last().ttl, 17);
    EXPECT_EQ(v.main().last().tos, 46 << 2);
}

TEST(Row77, TheTtlOfWhatArrivesDoesNotMatter) {
    ROW(77, "1122-3.2.1.7", "net::read_ip");
    World w;
    w.listen();
    Packet syn = w.main().make({.seq = 0, .flags = kSyn});
    syn.ttl = 1;
    syn.tos = 0xff;
    w.raw(build(syn));
    RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
}

}  // namespace
}  // namespace synfin::fakes
