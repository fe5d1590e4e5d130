#include "explorer.hh"

#include <bit>
#include <chrono>
#include <cstdio>
#include <optional>
#include <utility>

namespace synfin::exhaustive {

namespace {

/// Mixes words one by one; each step is a bijection of the hash state, so no information is lost.
uint64_t hash_of(const uint8_t* bytes, size_t size) noexcept {
    uint64_t h = size * 0x9e37'79b9'7f4a'7c15ull;
    const auto mix = [&h](uint64_t word) noexcept {
        word *= 0xd6e8'feb8'6659'fd93ull;
        word ^= word >> 32;
        h = (std::rotl(h, 23) ^ word) * 0xa076'1d64'78bd'642full;
        h ^= h >> 29;
    };
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        uint64_t word;
        std::memcpy(&word, bytes + i, 8);
        mix(word);
    }
    uint64_t rest = 0;
    std::memcpy(&rest, bytes + i, size - i);
    mix(rest);
    h *= 0xe703'7ed1'a0b4'28dbull;
    h ^= h >> 32;
    return h != 0 ? h : 1;  // 0 is the empty slot
}

/// The hash of the state without its budget, which a fair network does not use.
uint64_t hash_of(const World& world) noexcept {
    uint8_t bytes[World::kMaxBytes];
    return hash_of(bytes, world.pack(bytes));
}

uint64_t with_budget(uint64_t hash, Budget budget) noexcept {
    const uint8_t bytes[8] = {budget.drops, budget.duplicates, budget.time_outs};
    return hash_of(bytes, sizeof bytes) ^ hash;
}

void append(std::vector<uint8_t>& to, const void* bytes, size_t size) {
    const auto* p = static_cast<const uint8_t*>(bytes);
    to.insert(to.end(), p, p + size);
}

/// For a host that retransmits: whether its last retransmission reached the other end and had no effect.
bool is_in_vain(const World& world, unsigned side, std::optional<Host::Progress>& asked) {
    const Host& host = world.host(side);
    const auto last = std::exchange(asked, host.progress());
    return last == asked && host.is_peer_of(world.host(1 - side));
}

constexpr unsigned kFairSteps = 400;    ///< a longer continuation counts as endless
constexpr unsigned kLonelyTimers = 50;  ///< expiries within which a host must give up its peer

}  // namespace

bool HashSet::insert(uint64_t hash) {
    if (size_ * 4 >= slots_.size() * 3) {
        std::vector<uint64_t> old(slots_.size() * 2, 0);
        old.swap(slots_);
        const size_t mask = slots_.size() - 1;
        for (const uint64_t h : old) {
            if (h == 0) continue;
            size_t i = h & mask;
            while (slots_[i] != 0) i = (i + 1) & mask;
            slots_[i] = h;
        }
    }
    const size_t mask = slots_.size() - 1;
    size_t i = hash & mask;
    while (slots_[i] != 0) {
        if (slots_[i] == hash) return false;
        i = (i + 1) & mask;
    }
    slots_[i] = hash;
    ++size_;
    return true;
}

bool HashSet::contains(uint64_t hash) const noexcept {
    const size_t mask = slots_.size() - 1;
    for (size_t i = hash & mask; slots_[i] != 0; i = (i + 1) & mask)
        if (slots_[i] == hash) return true;
    return false;
}

Report Explorer::run(const Limits& limits) {
    const auto start = std::chrono::steady_clock::now();
    const auto out_of_time = [&] {
        return limits.seconds > 0 &&
               std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() >
                   limits.seconds;
    };
    // Two generations: for each state its node's number, its budget and the packed state.
    std::vector<uint8_t> current, next;
    const World first(ground_.scenario);
    uint8_t packed[World::kMaxBytes];
    nodes_.push_back({0, 0});
    visited_.insert(with_budget(hash_of(first), first.budget()));
    const uint32_t root = 0;
    const Budget budget = first.budget();
    append(current, &root, sizeof root);
    append(current, &budget, sizeof budget);
    append(current, packed, first.pack(packed));
    World world(ground_.scenario);
    bool stopped = false;
    while (!current.empty() && report_.depth < ground_.scenario.depth && !stopped) {
        next.clear();
        for (size_t at = 0; at < current.size();) {
            uint32_t node;
            std::memcpy(&node, current.data() + at, sizeof node);
            at += sizeof node;
            Budget left;
            std::memcpy(&left, current.data() + at, sizeof left);
            at += sizeof left;
            world.set_budget(left);
            at += world.unpack(current.data() + at);
            if (!expand(node, world, next)) {
                report_.states = visited_.size();
                return report_;
            }
            const uint64_t bytes = visited_.bytes() + good_.bytes() + alone_.bytes() +
                                   nodes_.capacity() * sizeof(Node) + current.capacity() + next.capacity();
            report_.bytes = std::max(report_.bytes, bytes);
            if (bytes > limits.bytes || ((node & 0xfffu) == 0 && out_of_time())) {
                stopped = true;
                break;
            }
        }
        if (!stopped) ++report_.depth;
        current.swap(next);
    }
    report_.complete = current.empty() && !stopped;
    report_.states = visited_.size();
    report_.fair_states = good_.size();
    report_.lonely_states = alone_.size();
    return report_;
}

