/// IPv6 frames through FrameIn: the fast path against the general one, extension headers, what is answered.

#include "net/frame_in.hh"

#include <gtest/gtest.h>

#include "base/random.hh"
#include "ipv6_frames.hh"

namespace synfin::net {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

const HashKey kKey{3, 4};

buf::QueueCaps caps(bool is_ethernet) {
    buf::QueueCaps out;
    out.ethernet = is_ethernet;
    out.mac = kOurMac;
    return out;
}

struct Reader {
    explicit Reader(bool is_ethernet = false, std::optional<uint16_t> vlan = {},
                    std::optional<uint16_t> outer = {})
        : ours({*Cidr::parse("10.0.0.1/24"), {kUs, 64}, {kUsToo, 64}, {kUsLocal, 64}}),
          link(caps(is_ethernet), vlan, outer),
          frame_in(ours, link, AddressFold(kKey)) {}

    FrameContent read(const Octets& frame, buf::Verdict tcp = buf::Verdict::unknown) {
        segment = {};
        return frame_in.read({frame.data(), static_cast<uint32_t>(frame.size()), buf::Verdict::unknown, tcp},
                             segment);
    }
    /// The reason why a frame is dropped.
    DropReason drop(const Octets& frame) {
        const FrameContent content = read(frame);
        return content.kind == FrameKind::dropped ? content.drop : DropReason::none;
    }

