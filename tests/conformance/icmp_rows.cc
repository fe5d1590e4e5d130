/// Row 47: ICMP errors, soft and hard, and forged ones (RFC 5927).
#include "fakes/world.hh"

namespace synfin::fakes {
namespace {

const IpAddress kRouter = host(254), kUs = host(1);

struct Message {
    uint8_t type, code;
    const char* name;
};
const std::vector<Message>& soft() {
    static const std::vector<Message> four{{3, 0, "net unreachable"},     {3, 1, "host unreachable"},
                                           {3, 5, "source route failed"}, {3, 13, "prohibited"},
                                           {11, 0, "TTL exceeded"},       {11, 1, "reassembly time"},
                                           {12, 0, "parameter problem"},  {4, 0, "source quench"}};
    static const std::vector<Message> six{
        {1, 0, "no route"},           {1, 2, "beyond scope"},     {1, 3, "address unreachable"},
        {1, 5, "source policy"},      {1, 6, "reject route"},     {3, 0, "hop limit exceeded"},
        {3, 1, "reassembly time"},    {4, 0, "erroneous header"}, {4, 1, "unknown next header"},
        {4, 2, "unknown IPv6 option"}};
    return is_ipv6() ? six : four;
}
const std::vector<Message>& hard() {
    static const std::vector<Message> four{{3, 2, "protocol unreachable"}, {3, 3, "port unreachable"}};
    static const std::vector<Message> six{{1, 1, "prohibited"}, {1, 4, "port unreachable"}};
    return is_ipv6() ? six : four;
}

std::vector<uint8_t> port_unreachable(Bytes packet, size_t quote = kUsualQuote) {
    return icmp_error(kRouter, kUs, is_ipv6() ? 1 : 3, is_ipv6() ? 4 : 3, packet, 0, quote);
}

TEST(Row47, SoftErrorsDoNotAbort) {
    ROW(47, "9293-3.9.2.2 MUST-54..56, 1122-4.2.3.9", "tcp::on_icmp_error");
    for (const State state : {State::syn_sent, State::established, State::fin_wait_1})
        for (const auto& m : soft()) {
            SCOPED_TRACE(std::string(tcp::name(state)) + " " + m.name);
            World w;
            w.bring(state, Side::active);
            if (state == State::established) {
                w.send(10);
                RECV(w, {.len = 10});
            }
            w.raw(icmp_error(kRouter, kUs, m.type, m.code, w.main().last().bytes));
            SILENT(w);
            EXPECT_EQ(tcp::name(w.state()), tcp::name(state));
            EXPECT_TRUE(w.closes().empty());
        }
}

TEST(Row47, HardErrorsEndAnOpenThatIsNotAnswered) {
    ROW(47, "9293-3.9.2.2, 5927-4", "tcp::on_icmp_error");
    for (const auto& m : hard()) {
        SCOPED_TRACE(m.name);
        World w;
        w.bring(State::syn_sent);
        w.raw(icmp_error(kRouter, kUs, m.type, m.code, w.main().last().bytes));
        SILENT(w);
        STATE(w, closed);
        CLOSED(w, unreachable);
        EXPECT_EQ(w[Counter::icmp_errors_accepted], 1u);
        IDLE(w);
    }
}

TEST(Row47, HardErrorsDoNotAbortAnEstablishedConnection) {
    ROW(47, "5927-4.2", "tcp::on_icmp_error");
    for (const State state : {State::established, State::fin_wait_1, State::last_ack})
        for (const auto& m : hard()) {
            SCOPED_TRACE(std::string(tcp::name(state)) + " " + m.name);
            World w;
            w.bring(state, Side::active);
            if (state == State::established) {
                w.send(10);
                RECV(w, {.len = 10});
            }
            w.raw(icmp_error(kRouter, kUs, m.type, m.code, w.main().last().bytes));
            EXPECT_EQ(tcp::name(w.state()), tcp::name(state));
            EXPECT_TRUE(w.closes().empty());
        }
}

TEST(Row47, TheQuotedSequenceNumberMustBeInFlight) {
    ROW(47, "5927-4.1", "tcp::on_icmp_error");
    for (const uint32_t off : {uint32_t(-1), 1u, 2u, 100000u, 0x80000000u}) {
        World w;
        w.bring(State::syn_sent);
        Packet quoted = w.main().last();
        quoted.seq += off;
        w.raw(port_unreachable(build(quoted)));
        STATE(w, syn_sent);
        EXPECT_EQ(w[DropReason::icmp_ignored], 1u);
    }
}

TEST(Row47, TheQuotedTupleMustBeOurs) {
    ROW(47, "5927-4.1, 1122-3.2.2", "tcp::on_icmp_error");
    World w;
    w.bring(State::syn_sent);
    const Packet syn = w.main().last();
    auto expect_ignored = [&](const std::function<void(Packet&)>& change) {
        Packet quoted = syn;
        change(quoted);
        w.raw(port_unreachable(build(quoted)));
        SILENT(w);
        STATE(w, syn_sent);
    };
    expect_ignored([](Packet& p) { p.dst = inverted(p.dst, 1); });
    expect_ignored([](Packet& p) { p.src = inverted(p.src, 4); });
    expect_ignored([](Packet& p) { p.sport ^= 1; });
    expect_ignored([](Packet& p) { p.dport ^= 1; });
    expect_ignored([](Packet& p) { p.protocol = 17; });
    const size_t header = ip_header_bytes();
    for (const size_t quote : {size_t{0}, size_t{8}, header, header + 7})
        w.raw(port_unreachable(syn.bytes, quote));
    auto bad = port_unreachable(syn.bytes);
    bad[header + 2] ^= 1;  // the ICMP checksum
    w.raw(bad);
    STATE(w, syn_sent);
    EXPECT_EQ(w.all_drops(), 10u);
}

TEST(Row47, AnErrorAboutASynAckFreesTheHalfOpenRecordOrNothing) {
    ROW(47, "5927-4", "tcp::on_icmp_error");
    World w;
    w.bring(State::syn_received);
    w.raw(port_unreachable(w.main().last().bytes));
    SILENT(w);
    EXPECT_TRUE(w.events().empty());
    const bool defined = w.state() == State::closed || w.state() == State::syn_received;
    EXPECT_TRUE(defined);
    w.advance(65s);
    w.discard();
    IDLE(w);
}

}  // namespace
}  // namespace synfin::fakes
