/// Compares net::FrameIn::read_usual with read(), and the same of IPv6: a meaningless IPv4 option or an empty
/// destination options header sends the same segment through read(), and both engines must do the same.

#include <gtest/gtest.h>

#include "base/random.hh"
#include "fakes/packet.hh"
#include "synfin/virtual_stack.hh"

namespace synfin {
namespace {

using namespace fakes;  // NOLINT(google-build-using-namespace)

VirtualStack listening() {
    VirtualConfig config{.address = net_host(1)};
    config.stack.seed = 1;
    VirtualStack stack(config);
    EXPECT_TRUE(stack.listen(80));
    return stack;
}

/// All packets that are sent.
std::vector<std::vector<uint8_t>> drained(VirtualStack& stack) {
    std::vector<std::vector<uint8_t>> out;
    while (auto bytes = stack.output()) out.push_back(std::move(*bytes));
    return out;
}

class UsualPacket : public testing::TestWithParam<uint64_t> {};

TEST_P(UsualPacket, IsJudgedAsTheLongWayDoes) {
    Random random(GetParam());
    VirtualStack straight = listening(), longer = listening();
    uint32_t acknowledged = 0;
    for (int i = 0; i < 3000; ++i) {
        Packet p;
        p.src = host(2 + (random.below(20) == 0 ? random.below(256) : 0));
        p.dst = host(1 + (random.below(20) == 0 ? random.below(3) : 0));
        p.sport = static_cast<uint16_t>(1000 + random.below(4));
        p.dport = random.below(20) == 0 ? uint16_t{81} : uint16_t{80};
        constexpr int kFlags[] = {kSyn, kAck, kAck | kPsh, kAck | kFin, kRst};
        p.flags = random.below(8) == 0 ? static_cast<int>(random.below(64)) : kFlags[random.below(5)];
        p.seq = 7000 + random.below(4) * 100;
        p.ack = acknowledged;
        p.wnd = static_cast<uint16_t>(random.next());
        if (random.below(2) == 0) p.ts = Ts{1000 + static_cast<uint32_t>(i), 1};
        if (p.has(kSyn)) {
            p.mss = static_cast<uint16_t>(random.below(3000));
            if (random.below(2) == 0) p.wscale = static_cast<int>(random.below(16)), p.sack_ok = true;
        }
        if (random.below(10) == 0)
            p.options.assign(4 * (1 + random.below(5)), static_cast<uint8_t>(random.below(9)));
        p.payload.assign(random.below(3) * 50, 0x55);

        Packet with_option = p;
        const size_t more = is_ipv6() ? 8 : 4, header = ip_header_bytes();
        if (is_ipv6())
            with_option.extensions = {{kDestination, {0, 1, 4, 0, 0, 0, 0}}};  // PadN
        else
            with_option.ip_options = {1, 1, 1, 1};
        auto a = build(p), b = build(with_option);
        if (random.below(4) ==
            0) {  // the same bit of the IP header's addresses and protocol, or of the segment
            const size_t first = is_ipv6() ? 8 : 9;
            const size_t at = first + random.below(static_cast<uint32_t>(a.size() - first));
            const auto bit = static_cast<uint8_t>(1u << random.below(8));
            a[at] ^= bit;
            b[at < header ? at : at + more] ^= bit;
        }
        straight.input(a);
        longer.input(b);
        const auto out = drained(straight);
        ASSERT_EQ(out, drained(longer)) << "packet " << i;
        for (const auto& bytes : out) {
            std::string complaint;
            const Packet sent = parse(bytes, complaint);
            EXPECT_EQ(complaint, "");
            if (sent.has(kSyn | kAck)) acknowledged = sent.seq + 1;
        }
        for (size_t d = 0; d < static_cast<size_t>(DropReason::kCount); ++d) {
            const auto reason = static_cast<DropReason>(d);
            ASSERT_EQ(straight.stack().counters()[reason], longer.stack().counters()[reason])
                << name(reason) << ", packet " << i;
        }
    }
    EXPECT_GT(straight.stack().counters()[Counter::established], 0u);
}

INSTANTIATE_TEST_SUITE_P(, UsualPacket, testing::Range(uint64_t{1}, uint64_t{9}));

}  // namespace
}  // namespace synfin
