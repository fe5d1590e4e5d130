/// Rows 60, 70, 72 and 88: urgent data, reassembly of the stream, and SACK blocks.
#include "fakes/world.hh"

#include "base/random.hh"

namespace synfin::fakes {
namespace {

TEST(Row70, UrgentDataStaysInTheStream) {
    ROW(70, "9293-3.8.5 MUST-30..33, 6093-6", "tcp::accept_text");
    World w;
    w.open();
    uint32_t total = 0;
    for (const uint32_t urg : {1u, 5u, 10u, 11u, 1000u, 65535u, 0u}) {
        w.in({.flags = kAck | kUrg | kPsh, .len = 10, .urg = static_cast<uint16_t>(urg)});
        total += 10;
        w.in({.len = 10});
        total += 10;
    }
    w.advance(500ms);
    w.discard();
    EXPECT_EQ(w.read_all(), total) << "in-band, in order, whatever the pointer says";
    STATE(w, established);
}

TEST(Row70, TheStackItselfSendsNoUrg) {
    ROW(70, "9293-3.8.5 SHLD-13", "tcp::next_segment");
    World w;
    w.open();
    w.send(1000);
    RECV(w, {.len = 1000});
    EXPECT_FALSE(w.main().last().has(kUrg));
    EXPECT_EQ(w.main().last().urg, 0);
}

TEST(Row72, EachByteIsDeliveredOnce) {
    ROW(72, "9293-3.10.7.4 seventh", "buf::ReassemblyPool");
    // Pieces of a stream, overlapping, repeated, in any order.
    for (uint64_t seed = 1; seed <= 60; ++seed) {
        World w;
        w.open();
        Random random(seed);
        constexpr uint32_t kAll = 12000;
        uint32_t read = 0;
        for (int i = 0; i < 4000 && w.main().rel_rcv() < 1 + kAll; ++i) {
            const uint32_t nxt = w.main().rel_rcv() - 1;
            const uint32_t from = random.below(4) == 0 ? nxt : random.below(std::min(kAll, nxt + 6000));
            const uint32_t len = std::min(kAll - from, 1 + random.below(1400));
            w.in({.seq = 1 + from, .ack = 1, .len = len});
            if (random.below(3) == 0) read += w.read_all();
            w.discard();
        }
        read += w.read_all();
        EXPECT_EQ(read, kAll) << "seed " << seed;
        w.in({.seq = 1 + kAll, .ack = 1, .flags = kFin | kAck});
        STATE(w, close_wait);
        EXPECT_EQ(w.occupancy().held_packets, 0u);
    }
}

TEST(Row72, TheFirstCopyOfAByteWins) {
    ROW(72, "project choice: first copy wins", "buf::ReassemblyPool");
    World w;
    w.open();
    auto forged = [&](uint32_t seq, uint32_t len) {
        Packet p = w.main().make({.seq = seq, .ack = 1, .len = len});
        for (auto& byte : p.payload) byte = static_cast<uint8_t>(~byte);
        w.raw(build(p));
        w.discard();
    };
    w.in({.seq = 51, .ack = 1, .len = 50});
    w.discard();
    forged(51, 50);  // the same place
    forged(61, 10);  // within
    w.in({.seq = 1, .ack = 1, .len = 50});
    w.discard();
    EXPECT_EQ(w.read_all(), 100u) << "read_all compares each byte";
    forged(1, 100);  // all of it again, after delivery
    EXPECT_EQ(w.read_all(), 0u);
    w.in({.seq = 101, .ack = 1, .len = 10});
    EXPECT_EQ(w.read_all(), 10u);
}

TEST(Row72, WhatIsBeyondTheWindowIsTrimmed) {
    ROW(72, "9293-3.10.7.4 first", "tcp::accept_text");
    World w([](WorldConfig& c) { c.stack.tcp.receive_buffer_bytes = 4096; });
    w.open();
    w.in({.seq = 3001, .ack = 1, .len = 1400});  // 4401 > 4097
    w.discard();
    for (uint32_t at = 0; at < 3000; at += 1000) w.in({.seq = 1 + at, .ack = 1, .len = 1000});
    w.advance(500ms);
    w.discard();
    EXPECT_EQ(w.main().rel_rcv(), 1u + 4096u);
    EXPECT_EQ(w.info().rcv_wnd, 0u);
    EXPECT_EQ(w.read_all(), 4096u);
}

TEST(Row72, MemoryForHolesIsBoundedAndCounted) {
    ROW(72, "9293-3.10.7.4 first", "buf::ReassemblyPool");
    World w;
    w.open();
    uint32_t most = 0;
    for (uint32_t i = 0; i < 5000; ++i) {  // every other byte
        w.in({.seq = 3 + 2 * i, .ack = 1, .len = 1});
        w.discard();
        most = std::max(most, w.occupancy().send_blocks + w.occupancy().held_packets);
    }
    EXPECT_LE(most, 1024u);
    EXPECT_GT(w[DropReason::reassembly_full], 0u);
    EXPECT_EQ(w[DropReason::reassembly_full] + w[Counter::out_of_order], 5000u);
    // The stream continues: the peer sends the refused text again.
    for (uint32_t at = 0; at < 12000; at += 1000) {
        w.in({.seq = 1 + at, .ack = 1, .len = 1000});
        w.discard();
    }
    EXPECT_EQ(w.read_all(), 12000u);
    EXPECT_EQ(w.occupancy().held_packets, 0u);
}

TEST(Row72, HoldingDataIsGivenBackWhenTheConnectionEnds) {
    ROW(72, "9293-3.10.5", "buf::ReassemblyPool");
    for (const bool by_peer : {true, false}) {
        World w;
        w.open();
        for (uint32_t i = 1; i < 20; ++i) w.in({.seq = 1 + i * 100, .ack = 1, .len = 50});
        w.in({.seq = 1, .ack = 1, .len = 50});  // unread
        w.discard();
        EXPECT_GT(w.occupancy().send_blocks + w.occupancy().held_packets, 0u) << "something is held";
        if (by_peer)
            w.in({.seq = 51, .flags = kRst});
        else
            w.main().abort();
        w.discard();
        w.advance(1s);
        IDLE(w);
    }
}

TEST(Row72, TextBeyondTheFinIsForgotten) {
    ROW(72, "9293-3.10.7.4 seventh", "stack::perform");
    for (const bool fin_with_text : {true, false}) {
        World w;
        w.open();
        w.in({.seq = 101, .ack = 1, .len = 50});  // the FIN will say that the stream ends at 101, or at 1
        if (fin_with_text)
            w.in({.seq = 1, .ack = 1, .flags = kFin | kAck, .len = 100});
        else
            w.in({.seq = 1, .ack = 1, .flags = kFin | kAck});
        STATE(w, close_wait);
        EXPECT_EQ(w.main().rel_rcv(), fin_with_text ? 102u : 2u);
        EXPECT_EQ(w.read_all(), fin_with_text ? 100u : 0u);
    }
}

TEST(Row11, DataThatArrivesInFinWaitOutOfOrderIsDelivered) {
    ROW(11, "9293-3.6.1", "tcp::accept_text");
    World w;
    w.bring(State::fin_wait_2, Side::passive, true);
    w.in({.seq = 101, .ack = 2, .len = 100});
    RECV(w, {.ack = 1});
    w.in({.seq = 1, .ack = 2, .len = 100});
    RECV(w, {.ack = 201});
    EXPECT_EQ(w.read_all(), 200u);
}

using Blocks = std::vector<std::pair<uint32_t, uint32_t>>;

/// The SACK blocks of the packet of the last RECV, in the peer's relative numbers.
Blocks blocks(World& w) {
    Blocks out;
    for (const auto& [left, right] : w.main().last().sack)
        out.emplace_back(left - w.main().peer_isn, right - w.main().peer_isn);
    return out;
}

World with_sack(bool timestamps) {
    return World([timestamps](WorldConfig& c) { c.sack = true, c.timestamps = timestamps; });
}

TEST(Row88, EveryAckOfAHoleCarriesBlocks) {
    ROW(88, "2018-4", "stack::add_sack_blocks");
    for (const bool timestamps : {false, true}) {
        World w = with_sack(timestamps);
        w.open();
        const size_t most = timestamps ? 3 : 4;
        Blocks want;
        for (uint32_t i = 0; i < 6; ++i) {
            w.in({.seq = 101 + 200 * i, .ack = 1, .len = 100});
            want.insert(want.begin(), {101 + 200 * i, 201 + 200 * i});
            RECV(w, {.ack = 1, .flags = kAck, .len = 0});
            EXPECT_EQ(blocks(w), Blocks(want.begin(), want.begin() + std::min<int>(i + 1, int(most))));
        }
        SILENT(w);
        // A segment with text carries as many blocks as fit.
        w.send(100);
        RECV(w, {.ack = 1, .len = 100});
        EXPECT_EQ(blocks(w).size(), most);
        const uint32_t full = w.main().full();
        w.in({.seq = 1, .ack = 101, .flags = kAck});
        w.send(full - 13);
        RECV(w, {.ack = 1, .len = full - 13});
        EXPECT_EQ(blocks(w).size(), 1u);
        w.in({.seq = 1, .ack = 101 + full - 13, .flags = kAck});
        w.send(full);
        RECV(w, {.ack = 1, .len = full});
        EXPECT_EQ(blocks(w).size(), 0u);
    }
}

TEST(Row88, AnAckForOldTextCarriesBlocksToo) {
    ROW(88, "2018-4, 2883-4", "stack::reply");
    World w = with_sack(true);
    w.open();
    w.in({.seq = 1, .ack = 1, .len = 100});
    RECV(w, {.ack = 101});
    EXPECT_EQ(w.read_all(), 100u);
    w.discard();
    w.in({.seq = 201, .ack = 1, .len = 100});
    RECV(w, {.ack = 101});
    EXPECT_EQ(blocks(w), (Blocks{{201, 301}}));
    w.in({.seq = 1, .ack = 1, .len = 100});
    RECV(w, {.ack = 101});
    EXPECT_EQ(blocks(w), (Blocks{{1, 101}, {201, 301}}));
    SILENT(w);
}

TEST(Row60, DuplicatesBelowTheAckAreReportedOnce) {
    ROW(60, "2883-4.1", "tcp::refuse");
    World w = with_sack(false);
    w.open();
    w.in({.seq = 1, .ack = 1, .len = 100});
    RECV(w, {.ack = 101});
    EXPECT_EQ(blocks(w), Blocks{});
    w.in({.seq = 1, .ack = 1, .len = 100});
    RECV(w, {.ack = 101});
    EXPECT_EQ(blocks(w), (Blocks{{1, 101}}));
    w.in({.seq = 51, .ack = 1, .len = 100});  // half of it is new
    RECV(w, {.ack = 151});
    EXPECT_EQ(blocks(w), (Blocks{{51, 101}}));
    SILENT(w);
    EXPECT_EQ(w.read_all(), 150u);
    w.in({.seq = 151, .ack = 1, .len = 10});
    RECV(w, {.ack = 161});
    EXPECT_EQ(blocks(w), Blocks{});
}

TEST(Row60, DuplicatesOfHeldTextAreReportedFirst) {
    ROW(60, "2883-4.1.2, 4.2", "stack::keep_out_of_order");
    World w = with_sack(true);
    w.open();
    w.in({.seq = 501, .ack = 1, .len = 100});
    RECV(w, {.ack = 1});
    w.in({.seq = 201, .ack = 1, .len = 100});
    RECV(w, {.ack = 1});
    EXPECT_EQ(blocks(w), (Blocks{{201, 301}, {501, 601}}));
    w.in({.seq = 521, .ack = 1, .len = 30});  // in the middle of a block, which follows
    RECV(w, {.ack = 1});
    EXPECT_EQ(blocks(w), (Blocks{{521, 551}, {501, 601}, {201, 301}}));
    SILENT(w);
    w.in({.seq = 281, .ack = 1, .len = 40});  // the end of one
    RECV(w, {.ack = 1});
    EXPECT_EQ(blocks(w), (Blocks{{281, 301}, {201, 321}, {501, 601}}));
    SILENT(w);
    // A segment from before RCV.NXT into a block: D-SACK reports its front.
    w.in({.seq = 1, .ack = 1, .len = 100});
    RECV(w, {.ack = 101});
    EXPECT_EQ(blocks(w), (Blocks{{201, 321}, {501, 601}}));
}

TEST(Row60, WithoutSackPermittedNothingIsReported) {
    ROW(60, "2018-2", "stack::add_sack_blocks");
    World w;
    w.open();
    w.in({.seq = 1, .ack = 1, .len = 100});
    w.discard();
    w.in({.seq = 1, .ack = 1, .len = 100});
    RECV(w, {.ack = 101});
    w.in({.seq = 201, .ack = 1, .len = 100});
    RECV(w, {.ack = 101});
    w.in({.seq = 201, .ack = 1, .len = 100});
    RECV(w, {.ack = 101});
    EXPECT_EQ(blocks(w), Blocks{});
    SILENT(w);
}

}  // namespace
}  // namespace synfin::fakes