bool Explorer::expand(uint32_t node, const World& world, std::vector<uint8_t>& next) {
    at_ = node;
    bool sound = true;
    world.for_each_action(ground_, [&](Action action) {
        if (!sound) return;
        trying_ = action;
        World after = world;
        Turn turn = after.turn(ground_, report_.witness);
        after.act(action, turn);
        after.spend({.drops = 0,
                     .duplicates = static_cast<uint8_t>(action.kind == Action::Kind::duplicate),
                     .time_outs = static_cast<uint8_t>(action.kind == Action::Kind::time_out)});
        // Segments are lost only when sent; a loss later equals a long delay.
        for (unsigned lost = 0; lost < 1u << turn.out_count && sound; ++lost) {
            const auto drops = static_cast<uint8_t>(std::popcount(lost));
            if (drops > after.budget().drops) continue;
            World settled = after;
            settled.spend({.drops = drops, .duplicates = 0, .time_outs = 0});
            action.lost = static_cast<uint8_t>(lost);
            settled.settle(turn, action.lost, report_.witness);
            ++report_.transitions;
            sound = visit(node, action, settled, next);
        }
    });
    return sound;
}

/// Checks and records the state after a transition. False: it is faulty.
bool Explorer::visit(uint32_t parent, Action action, const World& world, std::vector<uint8_t>& next) {
    if (const char* fault = report_.witness.fault()) {
        fail(parent, &action, fault, false);
        return false;
    }
    uint8_t packed[World::kMaxBytes];
    const size_t size = world.pack(packed);
    const uint64_t hash = hash_of(packed, size);
    if (!visited_.insert(with_budget(hash, world.budget()))) return true;
    const auto node = static_cast<uint32_t>(nodes_.size());
    nodes_.push_back({parent, action.packed()});
    const Budget budget = world.budget();
    append(next, &node, sizeof node);
    append(next, &budget, sizeof budget);
    append(next, packed, size);
    const bool fair = is_fair_end(world, hash, nullptr);
    if (!fair || !ends_alone(world)) {
        fail(node, nullptr, report_.witness.fault(), !fair);
        return false;
    }
    return true;
}

/// Delivers everything and fires timers until nothing changes, or until a state is reached that is known to
/// end well.
Explorer::Rest Explorer::run_to_rest(World& world, std::string* story) {
    Witness quiet;
    quiet.story = story;
    unsigned turn_of = 0;
    std::optional<Host::Progress> asked[2];
    for (unsigned step = 0; step < kFairSteps; ++step) {
        Action action;
        if (world.in_flight(0) + world.in_flight(1) != 0) {
            turn_of ^= 1u;
            if (world.in_flight(turn_of) == 0) turn_of ^= 1u;
            action = {Action::Kind::deliver, static_cast<uint8_t>(turn_of), 0, 0};
        } else if (world.is_first_deadline(ground_, 0)) {
            action = {Action::Kind::time_out, 0, 0, 0};
        } else if (world.is_first_deadline(ground_, 1)) {
            action = {Action::Kind::time_out, 1, 0, 0};
        } else {
            return Rest::reached;
        }
        Turn turn = world.turn(ground_, quiet);
        // The answer to a probe may bring nothing new: FIN behind a hole is not reported.
        const bool is_timeout =
            action.kind == Action::Kind::time_out && !world.host(action.host).awaits_probe();
        world.act(action, turn);
        if (is_timeout && turn.sends_text_or_flag()) {
            quiet.require(!is_in_vain(world, turn.side, asked[turn.side]),
                          "retransmits to a peer that lives and does not answer");
        }
        world.settle(turn, 0, quiet);
        if (quiet.fault() != nullptr) {
            report_.witness.require(false, quiet.fault());
            return Rest::never;
        }
        path_.push_back(hash_of(world));
        if (story == nullptr && good_.contains(path_.back())) return Rest::known;
    }
    report_.witness.require(false, "does not come to rest: a livelock");
    return Rest::never;
}

/// From `start`: the network is fair, nobody calls anything: a rest that may last. Then each application that
/// still has a connection closes it: everything ends, nothing is left.
bool Explorer::is_fair_end(const World& start, uint64_t hash, std::string* story) {
    if (story == nullptr && good_.contains(hash)) return true;
    path_.assign(1, hash);
    World world = start;
    Witness& w = report_.witness;
    Rest rest = run_to_rest(world, story);
    if (rest == Rest::reached) {
        for (unsigned side = 0; side < 2; ++side) world.host(side).check_rest(world.host(1 - side), w);
        close_all(world, story);
        if (w.fault() == nullptr) rest = run_to_rest(world, story);
    }
    if (rest == Rest::reached) {
        for (unsigned side = 0; side < 2; ++side) {
            const Host& host = world.host(side);
            w.require(host.state() == tcp::State::closed,
                      "a connection that both sides have closed does not end");
            w.require(!host.has_connection(), "an application is never told of the end");
        }
    }
    if (w.fault() != nullptr) return false;
    for (const uint64_t passed : path_) good_.insert(passed);
    return true;
}

