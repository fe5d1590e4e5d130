#include "explored_world.hh"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace synfin::exhaustive {

using tcp::State;

namespace {

[[gnu::format(printf, 2, 3)]] void tell(std::string* story, const char* format, ...) {
    if (story == nullptr) return;
    char line[256];
    va_list args;
    va_start(args, format);
    std::vsnprintf(line, sizeof line, format, args);
    va_end(args);
    *story += line;
}

constexpr const char* kCallNames[] = {"connect", "send", "shutdown", "close", "abort"};
constexpr char kHostNames[] = "AB";

}  // namespace

bool World::is_first_deadline(const Ground& ground, unsigned side) const noexcept {
    const auto mine = hosts_[side].next_deadline(ground, head_.tick);
    const auto other = hosts_[1 - side].next_deadline(ground, head_.tick);
    return mine && (!other || static_cast<int32_t>(*mine - *other) <= 0);
}

void World::spend(Budget spent) noexcept {
    budget_.drops = static_cast<uint8_t>(budget_.drops - spent.drops);
    budget_.duplicates = static_cast<uint8_t>(budget_.duplicates - spent.duplicates);
    budget_.time_outs = static_cast<uint8_t>(budget_.time_outs - spent.time_outs);
}

void World::act(Action action, Turn& turn) noexcept {
    const Ground& ground = turn.ground;
    Witness& w = turn.witness;
    std::string* story = w.story;
    const double seconds = w.story_ticks / 1000.0;
    const bool arrives = action.kind == Action::Kind::deliver || action.kind == Action::Kind::duplicate;
    const unsigned side = arrives ? 1u - action.host : action.host;
    turn.side = side;
    Host& host = hosts_[side];
    State before = host.state();
    const bool both_live = host.is_peer_of(hosts_[1 - side]);
    if (before == State::closed && host.listens(ground) && arrives) before = State::listen;
    if (arrives) {
        auto& net = net_[action.host];
        uint8_t& count = head_.in_flight[action.host];
        const Packet packet = net[action.index];
        if (action.kind == Action::Kind::deliver) {
            std::copy(net.begin() + action.index + 1, net.begin() + count, net.begin() + action.index);
            --count;
        }
        tell(story, "%9.3f  %s%s\n", seconds, describe(packet, action.host, ground).c_str(),
             action.kind == Action::Kind::duplicate ? "  (arrives; another copy is on its way)"
                                                    : "  (arrives)");
        turn.input = {.kind = Input::Kind::segment,
                      .flags = packet.flags,
                      .text = packet.len != 0,
                      .fin_kept = host.fin_kept(),
                      .fin_queued = host.fin_queued()};
        host.arrive(packet, turn);
    } else if (action.kind == Action::Kind::time_out) {
        const uint32_t from = head_.tick;
        const uint32_t deadline = *host.next_deadline(ground, head_.tick);
        if (static_cast<int32_t>(deadline - head_.tick) > 0) {
            // No segment stays in the network for longer than MSL; the present ones are as old as this wait.
            if (deadline - head_.tick >= ground.msl) head_.in_flight[0] = head_.in_flight[1] = 0;
            head_.tick = deadline;
        }
        turn.tick = head_.tick;
        turn.input = {.kind = Input::Kind::time_out};
        w.story_ticks += turn.tick - from;
        tell(story, "%9.3f  %c: a timer fires\n", w.story_ticks / 1000.0, kHostNames[side]);
        host.fire(turn);
    } else {
        turn.input = {.kind = Input::Kind::call, .call = static_cast<uint8_t>(1u << action.index)};
        tell(story, "%9.3f  %c: %s()\n", seconds, kHostNames[side], kCallNames[action.index]);
        host.call(static_cast<Call>(1u << action.index), turn);
    }
    State after = host.state();
    if (turn.returned_to_listen) after = State::listen;
    // No record before and after, whether or not the port listens.
    if (before == State::listen && after == State::closed) after = State::listen;
    w.require(explain(before, after, turn.input, w.edges), "an edge that figure 5 does not have");
    const bool reset = turn.input.kind == Input::Kind::segment && (turn.input.flags & wire::kRst) != 0 &&
                       host.state() == State::closed;
    w.require(!reset || !both_live, "RST ends a connection that the peer still has");
    if (before != after)
        tell(story, "%13c: %s -> %s\n", kHostNames[side], name(before).data(), name(after).data());
    for (unsigned i = 0; i < turn.out_count; ++i)
        tell(story, "           %s%s\n", describe(turn.out[i], side, ground).c_str(),
             (action.lost >> i & 1u) != 0 ? "  (lost)" : "");
}

