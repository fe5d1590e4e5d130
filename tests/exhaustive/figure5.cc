#include "figure5.hh"

#include <cstdio>

#include "wire/tcp.hh"

namespace synfin::exhaustive {

using tcp::State;
using enum tcp::State;

namespace {

constexpr State kAll[] = {closed,     listen,     syn_sent, syn_received, established, fin_wait_1,
                          fin_wait_2, close_wait, closing,  last_ack,     time_wait};

/// The edges of the figure, and those that the text of 3.10 adds; but for those that belong to no connection
/// (CLOSED and LISTEN), and LISTEN to SYN-SENT by SEND, a call that the API does not have.
struct Edge {
    State from, to;
};
constexpr Edge kFigure[] = {
    {closed, syn_sent},         {listen, syn_received},    {syn_sent, syn_received},
    {syn_sent, established},    {syn_sent, closed},        {syn_received, established},
    {syn_received, fin_wait_1}, {syn_received, listen},    {syn_received, closed},
    {established, fin_wait_1},  {established, close_wait}, {established, closed},
    {fin_wait_1, fin_wait_2},   {fin_wait_1, closing},     {fin_wait_1, time_wait},
    {fin_wait_1, closed},       {fin_wait_2, time_wait},   {fin_wait_2, closed},
    {close_wait, last_ack},     {close_wait, closed},      {closing, time_wait},
    {closing, closed},          {last_ack, closed},        {time_wait, closed},
    {time_wait, syn_received},
};

bool may_end(State from, const Input& in) noexcept {
    switch (in.kind) {
        case Input::Kind::call:
            if (from == time_wait) return in.call == kConnect;  // RFC 6191 2: the tuple is taken over
            if (in.call == kAbort) return from != closed && from != listen;
            return from == syn_sent && (in.call == kShutdown || in.call == kClose);
        case Input::Kind::time_out: return from != closed && from != listen;
        case Input::Kind::segment: break;
    }
    if ((in.flags & wire::kRst) != 0) return from != time_wait && from != closed && from != listen;
    if (from == last_ack) return (in.flags & wire::kAck) != 0;
    // Text after close(): RFC 9293 3.6.1, SHLD-3.
    return in.text && (from == fin_wait_1 || from == fin_wait_2);
}

bool may_move_by_segment(State from, State to, const Input& in) noexcept {
    const bool syn = (in.flags & wire::kSyn) != 0;
    const bool ack = (in.flags & wire::kAck) != 0;
    const bool rst = (in.flags & wire::kRst) != 0;
    const bool fin = (in.flags & wire::kFin) != 0 || (in.text && in.fin_kept);
    if (rst) return from == syn_received && to == listen;
    switch (from) {
        case listen: return to == syn_received && syn && !ack;
        case time_wait: return to == syn_received && syn && !ack;
        case syn_sent: return syn && to == (ack ? established : syn_received);
        case syn_received:
            if (to == listen) return syn;
            return to == established && ack;
        case established:
            // Only a CLOSE that was called before, in SYN-RECEIVED, leads on without a call.
            if (to == fin_wait_1) return in.fin_queued;
            return to == close_wait && fin;
        case fin_wait_1: return ack && (to == fin_wait_2 || (fin && (to == closing || to == time_wait)));
        case fin_wait_2: return to == time_wait && fin;
        case closing: return to == time_wait && ack;
        case closed:
        case close_wait:
        case last_ack: return false;
    }
    return false;
}

bool may_move_by_call(State from, State to, const Input& in) noexcept {
    if (in.call == kConnect) return from == closed && to == syn_sent;
    if (in.call != kShutdown && in.call != kClose) return false;
    return ((from == syn_received || from == established) && to == fin_wait_1) ||
           (from == close_wait && to == last_ack);
}

}  // namespace

bool may_move(State from, State to, const Input& in) noexcept {
    if (to == closed) return may_end(from, in);
    switch (in.kind) {
        case Input::Kind::call: return may_move_by_call(from, to, in);
        case Input::Kind::segment: return may_move_by_segment(from, to, in);
        case Input::Kind::time_out: return false;
    }
    return false;
}

namespace {

// NOLINTNEXTLINE(misc-no-recursion): three deep at most
bool find_way(State from, State to, const Input& in, unsigned steps, EdgeTable& edges) noexcept {
    if (steps == 1) {
        if (!may_move(from, to, in)) return false;
        edges.add(from, to);
        return true;
    }
    for (const State by : kAll) {
        if (by == to || !may_move(from, by, in)) continue;
        if (by == closed && in.call != kConnect) continue;
        if (find_way(by, to, in, steps - 1, edges)) {
            edges.add(from, by);
            return true;
        }
    }
    return false;
}

}  // namespace

bool explain(State from, State to, const Input& in, EdgeTable& edges) noexcept {
    if (from == to) return true;
    for (unsigned steps = 1; steps <= 3; ++steps)
        if (find_way(from, to, in, steps, edges)) return true;
    return false;
}

void EdgeTable::add(const EdgeTable& other) noexcept {
    for (unsigned i = 0; i < tcp::kStates; ++i)
        for (unsigned j = 0; j < tcp::kStates; ++j) taken_[i][j] += other.taken_[i][j];
}

std::string EdgeTable::missing() const {
    std::string out;
    for (const Edge& e : kFigure)
        if (taken_[index(e.from)][index(e.to)] == 0)
            out += std::string(name(e.from)) + " -> " + std::string(name(e.to)) + "\n";
    return out;
}

std::string EdgeTable::text() const {
    std::string out;
    char line[96];
    for (const Edge& e : kFigure) {
        const uint64_t n = taken_[index(e.from)][index(e.to)];
        std::snprintf(line, sizeof line, "  %-12s -> %-12s %12s\n", name(e.from).data(), name(e.to).data(),
                      n == 0 ? "-" : std::to_string(n).c_str());
        out += line;
    }
    return out;
}

}  // namespace synfin::exhaustive