/// From `world`: nothing arrives any more on either side. Each gives up in its time, or rests where the RFC
/// lets it rest, until it is closed.
bool Explorer::ends_alone(const World& world) {
    for (unsigned side = 0; side < 2; ++side) {
        uint8_t bytes[World::kMaxBytes];
        size_t size = 0;
        Host host = world.host(side);
        Host::for_each_part(host, [&](const void* part, size_t n) noexcept {
            std::memcpy(bytes + size, part, n);
            size += n;
        });
        if (!alone_.insert(hash_of(bytes, size))) continue;
        Witness quiet;
        uint32_t tick = world.turn(ground_, quiet).tick;
        const auto wait = [&] {
            for (unsigned n = 0; n < kLonelyTimers; ++n) {
                const auto deadline = host.next_deadline(ground_, tick);
                if (!deadline) return true;
                if (static_cast<int32_t>(*deadline - tick) > 0) tick = *deadline;
                Turn turn{.ground = ground_, .tick = tick, .witness = quiet, .input = {}, .side = side};
                turn.input.kind = Input::Kind::time_out;
                host.fire(turn);
            }
            return false;
        };
        quiet.require(wait(), "tries for ever to reach a peer that is gone");
        if (host.may(kClose, ground_, tick)) {
            Turn turn{.ground = ground_, .tick = tick, .witness = quiet, .input = {}, .side = side};
            host.call(kClose, turn);
            quiet.require(wait(), "tries for ever to close towards a peer that is gone");
        }
        quiet.require(host.state() == tcp::State::closed && !host.has_connection(),
                      "does not end when the peer is gone");
        if (quiet.fault() != nullptr) {
            report_.witness.require(false, quiet.fault());
            return false;
        }
    }
    return true;
}

void Explorer::close_all(World& world, std::string* story) {
    Witness quiet;
    quiet.story = story;
    for (uint8_t side = 0; side < 2; ++side) {
        if (!world.host(side).may(kClose, ground_, 0)) continue;
        Turn turn = world.turn(ground_, quiet);
        world.act({Action::Kind::call, side, std::countr_zero<uint8_t>(kClose), 0}, turn);
        world.settle(turn, 0, quiet);
    }
    if (quiet.fault() != nullptr) report_.witness.require(false, quiet.fault());
    path_.push_back(hash_of(world));
}

void Explorer::fail(uint32_t node, const Action* last, const char* fault, bool in_continuation) {
    report_.fault = fault;
    report_.trace = replay(node, last, in_continuation);
}

std::string Explorer::current_trace() const {
    return replay(at_, &trying_, false);
}

/// The shortest path to a node as text; `last` is the action that failed there.
std::string Explorer::replay(uint32_t node, const Action* last, bool in_continuation) const {
    std::vector<Action> way;
    for (uint32_t n = node; n != 0; n = nodes_[n].parent) way.push_back(Action::unpack(nodes_[n].action));
    std::string story;
    Witness witness;
    witness.story = &story;
    World world(ground_.scenario);
    const auto step = [&](Action action) {
        Turn turn = world.turn(ground_, witness);
        world.act(action, turn);
        world.settle(turn, action.lost, witness);
    };
    for (size_t i = way.size(); i-- > 0;) step(way[i]);
    if (last != nullptr) step(*last);
    if (in_continuation) {
        story += "           --- from here on nothing is lost, and then both sides close:\n";
        Explorer again(ground_.scenario);
        again.is_fair_end(world, hash_of(world), &story);
    }
    return story;
}

std::string Report::text() const {
    char line[256];
    std::snprintf(line, sizeof line,
                  "  depth %u (%s), %llu distinct states, %llu transitions, %llu fair and %llu lonely "
                  "continuations, %llu MiB\n",
                  depth, complete ? "the whole space" : "cut here", static_cast<unsigned long long>(states),
                  static_cast<unsigned long long>(transitions), static_cast<unsigned long long>(fair_states),
                  static_cast<unsigned long long>(lonely_states),
                  static_cast<unsigned long long>(bytes >> 20));
    std::string out = line;
    out += "  ends told:";
    for (unsigned r = 0; r < static_cast<unsigned>(tcp::CloseReason::kCount); ++r) {
        if (witness.ends[r] != 0)
            out += " " + std::string(name(static_cast<tcp::CloseReason>(r))) + " " +
                   std::to_string(witness.ends[r]);
    }
    if (witness.overflows != 0)
        out += "; segments lost because the network was full: " + std::to_string(witness.overflows);
    return out + "\n" + witness.edges.text();
}

}  // namespace synfin::exhaustive