    LocalAddresses ours;
    Link link;
    FrameIn frame_in;
    SegmentIn segment{};
};

TEST(FrameIn6, ASegmentHasThePeersAddressAndItsFold) {
    Reader reader;
    const Octets packet = packet6(6, segment(kPeer, kUsToo, 0x10, {}, {'a', 'b', 'c'}), kPeer, kUsToo);
    for (const bool is_usual : {true, false}) {
        SegmentIn in{};
        const ReceivedFrame frame{packet.data(), static_cast<uint32_t>(packet.size()), {}, {}};
        if (is_usual)
            ASSERT_TRUE(reader.frame_in.read_usual6(frame, in));
        else
            ASSERT_EQ(reader.frame_in.read(frame, in).kind, FrameKind::segment);
        EXPECT_EQ(*in.remote6, kPeer);
        EXPECT_EQ(reinterpret_cast<const uint8_t*>(in.remote6), packet.data() + 8);
        EXPECT_EQ(in.tuple, (Tuple{AddressFold(kKey)(kPeer), 4000, 80, 2}));
        EXPECT_TRUE(reader.ours.is_v6(in.tuple.local_index));
        EXPECT_EQ(in.seg.seq.value(), 0x01020304u);
        EXPECT_EQ(in.seg.len, 3u);
        EXPECT_EQ(in.text[0], 'a');
    }
    SegmentIn in{};
    const ReceivedFrame frame{packet.data(), static_cast<uint32_t>(packet.size()), {}, {}};
    EXPECT_FALSE(reader.frame_in.read_usual(frame, in)) << "IPv4's path";
}

/// Every frame that read_usual6() accepts, read() accepts as the same segment; and of frames without
/// extension headers, read() accepts no more.
TEST(FrameIn6, UsualEqualsGeneral) {
    Random random(5);
    uint32_t taken = 0, refused = 0;
    const std::optional<uint16_t> tags[] = {{}, 7, 100};
    for (int i = 0; i < 60'000; ++i) {
        const bool is_ethernet = i % 3 != 0;
        const auto vlan = is_ethernet ? tags[random.below(2)] : std::nullopt;
        const auto outer = is_ethernet && vlan ? tags[2 * random.below(2)] : std::nullopt;
        Reader reader(is_ethernet, vlan, outer);
        const Ipv6 to = random.below(8) == 0 ? kPeer : random.below(2) == 0 ? kUs : kUsToo;
        Octets options(4 * random.below(6));
        for (auto& octet : options) octet = static_cast<uint8_t>(random.below(11));
        if (random.below(2) == 0) options = {1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 8};
        const Octets tcp = segment(kPeer, to, static_cast<uint8_t>(random.below(64)), options,
                                   Octets(random.below(4) * 23, 0x55));
        Octets frame = packet6(6, tcp, kPeer, to);
        if (is_ethernet) {
            frame = ethernet(frame);
            const auto insert_tag = [&](uint16_t kind, std::optional<uint16_t> vid) {
                Octets tag;
                put16(tag, kind);
                put16(tag, *vid | random.below(16) << 12);
                frame.insert(frame.begin() + 12, tag.begin(), tag.end());
            };
            if (vlan) insert_tag(0x8100, vlan);
            if (outer) insert_tag(0x88a8, outer);
        }
        if (random.below(2) == 0) {
            const size_t at = random.below(static_cast<uint32_t>(frame.size()));
            frame[at] ^= static_cast<uint8_t>(1u << random.below(8));
        }
        if (random.below(8) == 0) frame.resize(random.below(static_cast<uint32_t>(frame.size())));
        if (random.below(8) == 0) frame.resize(frame.size() + random.below(9));  // padding
        constexpr buf::Verdict kVerdicts[] = {buf::Verdict::unknown, buf::Verdict::good};
        const ReceivedFrame received{frame.data(), static_cast<uint32_t>(frame.size()),
                                     kVerdicts[random.below(2)], kVerdicts[random.below(2)]};
        SegmentIn usual{}, general{};
        const bool is_usual = reader.frame_in.read_usual6(received, usual);
        const FrameContent content = reader.frame_in.read(received, general);
        const size_t ip = is_ethernet ? 14 + (vlan ? size_t{4} : 0) + (outer ? size_t{4} : 0) : 0;
        const bool is_marked = frame.size() > ip + 1 && (frame[ip + 1] & 0x10) != 0;
        if (is_usual || !is_marked) {  // ECT(1) and CE (RFC 3168 5) are read by the general path only
            ASSERT_EQ(is_usual, content.kind == FrameKind::segment) << "frame " << i;
        }
        ++(is_usual ? taken : refused);
        if (!is_usual) continue;
        ASSERT_EQ(usual.tuple, general.tuple);
        ASSERT_EQ(usual.remote6, general.remote6);
        ASSERT_EQ(usual.text.data(), general.text.data());
        const auto key = [](const tcp::Segment& s) {
            return std::tuple(s.seq.value(), s.ack.value(), s.flags, s.wnd, s.len, s.has_ts,
                              s.has_ts ? s.ts_val : 0, s.has_ts ? s.ts_ecr : 0);
        };
        ASSERT_EQ(key(usual.seg), key(general.seg));
    }
    EXPECT_GT(taken, 10'000u);
    EXPECT_GT(refused, 10'000u);
}

TEST(FrameIn6, ABadVerdictIsCheckedBySoftware) {
    Reader reader;
    Octets packet = packet6(6, segment());
    const ReceivedFrame frame{packet.data(), static_cast<uint32_t>(packet.size()), {}, buf::Verdict::bad};
    SegmentIn in{};
    EXPECT_FALSE(reader.frame_in.read_usual6(frame, in));
    EXPECT_EQ(reader.read(packet, buf::Verdict::bad).kind, FrameKind::segment);
    packet.back() ^= 1;
    EXPECT_EQ(reader.read(packet, buf::Verdict::bad).drop, DropReason::bad_tcp_checksum);
    EXPECT_EQ(reader.read(packet, buf::Verdict::good).kind, FrameKind::segment) << "trusted";
    const Octets behind = packet6(60, Octets{6, 0, 1, 4, 0, 0, 0, 0} + segment());
    Octets wrong = behind;
    wrong.back() ^= 1;
    EXPECT_EQ(reader.read(behind, buf::Verdict::good).kind, FrameKind::segment);
    EXPECT_EQ(reader.read(wrong, buf::Verdict::good).drop, DropReason::bad_tcp_checksum)
        << "no device's word behind extension headers";
    // but of a sum that the kernel has left to the device
    Octets partial = behind;
    const size_t tcp = behind.size() - segment().size();
    wire::store_be16(partial.data() + tcp + 16,
                     wire::fold(wire::pseudo_header_sum(wire::load_ipv6(partial.data() + 8),
                                                        wire::load_ipv6(partial.data() + 24), 6,
                                                        static_cast<uint32_t>(segment().size()))));
    EXPECT_EQ(reader.read(partial, buf::Verdict::good).kind, FrameKind::segment);
    EXPECT_EQ(reader.read(partial, buf::Verdict::unknown).drop, DropReason::bad_tcp_checksum);
}

TEST(FrameIn6, Header) {
    Reader reader;
    Octets packet = packet6(6, segment());
    EXPECT_EQ(reader.drop(Octets(packet.begin(), packet.begin() + 39)), DropReason::runt);
    EXPECT_EQ(reader.drop(Octets(packet.begin(), packet.end() - 1)), DropReason::bad_ip_header);
    EXPECT_EQ(reader.drop(packet6(6, {})), DropReason::bad_tcp_header);
    EXPECT_EQ(reader.drop(packet6(6, segment(kPeer, kPeer), kPeer, kPeer)), DropReason::not_for_us);
    Octets padded = packet + Octets(9, 0xee);
    EXPECT_EQ(reader.read(padded).kind, FrameKind::segment);
    EXPECT_EQ(reader.segment.seg.len, 0u);
    packet[0] = 0x70;
    EXPECT_EQ(reader.drop(packet), DropReason::bad_ip_header);
}

TEST(FrameIn6, LinkHeader) {
    Reader reader(true);
    const Octets packet = packet6(6, segment());
    EXPECT_EQ(reader.read(ethernet(packet)).kind, FrameKind::segment);
    EXPECT_EQ(reader.drop(ethernet(packet, kPeerMac)), DropReason::not_for_us);
    EXPECT_EQ(reader.drop(ethernet(packet, Mac::broadcast())), DropReason::not_for_us);
    EXPECT_EQ(reader.drop(ethernet(packet, Mac{{0x33, 0x33, 0, 0, 0, 1}})), DropReason::not_for_us)
        << "a packet to one in a frame to many";
    const Octets to_all = icmp6(128, 0, {0, 1, 0, 2}, kPeer, kAllNodes);
    EXPECT_EQ(
        reader.read(ethernet(packet6(58, to_all, kPeer, kAllNodes), Mac{{0x33, 0x33, 0, 0, 0, 1}})).kind,
        FrameKind::echo_request6);
}

/// Groups of ours are for ICMPv6 alone.
TEST(FrameIn6, Groups) {
    Reader reader;
    for (const Ipv6& group : {kAllNodes, kSolicited}) {
        EXPECT_EQ(reader.read(packet6(58, icmp6(135, 0, Octets(20), kPeer, group), kPeer, group)).kind,
                  FrameKind::discovery);
        EXPECT_EQ(reader.drop(packet6(6, segment(kPeer, group), kPeer, group)), DropReason::not_for_us);
    }
    for (const char* other : {"ff02::1:ff12:3457", "ff02::2", "ff02::fb", "ff01::1", "ff05::1:ff12:3456"}) {
        const Ipv6 group = *Ipv6::parse(other);
        EXPECT_EQ(reader.drop(packet6(58, icmp6(135, 0, Octets(20), kPeer, group), kPeer, group)),
                  DropReason::not_for_us)
            << other;
    }
}

TEST(FrameIn6, KindsOfIcmp) {
    Reader reader;
    for (int type = 0; type < 256; ++type) {
        const bool is_discovery = (type >= 130 && type <= 137) || type == 143;
        const FrameKind expected = type == 128    ? FrameKind::echo_request6
                                   : is_discovery ? FrameKind::discovery
                                                  : FrameKind::icmp6;
        const Octets message = icmp6(static_cast<uint8_t>(type), 0, Octets(20));
        const Octets packet = packet6(58, message);
        const FrameContent content = reader.read(packet);
        EXPECT_EQ(content.kind, expected) << type;
        EXPECT_EQ(content.payload.data(), packet.data() + 40);
        EXPECT_EQ(content.payload.size(), message.size());
        EXPECT_EQ(content.ip6.source, kPeer);
        EXPECT_EQ(content.ip6.hop_limit, 64);
    }
    Octets wrong = icmp6(128, 0, Octets(4));
    wrong[7] ^= 1;
    EXPECT_EQ(reader.drop(packet6(58, wrong)), DropReason::bad_icmp);
    EXPECT_EQ(reader.drop(packet6(58, icmp6(128, 0, {}))), DropReason::bad_icmp) << "4 bytes";
    EXPECT_EQ(reader.drop(packet6(58, {})), DropReason::bad_icmp);
    EXPECT_EQ(reader.read(packet6(58, icmp6(128, 1, Octets(4)))).kind, FrameKind::icmp6);
}

TEST(FrameIn6, Sources) {
    Reader reader;
    for (const char* text : {"::", "::1", "ff02::5", "::ffff:10.0.0.2", "2001:db8::12:3456"}) {
        const Ipv6 from = *Ipv6::parse(text);
        EXPECT_EQ(reader.drop(packet6(58, icmp6(128, 0, Octets(4), from), from)), DropReason::bad_ip_source)
            << text;
        EXPECT_EQ(reader.drop(packet6(17, Octets(8), from)), DropReason::bad_ip_source) << text;
        EXPECT_EQ(reader.drop(packet6(58, icmp6(135, 0, Octets(20), from), from)),
                  from.is_multicast() ? DropReason::bad_ip_source : DropReason::none)
            << "neighbour discovery has rules of its own: " << text;
    }
}

// ---- extension headers

const Octets kPadded{0, 0, 1, 4, 0, 0, 0, 0};

Octets header(uint8_t next, const Octets& rest) {
    Octets out{next};
    put(out, rest);
    return out;
}
/// Hop-by-hop or destination options: next header, then octets that fill up a multiple of 8.
Octets options(uint8_t next, const Octets& octets) {
    return header(next, Octets{static_cast<uint8_t>((octets.size() + 2) / 8 - 1)} + octets);
}
const Octets kPadN{1, 4, 0, 0, 0, 0};

TEST(Extensions, ThoseThatSayNothingAreSkipped) {
    Reader reader;
    const Octets tcp = segment();
    const Octets pads{0, 0, 0, 0, 0, 0}, alert{5, 2, 0, 0, 0, 0}, unknown{0x1e, 4, 9, 9, 9, 9};
    const Octets long_pad = Octets{1, 12} + Octets(12);
    for (const uint8_t kind : {uint8_t{0}, uint8_t{60}})
        for (const Octets& some : {kPadN, pads, alert, unknown, long_pad})
            EXPECT_EQ(reader.read(packet6(kind, options(6, some) + tcp)).kind, FrameKind::segment);
    EXPECT_EQ(reader.read(packet6(43, header(6, {0, 2, 0, 0, 0, 0, 0}) + tcp)).kind, FrameKind::segment)
        << "a routing header that names no further node";
    EXPECT_EQ(reader.read(packet6(44, Octets{6, 0, 0, 0, 1, 2, 3, 4} + tcp)).kind, FrameKind::segment)
        << "an atomic fragment (RFC 6946)";
    EXPECT_EQ(reader.read(packet6(44, Octets{6, 0, 0, 6, 1, 2, 3, 4} + tcp)).kind, FrameKind::segment)
        << "reserved bits";
    const Octets all = options(60, kPadN) + options(43, kPadN) + header(60, {0, 4, 0, 0, 0, 0, 0}) +
                       options(44, kPadN) + Octets{6, 0, 0, 0, 0, 0, 0, 1} + tcp;
    const Octets packet = packet6(0, all);
    EXPECT_EQ(reader.read(packet).kind, FrameKind::segment);
    EXPECT_EQ(*reader.segment.remote6, kPeer);
    EXPECT_EQ(reader.segment.tuple.remote_port, 4000);
    const auto echo = reader.read(packet6(0, options(58, kPadN) + icmp6(128, 0, Octets(12))));
    EXPECT_EQ(echo.kind, FrameKind::echo_request6);
    EXPECT_EQ(echo.payload.size(), 16u);
    EXPECT_EQ(echo.ip6.next_header, 58);
}

TEST(Extensions, Limits) {
    Reader reader;
    const auto chain = [](int n, size_t size) {
        Octets out;
        for (int i = 1; i <= n; ++i)
            put(out, options(i == n ? 6 : 60, Octets{1, static_cast<uint8_t>(size - 4)} + Octets(size - 4)));
        return packet6(60, out + segment());
    };
    EXPECT_EQ(reader.drop(chain(8, 32)), DropReason::none);
    EXPECT_EQ(reader.drop(chain(9, 8)), DropReason::ip_extension);
    EXPECT_EQ(reader.drop(chain(8, 40)), DropReason::ip_extension);
    EXPECT_EQ(reader.drop(chain(1, 256)), DropReason::none);
    EXPECT_EQ(reader.drop(chain(2, 256)), DropReason::ip_extension);
}

/// RFC 7112, and every shorter packet.
TEST(Extensions, TheWholeChainIsInThePacket) {
    Reader reader;
    const Octets chain = options(60, kPadN) + options(6, kPadN) + segment();
    for (size_t size = 0; size < 16; ++size)
        EXPECT_EQ(reader.drop(packet6(0, Octets(chain.begin(), chain.begin() + static_cast<long>(size)))),
                  DropReason::ip_extension)
            << size;
    for (size_t size = 16; size < chain.size(); ++size)
        EXPECT_EQ(reader.drop(packet6(0, Octets(chain.begin(), chain.begin() + static_cast<long>(size)))),
                  size < 36 ? DropReason::bad_tcp_header : DropReason::bad_tcp_checksum)
            << size;
    const Octets too_long{6, 9, 1, 4, 0, 0, 0, 0};
    EXPECT_EQ(reader.drop(packet6(60, too_long + segment())), DropReason::ip_extension);
    for (const Octets& bad :
         {Octets{1, 5, 0, 0, 0, 0}, Octets{0, 0, 0, 0, 0, 1}, Octets{0x1e, 200, 0, 0, 0, 0}})
        EXPECT_EQ(reader.drop(packet6(60, options(6, bad) + segment())), DropReason::ip_extension)
            << "an option passes its header";
}

TEST(Extensions, Fragments) {
    Reader reader;
    for (const Octets& first : {Octets{6, 0, 0, 1, 0, 0, 0, 1}, Octets{6, 0, 0, 8, 0, 0, 0, 1}})
        EXPECT_EQ(reader.drop(packet6(44, first + segment())), DropReason::ip_fragment);
    const Octets atomic{58, 0, 0, 0, 0, 0, 0, 1};
    EXPECT_EQ(reader.drop(packet6(44, atomic + icmp6(135, 0, Octets(20)))), DropReason::ip_fragment)
        << "RFC 6980";
    EXPECT_EQ(reader.read(packet6(44, atomic + icmp6(128, 0, Octets(4)))).kind, FrameKind::echo_request6);
}

// ---- parameter problems

struct Answer {
    DropReason drop;
    std::optional<uint32_t> code, pointer;
    bool operator==(const Answer&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Answer& a) {
    out << name(a.drop);
    return a.code ? out << ", code " << *a.code << " at " << *a.pointer : out << ", silence";
}
Answer answer(Reader& reader, const Octets& packet) {
    const FrameContent content = reader.read(packet);
    if (!content.problem) return {content.drop, {}, {}};
    EXPECT_EQ(content.kind, FrameKind::dropped);
    EXPECT_EQ(Octets(content.payload.begin(), content.payload.end()), packet);
    EXPECT_EQ(content.ip6.source, kPeer);
    return {content.drop, content.problem->code, content.problem->pointer};
}
Answer silence(DropReason drop) {
    return {drop, {}, {}};
}

TEST(ParameterProblem, UnknownNextHeader) {
    Reader reader;
    const auto bad = DropReason::bad_protocol;
    for (const int protocol : {17, 50, 51, 132, 135, 253})
        EXPECT_EQ(answer(reader, packet6(static_cast<uint8_t>(protocol), Octets(16))), (Answer{bad, 1, 6}))
            << protocol;
    EXPECT_EQ(answer(reader, packet6(60, options(17, kPadN) + Octets(8))), (Answer{bad, 1, 40}));
    EXPECT_EQ(answer(reader, packet6(60, options(0, kPadN) + options(6, kPadN) + segment())),
              (Answer{bad, 1, 40}))
        << "hop-by-hop options behind another header (RFC 8200 4)";
    EXPECT_EQ(answer(reader, packet6(59, {})), silence(bad)) << "no next header";
    EXPECT_EQ(answer(reader, packet6(17, Octets(8), kPeer, kAllNodes)), silence(bad));
}

TEST(ParameterProblem, UnknownOption) {
    Reader reader;
    const auto drop = DropReason::ip_option;
    const auto with = [](uint8_t type, const Ipv6& to = kUs, uint8_t kind = 60) {
        return packet6(kind, options(6, {1, 0, type, 2, 0, 0}) + segment(kPeer, to), kPeer, to);
    };
    EXPECT_EQ(answer(reader, with(0x5e)), silence(drop));
    EXPECT_EQ(answer(reader, with(0x9e)), (Answer{drop, 2, 44}));
    EXPECT_EQ(answer(reader, with(0xde)), (Answer{drop, 2, 44}));
    EXPECT_EQ(answer(reader, with(0x9e, kAllNodes)), (Answer{drop, 2, 44}))
        << "10: even to a multicast address";
    EXPECT_EQ(answer(reader, with(0xde, kAllNodes)), silence(drop)) << "11: not to a multicast address";
    EXPECT_EQ(answer(reader, packet6(0, options(6, {0xc2, 4, 0, 1, 0, 0}) + segment())),
              (Answer{drop, 2, 42}))
        << "a jumbogram";
}

TEST(ParameterProblem, RoutingHeaders) {
    Reader reader;
    const auto drop = DropReason::ip_source_route;
    const auto with = [](uint8_t type, uint8_t left) {
        return packet6(43, Octets{6, 2, type, left, 0, 0, 0, 0} + Octets(16) + segment());
    };
    EXPECT_EQ(answer(reader, with(0, 0)), silence(drop));
    EXPECT_EQ(answer(reader, with(0, 1)), (Answer{drop, 0, 42}));
    EXPECT_EQ(answer(reader, with(4, 1)), (Answer{drop, 0, 42}));
    EXPECT_EQ(reader.read(with(4, 0)).kind, FrameKind::segment);
}

/// RFC 4443 2.4 (e).
TEST(ParameterProblem, WhomNobodyAnswers) {
    Reader reader;
    const auto behind_option = [](const Octets& message, const Ipv6& from = kPeer) {
        return packet6(60, options(58, {0xde, 4, 0, 0, 0, 0}) + message, from);
    };
    EXPECT_TRUE(reader.read(behind_option(icmp6(128, 0, Octets(4)))).problem);
    for (const int type : {1, 2, 3, 4, 100, 127, 137})
        EXPECT_FALSE(reader.read(behind_option(icmp6(static_cast<uint8_t>(type), 0, Octets(4)))).problem)
            << type;
    EXPECT_FALSE(reader.read(behind_option({})).problem) << "it could be one";
    EXPECT_FALSE(reader.read(packet6(60, options(58, {0xde, 4, 0, 0, 0, 0}))).problem);
    EXPECT_FALSE(reader.read(packet6(60, options(60, {0xde, 4, 0, 0, 0, 0}) + Octets{58, 1, 0, 0})).problem)
        << "the chain is cut off";
    for (const char* from : {"::", "ff02::5", "::1", "2001:db8::1"})
        EXPECT_FALSE(reader.read(behind_option(icmp6(128, 0, Octets(4)), *Ipv6::parse(from))).problem)
            << from;
}

/// The kernel of an interface has the same link-local address as we, and its own UDP.
TEST(ParameterProblem, NoneAboutTheInternalAddress) {
    Reader reader;
    reader.ours.set_last_internal();
    const auto option = options(6, {1, 0, 0xde, 2, 0, 0}), always = options(6, {1, 0, 0x9e, 2, 0, 0});
    EXPECT_EQ(answer(reader, packet6(17, Octets(8), kPeer, kUsLocal)), silence(DropReason::bad_protocol));
    EXPECT_EQ(answer(reader, packet6(60, option + segment(kPeer, kUsLocal), kPeer, kUsLocal)),
              silence(DropReason::ip_option));
    EXPECT_TRUE(answer(reader, packet6(17, Octets(8))).code);
    EXPECT_TRUE(answer(reader, packet6(60, option + segment())).code);
    EXPECT_TRUE(answer(reader, packet6(60, always + segment(kPeer, kAllNodes), kPeer, kAllNodes)).code);
}

}  // namespace
}  // namespace synfin::net
