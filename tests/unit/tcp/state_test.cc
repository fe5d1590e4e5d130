/// @file
/// RFC 9293 figure 5, edge by edge.

#include <set>
#include <utility>

#include "core_world.hh"

namespace synfin::tcp {
namespace {

using enum State;

TEST(States, LegalEdgesAreThoseOfFigure5) {
    const std::set<std::pair<State, State>> legal = {{closed, listen},
                                                     {closed, syn_sent},
                                                     {listen, syn_received},
                                                     {listen, syn_sent},
                                                     {syn_sent, syn_received},
                                                     {syn_sent, established},
                                                     {syn_received, established},
                                                     {syn_received, fin_wait_1},
                                                     {syn_received, listen},
                                                     {syn_received, close_wait},
                                                     {established, fin_wait_1},
                                                     {established, close_wait},
                                                     {fin_wait_1, fin_wait_2},
                                                     {fin_wait_1, closing},
                                                     {fin_wait_1, time_wait},
                                                     {fin_wait_2, time_wait},
                                                     {close_wait, last_ack},
                                                     {closing, time_wait},
                                                     {time_wait, syn_received}};
    for (unsigned from = 0; from < kStates; ++from)
        for (unsigned to = 0; to < kStates; ++to) {
            const auto a = static_cast<State>(from), b = static_cast<State>(to);
            EXPECT_EQ(is_legal_edge(a, b), b == closed || legal.contains({a, b}))
                << name(a) << " -> " << name(b);
        }
}

TEST(States, OneWriterRefusesOtherEdges) {
    Tcb tcb;
    EXPECT_DEATH(set_state(tcb, established), "is_legal_edge");
}

TEST(States, TheWriterLeavesTheQuickAcks) {
    Tcb tcb;
    tcb.set_quick_acks(15);
    set_state(tcb, syn_sent);
    EXPECT_EQ(tcb.quick_acks(), 15);
    EXPECT_EQ(tcb.state(), syn_sent);
}

TEST(States, WhoMaySendAndReceive) {
    const std::set<State> send = {syn_sent, syn_received, established, close_wait};
    const std::set<State> receive = {established, fin_wait_1, fin_wait_2};
    for (unsigned i = 0; i < kStates; ++i) {
        const auto s = static_cast<State>(i);
        EXPECT_EQ(can_send(s), send.contains(s)) << name(s);
        EXPECT_EQ(can_receive(s), receive.contains(s)) << name(s);
        EXPECT_EQ(is_synchronized(s), s != closed && s != listen && s != syn_sent) << name(s);
    }
    EXPECT_EQ(name(syn_received), "SYN-RECEIVED");
    EXPECT_EQ(name(time_wait), "TIME-WAIT");
}

}  // namespace
}  // namespace synfin::tcp
