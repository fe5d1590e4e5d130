/// Rows 29, 30 and 42: reading options, the maximum segment size, and window scaling.
#include "fakes/world.hh"

#include "base/random.hh"

namespace synfin::fakes {
namespace {

using Options = std::vector<uint8_t>;

TEST(Row29, MssIsFoundBehindNopsAndUnknownOptions) {
    ROW(29, "9293-3.1 MUST-4..6", "wire::parse_tcp_options");
    const std::vector<Options> offers = {{2, 4, 2, 0, 0, 0, 0, 0},          // 512, then EOL
                                         {1, 1, 1, 1, 2, 4, 2, 0},          // behind NOPs
                                         {99, 4, 7, 7, 2, 4, 2, 0},         // behind an unknown one
                                         {99, 2, 98, 2, 1, 2, 4, 2, 0, 0},  // unaligned
                                         {2, 4, 2, 0, 0, 255, 0, 0}};       // bytes after EOL are not read
    for (const auto& offer : offers) {
        World w([](WorldConfig& c) { c.mss = 512; });
        w.listen();
        w.in({.seq = 0, .flags = kSyn, .no_ts = true, .options = offer});
        RECV(w, {.ack = 1, .flags = kSyn | kAck});
        w.in({.seq = 1, .ack = 1, .no_ts = true});
        w.main().accept();
        EXPECT_EQ(w.info().mss, 512u);
        w.send(1000);
        RECV(w, {.seq = 1, .len = 512});
    }
}

TEST(Row29, OptionsInAnySegmentAreSkipped) {
    ROW(29, "9293-3.1 MUST-4..6", "wire::parse_tcp_options");
    World w([](WorldConfig& c) { c.timestamps = false; });
    w.open();
    for (const Options& options :
         {Options{2, 4, 0, 100}, Options{3, 3, 14, 0}, Options{4, 2, 0, 0},
          Options{1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0}, Options{99, 7, 1, 2, 3, 4, 5, 0}}) {
        const uint32_t mss = w.info().mss;
        w.in({.len = 1, .options = options});
        w.advance(100ms);
        w.discard();
        EXPECT_EQ(w.info().mss, mss) << "an MSS option counts on a SYN only";
        w.in({.ack = 1, .wnd = 1000, .options = options});
        EXPECT_EQ(w.info().snd_wnd, 1000u) << "so does window scale";
    }
    EXPECT_EQ(w.read_all(), 5u);
}

TEST(Row29, ABadLengthIsCountedAndAnswersNothing) {
    ROW(29, "9293-3.1 MUST-7", "wire::parse_tcp_options");
    const std::vector<Options> bad = {{99, 0, 0, 0},  // length 0 must not loop
                                      {99, 1, 0, 0},  // nor 1
                                      {2, 0, 5, 0xb4}, {2, 1, 5, 0xb4},
                                      {1, 1, 1, 99},  // the length byte is past the end
                                      {99, 5, 0, 0},  // one byte past the end
                                      {99, 255, 0, 0}, {2, 4, 5, 0xb4, 8, 10, 0, 0},
                                      {1, 1, 2, 4}};
    for (size_t i = 0; i < bad.size(); ++i) {
        SCOPED_TRACE(i);
        World w;
        w.listen();
        w.in({.seq = 0, .flags = kSyn, .no_ts = true, .options = bad[i]});
        SILENT(w);
        EXPECT_EQ(w[DropReason::bad_tcp_options], 1u);
        EXPECT_EQ(w.occupancy().half_open, 0u);
        w.open();
        w.in({.seq = 1, .ack = 1, .len = 10, .no_ts = true, .options = bad[i]});
        SILENT(w);
        EXPECT_EQ(w[DropReason::bad_tcp_options], 2u);
        EXPECT_EQ(w.read_all(), 0u);
        STATE(w, established);
    }
}

TEST(Row29, AKnownOptionOfAWrongLengthIsNotUsed) {
    ROW(29, "9293-3.1 MUST-7", "wire::parse_tcp_options");
    for (const Options& offer : {Options{2, 3, 5, 0}, Options{2, 6, 0, 100, 0, 0, 1, 1}, Options{3, 4, 9, 9},
                                 Options{8, 4, 0, 0}, Options{4, 4, 0, 0}}) {
        World w([](WorldConfig& c) { c.mss.reset(); });
        w.listen();
        w.in({.seq = 0, .flags = kSyn, .no_ts = true, .options = offer});
        const auto answer = w.out();
        if (!answer) {  // refused as malformed: counted
            EXPECT_EQ(w[DropReason::bad_tcp_options], 1u);
            continue;
        }
        EXPECT_FALSE(answer->wscale || answer->ts || answer->sack_ok);
        w.in({.seq = 1, .ack = 1, .no_ts = true});
        w.main().accept();
        EXPECT_EQ(w.info().mss, default_mss());
    }
}

TEST(Row29, RandomOptionBytesNeverHurt) {
    ROW(29, "9293-3.1 MUST-7", "wire::parse_tcp_options");
    World w([](WorldConfig& c) { c.timestamps = false; });
    w.open();
    Random random(29);
    for (int i = 0; i < 20000; ++i) {
        Options options(4 * (1 + random.below(10)));
        for (auto& byte : options) byte = static_cast<uint8_t>(random.below(random.below(2) ? 12 : 256));
        auto& f = w.flow(static_cast<uint16_t>(1024 + random.below(60000)));
        w.stack().input(build(f.make({.seq = 0, .flags = kSyn, .options = options})));
        w.stack().input(build(w.main().make({.seq = 1, .ack = 1, .options = options})));
        while (w.stack().output()) {
        }
    }
    STATE(w, established);
    w.in({.seq = 1, .ack = 1, .len = 10});
    EXPECT_EQ(w.read_all(), 10u);
}

TEST(Row30, TheDefaultMssIs536Or1220) {
    ROW(30, "9293-3.7.1 MUST-15, 1122-4.2.2.6", "tcp::on_listen");
    for (const Side side : {Side::passive, Side::active}) {
        World w([](WorldConfig& c) { c.mss.reset(); });
        w.open(side);
        EXPECT_EQ(w.info().mss, default_mss());
        w.send(5000);
        RECV(w, {.seq = 1, .len = w.main().full()});
        EXPECT_EQ(w.main().full(), default_mss() - (timestamps_by_default() ? 12u : 0u));
    }
}

TEST(Row30, OurOfferIsTheMtuLessTheHeaders) {
    ROW(30, "9293-3.7.1 MUST-14/65/67, 6691-2", "wire::put_syn_options");
    for (const uint16_t mtu : {uint16_t{576}, uint16_t{1000}, uint16_t{1280}, uint16_t{1500}, uint16_t{9000}})
        for (const bool timestamps : {false, true}) {
            if (is_ipv6() && mtu < 1280) continue;  // RFC 8200 5
            auto config = [&](WorldConfig& c) {
                c.exact_mtu = true, c.stack.mtu = mtu, c.timestamps = timestamps;
            };
            const uint16_t mss = static_cast<uint16_t>(mtu - ip_header_bytes() - 20);
            World passive(config);
            passive.listen();
            passive.in({.seq = 0, .flags = kSyn});
            RECV(passive, {.ack = 1, .flags = kSyn | kAck, .mss = mss});
            World active(config);
            active.main().connect();
            EXPECT_EQ(active.main().last().mss, mss);
        }
}

TEST(Row30, SegmentsFitThePeersMssAndOurMtuLessOptions) {
    ROW(30, "9293-3.7.1 MUST-16, 6691-3", "tcp::next_segment");
    struct Case {
        uint16_t peer, mtu;
        bool timestamps;
        uint32_t len;
    };
    for (const Case& k :
         {Case{1460, 1500, false, 1460}, Case{1460, 1500, true, 1448}, Case{9000, 1500, false, 1460},
          Case{1000, 1500, true, 988}, Case{1460, 1000, true, 948}, Case{65535, 1500, true, 1448}}) {
        if (is_ipv6() && k.mtu < 1280) continue;  // RFC 8200 5
        World w([&](WorldConfig& c) { c.mss = k.peer, c.stack.mtu = k.mtu, c.timestamps = k.timestamps; });
        w.open();
        w.send(5000);
        RECV(w, {.seq = 1, .len = k.len});
        EXPECT_LE(w.main().last().bytes.size(), w.config().stack.mtu);
        RECV(w, {.seq = 1 + k.len, .len = k.len});
    }
}

TEST(Row30, AnAbsurdMssDoesNotStopTheStream) {
    ROW(30, "9293-3.7.1", "tcp::next_segment");
    for (const uint16_t mss : {uint16_t{0}, uint16_t{1}, uint16_t{12}, uint16_t{40}})
        for (const bool timestamps : {false, true}) {
            World w([&](WorldConfig& c) { c.mss = mss, c.timestamps = timestamps; });
            w.open();
            w.send(200);
            for (int i = 0; i < 500 && w.main().rel_una() < 201; ++i) {
                w.discard();
                w.in({.ack = w.main().rcv_nxt});
                w.advance(1ms);
            }
            EXPECT_EQ(w.main().rel_una(), 201u) << "MSS " << mss;
        }
}

TEST(Row42, WindowScaleOnlyWhenBothOffer) {
    ROW(42, "7323-2.2", "wire::put_syn_options");
    World with([](WorldConfig& c) { c.wscale = 5; });
    with.bring(State::syn_received);
    EXPECT_TRUE(with.main().last().wscale.has_value());
    World without;
    without.bring(State::syn_received);
    EXPECT_FALSE(without.main().last().wscale.has_value()) << "no offer, no answer";
    World off([](WorldConfig& c) { c.wscale = 5, c.stack.tcp.window_scale = false; });
    off.bring(State::syn_received);
    EXPECT_FALSE(off.main().last().wscale.has_value());

    World active;  // our side offers it, the peer does not
    active.main().connect();
    EXPECT_TRUE(active.main().last().wscale.has_value());
    active.in({.seq = 0, .ack = 1, .flags = kSyn | kAck});
    RECV(active, {.seq = 1, .ack = 1});
    EXPECT_FALSE(active.info().window_scale);
    active.in({.ack = 1, .wnd = 1000});
    EXPECT_EQ(active.info().snd_wnd, 1000u);
    EXPECT_LE(active.info().rcv_wnd, 65535u);
}

TEST(Row42, TheWindowOfASynIsNeverScaled) {
    ROW(42, "7323-2.2", "tcp::on_syn_sent");
    World active([](WorldConfig& c) { c.wscale = 7, c.wnd = 500; });
    active.open(Side::active);
    EXPECT_EQ(active.info().snd_wnd, 500u);
    active.in({.ack = 1, .wnd = 500});
    EXPECT_EQ(active.info().snd_wnd, 500u << 7);

    World passive([](WorldConfig& c) { c.wscale = 7, c.wnd = 500; });
    passive.bring(State::syn_received);
    passive.in({.seq = 1, .ack = 1, .wnd = 400});
    EXPECT_EQ(passive.info().snd_wnd, 400u << 7);
}

TEST(Row42, OurWindowIsScaledExceptOnTheSyn) {
    ROW(42, "7323-2.2/2.3", "tcp::offer_window");
    World w([](WorldConfig& c) {
        c.wscale = 0, c.stack.tcp.receive_buffer_bytes = c.stack.tcp.receive_buffer_start_bytes = 4 << 20;
    });
    w.bring(State::syn_received);
    EXPECT_EQ(w.main().last().wnd, 65535u);
    const int shift = w.main().stack_wscale;
    EXPECT_GE(65536u << shift, 4u << 20) << "the whole buffer can be offered, but for one unit";
    w.in({.seq = 1, .ack = 1, .len = 1});
    w.main().accept();
    EXPECT_EQ(w.read_all(), 1u);
    w.advance(500ms);
    RECV(w, {.ack = 2});
    const uint32_t offered = static_cast<uint32_t>(w.main().last().wnd) << shift;
    EXPECT_GT(offered, 4u * 1000 * 1000);
    EXPECT_LE(offered, 4u << 20);
}

TEST(Row42, AShiftBeyondFourteenIsFourteen) {
    ROW(42, "7323-2.3", "tcp::on_listen");
    for (const int shift : {14, 15, 255}) {
        World w([&](WorldConfig& c) { c.wscale = shift; });
        w.open();
        w.in({.seq = 1, .ack = 1, .wnd = 3});
        EXPECT_EQ(w.info().snd_wnd, 3u << 14);
    }
}

TEST(Row59, SackPermittedOnlyOnSynAndOnlyInAnswer) {
    ROW(59, "2018-2", "wire::put_syn_options");
    for (const bool offered : {false, true}) {
        World w([&](WorldConfig& c) { c.sack = offered; });
        w.bring(State::syn_received);
        EXPECT_EQ(w.main().last().sack_ok, offered);
        w.in({.seq = 1, .ack = 1});
        EXPECT_EQ(w.info().sack_permitted, offered);
    }
}

TEST(Row77, SynOptionsAreInLinuxsOrder) {
    ROW(77, "project choice: options as Linux orders and pads them", "wire::put_syn_options");
    World w([](WorldConfig& c) { c.timestamps = true, c.sack = true, c.wscale = 7; });
    w.main().connect();
    auto kinds = [](const Options& o) {
        std::string out;
        for (size_t i = 0; i < o.size(); i += o[i] <= 1 ? 1 : o[i + 1]) out += std::to_string(o[i]) + " ";
        return out;
    };
    EXPECT_EQ(kinds(w.main().last().options), "2 4 8 1 3 ");
    w.in({.seq = 0, .ack = 1, .flags = kSyn | kAck, .ts = Ts{1, w.main().last_tsval}});
    RECV(w, {.seq = 1, .ack = 1});
    EXPECT_EQ(kinds(w.main().last().options), "1 1 8 ");

    World plain([](WorldConfig& c) { c.timestamps = false, c.stack.tcp.timestamps = false; });
    plain.main().connect();
    EXPECT_EQ(kinds(plain.main().last().options), "2 1 1 4 1 3 ");
}

}  // namespace
}  // namespace synfin::fakes
