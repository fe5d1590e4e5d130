#include "invariants.hh"

#include <array>

namespace synfin::fakes {

using tcp::State;

namespace {

constexpr auto kReachable = [] {
    std::array<std::array<bool, tcp::kStates>, tcp::kStates> reach{};
    for (unsigned from = 0; from < tcp::kStates; ++from)
        for (unsigned to = 1; to < tcp::kStates; ++to)
            reach[from][to] =
                from == to || tcp::is_legal_edge(static_cast<State>(from), static_cast<State>(to));
    for (unsigned via = 1; via < tcp::kStates; ++via)
        for (unsigned from = 0; from < tcp::kStates; ++from)
            for (unsigned to = 1; to < tcp::kStates; ++to)
                if (reach[from][via] && reach[via][to]) reach[from][to] = true;
    return reach;
}();

constexpr uint32_t kSparePackets = 64;

int32_t ahead(uint32_t a, uint32_t b) {
    return static_cast<int32_t>(a - b);
}

std::string describe(const ConnectionInfo& info) {
    return info.local.text() + " " + info.peer.text() + " " + std::string(tcp::name(info.state)) +
           " una=" + std::to_string(info.snd_una) + " nxt=" + std::to_string(info.snd_nxt) +
           " rcv.nxt=" + std::to_string(info.rcv_nxt) + " rcv.wnd=" + std::to_string(info.rcv_wnd);
}

}  // namespace

bool is_reachable(State from, State to) {
    return to == State::closed || kReachable[static_cast<unsigned>(from)][static_cast<unsigned>(to)];
}

std::string Invariants::check(const Stack& stack) {
    ++round_;
    broken_.clear();
    stack.for_each([](void* self, const ConnectionInfo& info) { static_cast<Invariants*>(self)->look(info); },
                   this);
    std::erase_if(seen_, [this](const auto& entry) { return entry.second.round != round_; });
    return broken_;
}

void Invariants::look(const ConnectionInfo& info) {
    const Tuple tuple{info.local.addr, info.local.port, info.peer.addr, info.peer.port};
    auto [it, fresh] = seen_.try_emplace(tuple, Seen{info, round_});
    if (!fresh && it->second.round == round_) {
        broken_ += "two records of one tuple: " + describe(info) + "\n";
        return;
    }
    const ConnectionInfo before = it->second.info;
    it->second = Seen{info, round_};
    const bool time_wait = info.state == State::time_wait;

    if (ahead(info.snd_nxt, info.snd_una) < 0)
        broken_ += "SND.UNA is beyond SND.NXT: " + describe(info) + "\n";
    if (info.state == State::closed || info.state == State::listen)
        broken_ += "a record in CLOSED or LISTEN: " + describe(info) + "\n";
    if (fresh) return;
    // A reused tuple starts again.
    const bool anew = before.state >= State::established && info.state < State::established;
    if (anew) return;
    if (!is_reachable(before.state, info.state))
        broken_ += "illegal edge from " + std::string(tcp::name(before.state)) + ": " + describe(info) + "\n";
    if (before.state < State::established || info.state < State::established) return;
    if (ahead(info.snd_una, before.snd_una) < 0) broken_ += "SND.UNA went back: " + describe(info) + "\n";
    if (ahead(info.rcv_nxt, before.rcv_nxt) < 0) broken_ += "RCV.NXT went back: " + describe(info) + "\n";
    if (!time_wait && ahead(info.rcv_nxt + info.rcv_wnd, before.rcv_nxt + before.rcv_wnd) < 0)
        broken_ += "the receive window's right edge went back: " + describe(info) + "\n";
}

std::string in_use(const Occupancy& occupancy, bool timers) {
    std::string out;
    auto add = [&out](const char* what, uint32_t n) {
        if (n != 0) out += std::string(what) + "=" + std::to_string(n) + " ";
    };
    for (unsigned i = 0; i < tcp::kStates; ++i)
        add(std::string(tcp::name(static_cast<State>(i))).c_str(), occupancy.by_state[i]);
    add("half_open", occupancy.half_open);
    add("open", occupancy.open);
    add("time_wait", occupancy.time_wait);
    add("flow_lines", occupancy.flow_lines);
    add("recovery_records", occupancy.recovery_records);
    add("send_blocks", occupancy.send_blocks);
    add("held_packets", occupancy.held_packets);
    // A few packets are kept for the next replies; more would be a leak.
    if (occupancy.packets_in_use > kSparePackets) add("packets_in_use", occupancy.packets_in_use);
    if (timers) add("timers", occupancy.timers);
    return out;
}

}  // namespace synfin::fakes