void World::settle(const Turn& turn, uint8_t lost, Witness& witness) noexcept {
    auto& net = net_[turn.side];
    uint8_t& count = head_.in_flight[turn.side];
    for (unsigned i = 0; i < turn.out_count; ++i) {
        if ((lost >> i & 1u) != 0) continue;
        if (count == turn.ground.scenario.in_flight) {
            ++witness.overflows;
            continue;
        }
        net[count++] = turn.out[i];
    }
    for (unsigned side = 0; side < 2; ++side) hosts_[side].check(hosts_[1 - side], turn.ground, witness);
    normalise();
}

/// The time of day goes back to the epoch, but for its place within the grain.
void World::normalise() noexcept {
    const uint32_t ticks = (head_.tick & ~(kGrain - 1)) - kEpoch;
    head_.tick -= ticks;
    for (unsigned side = 0; side < 2; ++side) {
        hosts_[side].normalise(ticks);
        const auto end = net_[side].begin() + head_.in_flight[side];
        for (auto p = net_[side].begin(); p != end; ++p) {
            if ((p->options & Packet::kTs) == 0) continue;
            p->ts_val -= ticks;
            if (p->has(wire::kAck)) p->ts_ecr -= ticks;
        }
        std::sort(net_[side].begin(), end, [](const Packet& a, const Packet& b) noexcept {
            return std::memcmp(&a, &b, sizeof(Packet)) < 0;
        });
    }
}

size_t World::pack(uint8_t* out) const noexcept {
    size_t at = 0;
    for_each_part(*this, [&](const void* part, size_t size) noexcept {
        std::memcpy(out + at, part, size);
        at += size;
    });
    return at;
}

size_t World::unpack(const uint8_t* in) noexcept {
    size_t at = 0;
    for_each_part(*this, [&](void* part, size_t size) noexcept {
        std::memcpy(part, in + at, size);
        at += size;
    });
    return at;
}

std::string describe(const Packet& p, unsigned from, const Ground& ground) {
    const auto relative = [&ground](unsigned side, uint32_t seq) {
        // The life whose ISS is nearest below, allowing for the octet before it.
        const uint32_t distance = seq - ground.iss(side, 0).value() + 10'000;
        const uint32_t life = distance / Ground::kLifeDistance;
        if (life >= kMaxLives) return std::to_string(seq) + " (absolute)";
        const auto offset = static_cast<int32_t>(distance % Ground::kLifeDistance) - 10'000;
        return (life != 0 ? std::to_string(life + 1) + ":" : "") + std::to_string(offset);
    };
    std::string flags;
    for (const auto& [bit, letter] : {std::pair{wire::kFin, 'F'},
                                      {wire::kSyn, 'S'},
                                      {wire::kRst, 'R'},
                                      {wire::kPsh, 'P'},
                                      {wire::kAck, '.'}})
        if (p.has(bit)) flags += letter;
    std::string out;
    out += kHostNames[from];
    out += " > ";
    out += kHostNames[1 - from];
    out += ": Flags [" + flags + "], seq " + relative(from, p.seq);
    if (p.has(wire::kAck)) out += ", ack " + relative(1 - from, p.ack);
    out += ", win " + std::to_string(p.wnd);
    if ((p.options & Packet::kTs) != 0) {
        out += ", TS val " + std::to_string(static_cast<int32_t>(p.ts_val)) + " ecr " +
               std::to_string(static_cast<int32_t>(p.ts_ecr));
    }
    for (unsigned i = 0; i < p.blocks(); ++i)
        out += std::string(i == 0 ? ", sack " : " ") + "{" + relative(1 - from, p.sack[2 * i]) + ":" +
               relative(1 - from, p.sack[2 * i + 1]) + "}";
    return out + ", length " + std::to_string(p.len);
}

}  // namespace synfin::exhaustive
