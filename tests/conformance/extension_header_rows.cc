/// Rows 96, 97, 98 and 103: extension headers of IPv6 (RFC 8200 4), and the parameter problems that they
/// cause.
#include "fakes/world.hh"

namespace synfin::fakes {
namespace {

constexpr const char* kReason = "IPv4 has no extension headers";

/// A header of 8 bytes, or with `more` 8-byte units.
Extension routing(uint8_t type, uint8_t segments_left, uint8_t more = 0) {
    Extension out{kRouting, {more, type, segments_left, 0, 0, 0, 0}};
    out.body.resize(7 + size_t{more} * 8);
    return out;
}
Extension fragment(uint16_t offset_and_flag) {
    return {
        kFragment,
        {0, static_cast<uint8_t>(offset_and_flag >> 8), static_cast<uint8_t>(offset_and_flag), 0, 0, 0, 7}};
}
/// An options header with one option of `type`, whose four octets of data are zero.
Extension option(uint8_t header, uint8_t type) {
    return {header, {0, type, 4, 0, 0, 0, 0}};
}
Extension padding(uint8_t header) {
    return option(header, 1);
}

/// Sends the peer's next 8 bytes behind these headers.
void send_behind(World& w, std::vector<Extension> extensions) {
    Packet p = w.main().make({.ack = 1, .len = 8});
    p.extensions = std::move(extensions);
    w.raw(build(p));
}

/// The ICMPv6 message that the stack has sent, or nothing.
std::vector<uint8_t> icmp_out(World& w) {
    const auto packet = w.out();
    if (!packet) return {};
    const Bytes icmp = icmp6_of(*packet);
    return {icmp.begin(), icmp.end()};
}

/// Expects an ICMPv6 parameter problem about `original`, which it quotes.
void expect_problem(World& w, uint8_t code, uint32_t pointer, Bytes original) {
    const auto icmp = icmp_out(w);
    ASSERT_GE(icmp.size(), 8 + original.size());
    EXPECT_EQ(icmp[0], 4);
    EXPECT_EQ(icmp[1], code);
    EXPECT_EQ(uint32_t{icmp[6]} << 8 | icmp[7], pointer);
    EXPECT_EQ(icmp[4] | icmp[5], 0);
    EXPECT_TRUE(std::equal(original.begin(), original.end(), icmp.begin() + 8)) << "quotes the whole packet";
    SILENT(w);
}

TEST(Row96, HeadersThatConcernNobodyAreSkipped) {
    ROW(96, "8200-4.1, 8200-4.3, 8200-4.6", "wire::read_extensions");
    IPV6_ONLY(kReason);
    const std::vector<std::vector<Extension>> chains{
        {padding(kHopByHop)},
        {padding(kDestination)},
        {option(kHopByHop, 5)},        // router alert
        {option(kDestination, 0x1e)},  // unknown, "skip"
        {padding(kHopByHop), padding(kDestination), routing(2, 0, 2), padding(kDestination)},
        {routing(4, 0)},
        {padding(kHopByHop), fragment(0), padding(kDestination)},
        std::vector<Extension>(8, padding(kDestination))};
    for (const auto& chain : chains) {
        World w;
        w.listen();
        Packet syn = w.main().make({.seq = 0, .flags = kSyn});
        syn.extensions = chain;
        w.raw(build(syn));
        RECV(w, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
        w.main().nxt = 1;
        w.in({.ack = 1});
        w.main().accept();
        send_behind(w, chain);
        EXPECT_EQ(w.read_all(), 8u);
    }
}

TEST(Row96, TheirNumberAndLengthAreBounded) {
    ROW(96, "8504-5.3", "wire::read_extensions");
    IPV6_ONLY(kReason);
    World w;
    w.open();
    send_behind(w, std::vector<Extension>(9, padding(kDestination)));
    EXPECT_EQ(w[DropReason::ip_extension], 1u);
    Extension longest = padding(kDestination);  // 256 bytes are taken, 264 are not
    longest.body.resize(263);
    longest.body[0] = 32;
    for (size_t at = 7; at < 263;) {
        const size_t rest = 263 - at, n = std::min<size_t>(rest, 100);
        longest.body[at] = 1, longest.body[at + 1] = static_cast<uint8_t>(n - 2);
        at += n;
    }
    send_behind(w, {longest});
    EXPECT_EQ(w[DropReason::ip_extension], 2u);
    SILENT(w);
    EXPECT_EQ(w.read_all(), 0u);
}

TEST(Row96, AChainThatTheFirstFragmentCannotHoldIsDropped) {
    ROW(96, "7112-5", "wire::read_extensions");
    IPV6_ONLY(kReason);
    World w;
    w.open();
    Packet p = w.main().make({.seq = 1, .ack = 1, .len = 8});
    p.extensions = {padding(kHopByHop), padding(kDestination)};
    const auto whole = build(p);
    for (size_t keep = 40; keep < 56; ++keep) {
        std::vector<uint8_t> bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(keep));
        bytes[4] = 0, bytes[5] = static_cast<uint8_t>(keep - 40);
        w.raw(bytes);
        SILENT(w);
    }
    EXPECT_EQ(w[DropReason::ip_extension], 16u);
    auto beyond = whole;  // a length that passes the packet's end
    beyond[41] = 200;
    w.raw(beyond);
    EXPECT_EQ(w[DropReason::ip_extension], 17u);
    EXPECT_EQ(w.read_all(), 0u);
    STATE(w, established);
}

TEST(Row96, MalformedOptionsNeitherLoopNorOverread) {
    ROW(96, "8200-4.2", "wire::read_extensions");
    IPV6_ONLY(kReason);
    for (const std::vector<uint8_t>& body : {std::vector<uint8_t>{0, 1, 5, 0, 0, 0, 0},
                                             {0, 1, 255, 0, 0, 0, 0},
                                             {0, 0, 0, 0, 0, 0, 1},
                                             {0, 1, 2, 0, 0, 1, 1}}) {
        World w;
        w.open();
        send_behind(w, {{kDestination, body}});
        w.discard();
        EXPECT_EQ(w.read_all(), 0u);
        EXPECT_EQ(w.all_drops(), 1u);
    }
}

TEST(Row96, AnUnknownOptionDoesAsItsTypeSays) {
    ROW(96, "8200-4.2", "wire::read_extensions");
    IPV6_ONLY(kReason);
    for (const uint8_t header : {kHopByHop, kDestination}) {
        World w;
        w.open();
        send_behind(w, {option(header, 0x1e)});  // 00: skip
        EXPECT_EQ(w.read_all(), 8u);
        w.advance(1s);
        w.discard();
        send_behind(w, {option(header, 0x5e)});  // 01: discard
        SILENT(w);
        EXPECT_EQ(w[DropReason::ip_option], 1u);
        for (const uint8_t type : {uint8_t{0x9e}, uint8_t{0xde}}) {  // 10 and 11: and tell the sender
            w.advance(10s);
            w.discard();
            Packet p = w.main().make({.ack = 1, .len = 8});
            p.extensions = {option(header, type)};
            const auto bytes = build(p);
            w.raw(bytes);
            expect_problem(w, 2, 42, bytes);
        }
        EXPECT_EQ(w[DropReason::ip_option], 3u);
        EXPECT_EQ(w.read_all(), 0u);
    }
}

TEST(Row96, AJumbogramIsDropped) {
    ROW(96, "2675-3 (DEVIATION: not supported)", "wire::read_extensions");
    IPV6_ONLY(kReason);
    World w;
    w.open();
    send_behind(w, {{kHopByHop, {0, 0xc2, 4, 0, 1, 0, 0}}});
    w.discard();
    EXPECT_EQ(w[DropReason::ip_option], 1u);
    EXPECT_EQ(w.read_all(), 0u);
}

TEST(Row97, ARoutingHeaderOfType0IsDropped) {
    ROW(97, "5095-3", "wire::read_extensions");
    IPV6_ONLY(kReason);
    for (const uint8_t left : {uint8_t{0}, uint8_t{1}}) {
        World w;
        w.listen();
        Packet syn = w.main().make({.seq = 0, .flags = kSyn});
        syn.extensions = {routing(0, left, 2)};
        w.raw(build(syn));
        w.discard();
        EXPECT_EQ(w[DropReason::ip_source_route], 1u);
        EXPECT_EQ(w.occupancy().half_open, 0u);
    }
}

TEST(Row97, FurtherNodesAreRefusedWithAParameterProblem) {
    ROW(97, "8200-4.4, 5095-3", "wire::read_extensions");
    IPV6_ONLY(kReason);
    for (const uint8_t type : {uint8_t{0}, uint8_t{2}, uint8_t{4}, uint8_t{200}}) {
        World w;
        w.open();
        Packet p = w.main().make({.ack = 1, .len = 8});
        p.extensions = {padding(kHopByHop), routing(type, 1, 2)};
        const auto bytes = build(p);
        w.raw(bytes);
        expect_problem(w, 0, 50, bytes);
        EXPECT_EQ(w[DropReason::ip_source_route], 1u);
        EXPECT_EQ(w.read_all(), 0u);
    }
}

TEST(Row98, Ipv6FragmentsAreDroppedAndCounted) {
    ROW(98, "8200-4.5 (DEVIATION: not reassembled)", "net::FrameIn::read_ip6");
    IPV6_ONLY("row 73 has the fragments of IPv4");
    World w;
    w.open();
    for (const uint16_t field : {uint16_t{1}, uint16_t{8}, uint16_t{9}, uint16_t{0xfff8}, uint16_t{0xfff9}})
        send_behind(w, {fragment(field)});
    SILENT(w);
    EXPECT_EQ(w[DropReason::ip_fragment], 5u);
    EXPECT_EQ(w.read_all(), 0u);
}

TEST(Row98, AnAtomicFragmentIsAWholePacket) {
    ROW(98, "6946-4, 8200-4.5", "wire::read_extensions");
    IPV6_ONLY(kReason);
    World w;
    w.open();
    for (uint32_t i = 0; i < 3; ++i) {
        send_behind(w, {fragment(static_cast<uint16_t>(i == 2 ? 6 : 0))});  // reserved bits are ignored
        w.main().nxt = 1 + 8 * (i + 1);
        EXPECT_EQ(w.read_all(), 8u);
    }
    EXPECT_EQ(w[DropReason::ip_fragment], 0u);
}

TEST(Row103, AnUnknownNextHeaderIsReported) {
    ROW(103, "8200-4, 4443-3.4", "net::FrameOut::build_parameter_problem");
    IPV6_ONLY(kReason);
    struct Case {
        uint8_t protocol;
        std::vector<Extension> extensions;
        uint32_t pointer;
    };
    for (const Case& k : {Case{17, {}, 6},
                          {253, {}, 6},
                          {51, {}, 6},
                          {17, {padding(kHopByHop)}, 40},
                          {17, {padding(kHopByHop), padding(kDestination)}, 48},
                          {kTcp, {padding(kDestination), padding(kHopByHop)}, 40}}) {
        World w;
        w.open();
        Packet p = w.main().make({.ack = 1, .len = 8});
        p.protocol = k.protocol;
        p.extensions = k.extensions;
        const auto bytes = build(p);
        w.raw(bytes);
        expect_problem(w, 1, k.pointer, bytes);
        EXPECT_EQ(w[DropReason::bad_protocol], 1u);
    }
    World w;
    Packet nothing = w.main().make({.ack = 1});
    nothing.protocol = 59;  // no next header: nothing to complain of
    w.raw(build(nothing));
    SILENT(w);
}

TEST(Row103, NoErrorAboutErrorsOrToThoseWhoCannotHaveAsked) {
    ROW(103, "4443-2.4 (e)", "net::FrameIn::read_ip6");
    IPV6_ONLY(kReason);
    World w;
    w.open();
    const auto quiet = [&](const std::function<void(Packet&)>& change) {
        Packet p = w.main().make({.ack = 1, .len = 8});
        p.protocol = 17;
        change(p);
        w.raw(build(p));
        SILENT(w);
    };
    quiet([](Packet& p) { p.src = Ipv6{}; });
    quiet([](Packet& p) { p.src = *IpAddress::parse("ff02::1"); });
    quiet([](Packet& p) { p.dst = *IpAddress::parse("ff02::1"); });
    quiet([](Packet& p) { p.dst = host(77); });
    quiet([](Packet& p) {
        p.dst = *IpAddress::parse("ff02::1");
        p.extensions = {option(kDestination, 0xde)};
    });
    // An ICMPv6 error behind an option that asks for one.
    auto error = icmp6(host(2).v6, host(1).v6, 1, 4, w.main().last().bytes);
    error.insert(error.begin() + 40, {kIcmp6, 0, 0x9e, 4, 0, 0, 0, 0});
    error[5] = static_cast<uint8_t>(error[5] + 8);
    error[6] = kDestination;
    w.raw(error);
    SILENT(w);
}

TEST(Row103, ErrorsAreRateLimited) {
    ROW(103, "4443-2.4 (f)", "stack::RateLimits");
    IPV6_ONLY(kReason);
    World w;
    w.open();
    Packet p = w.main().make({.ack = 1, .len = 8});
    p.protocol = 17;
    const auto bytes = build(p);
    uint32_t answers = 0;
    for (int i = 0; i < 10'000; ++i) {
        w.stack().input(bytes);
        while (w.stack().output()) ++answers;
    }
    EXPECT_GE(answers, 1u);
    EXPECT_LE(answers, 1'000u);
    EXPECT_EQ(w[DropReason::bad_protocol], 10'000u);
}

}  // namespace
}  // namespace synfin::fakes
