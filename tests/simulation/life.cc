#include "life.hh"

#include <algorithm>
#include <array>

#include "fakes/invariants.hh"
#include "fakes/packet.hh"
#include "synfin/virtual_stack.hh"

namespace synfin::simulation {

const char* name(Kind kind) {
    constexpr const char* kNames[] = {
        "opener closes",   "acceptor closes", "both close", "opener half-closes", "acceptor half-closes",
        "both half-close", "collision",       "abort",      "rude close",         "close while opening"};
    return kNames[static_cast<size_t>(kind)];
}

namespace {

constexpr uint16_t kPort = 80, kOpenerPort = 50000;
constexpr Duration kPatience = 3h;
constexpr Duration kTired = 10min;  ///< then an application ends a connection from which nothing comes

uint8_t stream_byte(uint32_t offset, unsigned from) {
    return static_cast<uint8_t>(offset * 7 + offset / 251 * 3 + from * 101);
}

/// What one side means to do.
struct Plan {
    uint32_t to_send = 0;
    bool wait_for_fin_to_send = false;  ///< the data flows after the peer's FIN
    bool shutdown_when_sent = false;
    bool close_when_complete = false;  ///< all sent, all received: no need to see the peer's FIN
    std::optional<Duration> abort_at, close_at;
};

/// One side's application.
struct App {
    unsigned me = 0;
    Plan plan;
    Connection c{};
    bool has_handle = false, opened = false, told = false, said_fin = false, eof = false;
    bool shut = false, closed = false, aborted = false;
    uint32_t sent = 0, received = 0, expected = 0;
    Instant paused_until{};
    CloseInfo why{};
    unsigned opens = 0, closes = 0;
};

class Life {
  public:
    Life(uint64_t seed, const Faults& faults, fakes::Family family);
    LifeResult run();

  private:
    void plan();
    stack::StackConfig stack_config(unsigned side);
    void start();
    void step();
    void collect(unsigned side);
    void take_events(unsigned side);
    void act(App& app);
    void read(App& app);
    void write(App& app);
    bool finished() const;
    void judge();
    void judge_leftovers();
    void fail(const std::string& why);
    std::string dump() const;
    VirtualStack& stack(unsigned side) { return *stacks_[side]; }
    const Stack& view(unsigned side) const { return std::as_const(*stacks_[side]).stack(); }
    Duration elapsed() const { return stacks_[0]->now() - start_; }

    uint64_t seed_;
    fakes::Family family_;
    std::array<IpAddress, 2> addr_;  ///< 0 opens, 1 accepts
    Random random_;
    Kind kind_;
    Duration delay_;
    FaultyWire wire_;
    std::array<std::optional<VirtualStack>, 2> stacks_;
    std::array<fakes::Invariants, 2> invariants_;
    std::array<App, 2> apps_;
    std::array<uint64_t, 2> collected_{}, delivered_{};
    std::array<std::optional<uint32_t>, 2> right_edge_{};
    std::array<int, 2> shift_{};
    std::array<bool, 2> offered_shift_{};
    bool hard_;
    size_t events_ = 0;
    bool second_connects_ = false;
    Instant start_{}, second_connect_at_{};
    LifeResult result_;
    struct Logged {
        fakes::Packet packet;
        unsigned from;
    };
    std::vector<Logged> log_;
};

Life::Life(uint64_t seed, const Faults& faults, fakes::Family family)
    : seed_(seed),
      family_(family),
      addr_{fakes::host(1, family), fakes::host(2, family)},
      random_(seed * 2654435761u + 1),
      kind_(static_cast<Kind>(seed % static_cast<uint64_t>(Kind::kCount))),
      delay_(Duration(100us) * (1 + random_.below(500))),
      wire_(faults, delay_, seed ^ 0x77697265),
      hard_(faults.loss >= 200'000) {
    result_.kind = kind_;
    plan();
    for (unsigned side = 0; side < 2; ++side) {
        stacks_[side].emplace(
            VirtualConfig{.address = fakes::on_net(addr_[side]), .stack = stack_config(side)});
        apps_[side].me = side;
    }
    start_ = stacks_[0]->now();
}

stack::StackConfig Life::stack_config(unsigned side) {
    constexpr uint32_t kBuffers[] = {4096, 20'000, 65'535, 256 * 1024};
    constexpr uint16_t kMtus[] = {1500, 1500, 576, 1492}, kMtus6[] = {1500, 1500, 1280, 1492};
    const bool six = family_ == fakes::Family::v6;
    stack::StackConfig c;
    if (six) c.addresses = {fakes::on_net(fakes::host(1 + side, fakes::Family::v4))};
    c.seed = seed_ * 2 + side + 1;
    c.max_connections = 8;
    c.max_half_open = 8;
    c.max_time_wait = 8;
    c.mtu = (six ? kMtus6 : kMtus)[random_.below(4)];
    c.tcp.receive_buffer_bytes = kBuffers[random_.below(4)];
    c.tcp.send_buffer_bytes = kBuffers[random_.below(4)];
    c.tcp.timestamps = random_.below(4) != 0;
    c.tcp.window_scale = random_.below(4) != 0;
    c.tcp.sack_permitted = random_.below(4) != 0;
    c.tcp.nagle = random_.below(2) != 0;
    return c;
}

void Life::plan() {
    auto size = [this]() -> uint32_t {
        switch (random_.below(5)) {
            case 0: return random_.below(3);
            case 1: return 1 + random_.below(500);
            case 2: return 1 + random_.below(5000);
            case 3: return 1 + random_.below(20'000);
            default: return 1 + random_.below(60'000);
        }
    };
    for (auto& app : apps_) app.plan.to_send = size();
    apps_[0].expected = apps_[1].plan.to_send;
    apps_[1].expected = apps_[0].plan.to_send;
    const auto any_time = [this] { return delay_ * random_.below(1200) / 100; };
    switch (kind_) {
        case Kind::opener_closes: apps_[0].plan.close_when_complete = true; break;
        case Kind::acceptor_closes: apps_[1].plan.close_when_complete = true; break;
        case Kind::collision:
        case Kind::both_close:
            apps_[0].plan.close_when_complete = apps_[1].plan.close_when_complete = true;
            break;
        case Kind::opener_half_closes:
            apps_[0].plan.shutdown_when_sent = true;
            apps_[1].plan.wait_for_fin_to_send = true;
            break;
        case Kind::acceptor_half_closes:
            apps_[1].plan.shutdown_when_sent = true;
            apps_[0].plan.wait_for_fin_to_send = true;
            break;
        case Kind::both_half_close:
            apps_[0].plan.shutdown_when_sent = apps_[1].plan.shutdown_when_sent = true;
            break;
        case Kind::abort: apps_[random_.below(2)].plan.abort_at = any_time(); break;
        case Kind::rude_close: apps_[random_.below(2)].plan.close_at = any_time(); break;
        case Kind::close_while_opening: {
            const Duration when = delay_ * random_.below(260) / 100;
            if (random_.below(3) == 0)
                apps_[0].plan.abort_at = when;
            else
                apps_[0].plan.close_at = when;
            break;
        }
        case Kind::kCount: break;
    }
}

void Life::start() {
    if (kind_ == Kind::collision) {
        second_connects_ = true;
        second_connect_at_ = start_ + delay_ * random_.below(99) / 100;
    } else if (!stack(1).listen(kPort)) {
        fail("listen was refused");
    }
    const auto c = stack(0).connect({addr_[1], kPort}, {.source_port = kOpenerPort});
    if (!c) return fail("connect was refused");
    apps_[0].c = *c;
    apps_[0].has_handle = true;
    collect(0);
}

/// Advances to the next time at which anything is due, and processes everything due then.
void Life::step() {
    std::optional<Instant> next = wire_.next();
    auto sooner = [&next](std::optional<Instant> at) {
        if (at && (!next || *at < *next)) next = at;
    };
    for (unsigned side = 0; side < 2; ++side) {
        sooner(stack(side).next_deadline());
        const App& app = apps_[side];
        if (app.has_handle && !app.told) {
            if (app.paused_until > stack(side).now()) sooner(app.paused_until);
            if (app.plan.abort_at && !app.aborted) sooner(start_ + *app.plan.abort_at);
            if (app.plan.close_at && !app.closed) sooner(start_ + *app.plan.close_at);
            if (app.opened && elapsed() < kTired) sooner(start_ + kTired);
        }
    }
    if (second_connects_) sooner(second_connect_at_);
    const Instant now = std::max(stack(0).now(), next.value_or(stack(0).now() + 1s));
    for (unsigned side = 0; side < 2; ++side) {
        stack(side).advance(now);
        collect(side);
    }
    if (second_connects_ && now >= second_connect_at_) {
        second_connects_ = false;
        const auto c = stack(1).connect({addr_[0], kOpenerPort}, {.source_port = kPort});
        if (!c) return fail("the second connect was refused");
        apps_[1].c = *c;
        apps_[1].has_handle = true;
        collect(1);
    }
    while (wire_.next() && *wire_.next() <= now) {
        const auto arrival = wire_.receive();
        ++delivered_[arrival.to];
        stack(arrival.to).input(arrival.bytes);
        collect(arrival.to);
        if (!result_.failure.empty()) return;
    }
    for (unsigned side = 0; side < 2; ++side) {
        size_t told = 0;
        do {  // handle events that a call causes at once
            told = events_;
            act(apps_[side]);
            collect(side);
        } while (events_ != told && result_.failure.empty());
    }
}

/// Moves sent packets to the wire, and events to the application.
void Life::collect(unsigned side) {
    while (auto bytes = stack(side).output()) {
        ++collected_[side];
        std::string complaint;
        auto packet = fakes::parse(*bytes, complaint);
        packet.at = stack(side).now();
        if (!complaint.empty()) fail("a sent packet: " + complaint);
        if (packet.has(fakes::kSyn)) {
            right_edge_[side].reset();
            offered_shift_[side] = packet.wscale.has_value();
            shift_[side] = packet.wscale.value_or(0);
        }
        if (packet.has(fakes::kAck) && !packet.has(fakes::kRst)) {
            const bool scaled = !packet.has(fakes::kSyn) && offered_shift_[0] && offered_shift_[1];
            const uint32_t edge = packet.ack + (uint32_t{packet.wnd} << (scaled ? shift_[side] : 0));
            // In TIME-WAIT the offered window has no meaning.
            const auto& app = apps_[side];
            if (right_edge_[side] && !app.told && static_cast<int32_t>(edge - *right_edge_[side]) < 0)
                fail("the advertised right edge moved left by " + std::to_string(*right_edge_[side] - edge));
            right_edge_[side] = edge;
        }
        packet.bytes.clear();
        log_.push_back({std::move(packet), side});
        wire_.send(1 - side, std::move(*bytes), stack(side).now());
    }
    take_events(side);
    const std::string broken = invariants_[side].check(view(side));
    if (!broken.empty()) fail("broken invariant at " + addr_[side].text() + ": " + broken);
}

void Life::take_events(unsigned side) {
    App& app = apps_[side];
    for (const auto& event : stack(side).take_events()) {
        ++events_;
        if (!app.has_handle && event.kind == Event::Kind::open) {
            const auto accepted = stack(side).accept();
            if (!accepted || !(*accepted == event.connection)) return fail("accept gives another connection");
            app.c = *accepted;
            app.has_handle = true;
        }
        if (!(event.connection == app.c)) {
            fail("an event for a connection that nobody has");
            continue;
        }
        if (app.told) fail("an event after the end was told");
        switch (event.kind) {
            case Event::Kind::open:
                app.opened = true;
                ++app.opens;
                break;
            case Event::Kind::close:
                app.told = true;
                app.why = event.why;
                ++app.closes;
                break;
            case Event::Kind::peer_fin: app.said_fin = true; break;
            case Event::Kind::data:
            case Event::Kind::writable:
            case Event::Kind::timer:
            case Event::Kind::post: break;
        }
    }
}

void Life::read(App& app) {
    if (app.eof || app.paused_until > stack(app.me).now()) return;
    uint8_t bytes[4096];
    for (;;) {
        const uint32_t want = 1 + random_.below(sizeof bytes);
        const auto got = stack(app.me).receive(app.c, MutableBytes(bytes, want));
        if (!got) return;
        if (*got == 0) {
            app.eof = true;
            return;
        }
        for (uint32_t k = 0; k < *got; ++k)
            if (bytes[k] != stream_byte(app.received + k, 1 - app.me))
                return fail("a wrong byte at stream offset " + std::to_string(app.received + k) + " of " +
                            addr_[app.me].text());
        app.received += *got;
        if (app.received > app.expected) return fail("more bytes than were sent");
        if (random_.below(200) == 0) {  // busy elsewhere: the window fills
            app.paused_until = stack(app.me).now() + delay_ * random_.below(2000) / 100;
            return;
        }
    }
}

void Life::write(App& app) {
    if (app.shut || app.closed || (app.plan.wait_for_fin_to_send && !app.eof)) return;
    uint8_t bytes[5000];
    while (app.sent < app.plan.to_send) {
        const uint32_t n = std::min(app.plan.to_send - app.sent, 1 + random_.below(sizeof bytes));
        for (uint32_t i = 0; i < n; ++i) bytes[i] = stream_byte(app.sent + i, app.me);
        const auto taken = stack(app.me).send(app.c, Bytes(bytes, n));
        if (!taken) return;
        app.sent += *taken;
        if (*taken < n) return;
    }
}

void Life::act(App& app) {
    if (!app.has_handle || app.told || !result_.failure.empty()) return;
    VirtualStack& s = stack(app.me);
    if (app.plan.abort_at && elapsed() >= *app.plan.abort_at && !app.aborted) {
        app.aborted = true;
        if (!s.abort(app.c)) fail("abort was refused");
        return;
    }
    if (app.plan.close_at && elapsed() >= *app.plan.close_at && !app.closed) {
        app.closed = true;
        if (!s.close(app.c)) fail("close was refused");
        return;
    }
    if (app.closed) return;
    read(app);
    write(app);
    if (!result_.failure.empty()) return;
    const bool all_sent = app.sent == app.plan.to_send;
    if (app.plan.shutdown_when_sent && all_sent && !app.shut && app.opened) {
        app.shut = true;
        static_cast<void>(s.shutdown(app.c));
    }
    const bool complete = app.plan.close_when_complete && all_sent && app.received == app.expected;
    // A side whose peer is gone learns this by ending the connection: a RST may have been lost.
    const bool tired = elapsed() >= kTired;
    if (app.opened && (complete || (app.eof && all_sent) || tired)) {
        app.closed = true;
        static_cast<void>(s.close(app.c));
    }
}

bool Life::finished() const {
    for (const auto& app : apps_)
        if (app.has_handle && !app.told) return false;
    return !second_connects_ && !wire_.next() && !stacks_[0]->next_deadline() && !stacks_[1]->next_deadline();
}

LifeResult Life::run() {
    start();
    while (result_.failure.empty() && !finished()) {
        step();
        const bool both_told = apps_[0].told && (apps_[1].told || !apps_[1].has_handle);
        if (both_told && result_.duration == Duration{}) result_.duration = elapsed();
        if (elapsed() > kPatience) fail("it does not end");
    }
    if (result_.failure.empty()) judge();
    if (result_.failure.empty()) judge_leftovers();
    for (unsigned side = 0; side < 2; ++side) {
        result_.retransmitted += view(side).counters()[Counter::retransmitted];
        result_.timeouts += view(side).counters()[Counter::rto_expirations];
    }
    result_.packets = wire_.sent();
    if (!result_.failure.empty()) result_.failure = dump();
    return result_;
}

/// The streams and the reasons.
void Life::judge() {
    const bool polite = kind_ < Kind::abort;
    for (const auto& app : apps_) {
        const std::string who = addr_[app.me].text();
        if (app.opens > 1) fail(who + " was told of the opening twice");
        if (app.closes != (app.has_handle ? 1u : 0u)) fail(who + " was not told of the end exactly once");
        if (!polite) continue;
        if (app.why.reason != CloseReason::fin || app.received != app.expected) result_.complete = false;
        // If one packet in five is lost, timeouts and TIME-WAIT may end before the last ACK arrives.
        if (hard_) continue;
        if (!app.opened) fail(who + " never opened");
        if (app.why.reason != CloseReason::fin) fail(who + " ended by " + std::string(name(app.why.reason)));
        if (app.received != app.expected)
            fail(who + " received " + std::to_string(app.received) + " of " + std::to_string(app.expected));
        if (app.sent != app.plan.to_send) fail(who + " could not send all");
    }
}

/// Records, packets, ports, timers, and the counters' balance.
void Life::judge_leftovers() {
    for (unsigned side = 0; side < 2; ++side) {
        // Wheel entries are removed when they would have fired; the longest deadline is TS.Recent's 24 days.
        for (int i = 0; i < 3; ++i) stack(side).advance(stack(side).now() + 10 * 24h);
        const App& app = apps_[side];
        const std::string who = addr_[side].text() + ": ";
        const std::string left = fakes::in_use(view(side).occupancy());
        if (!left.empty()) fail(who + "still in use: " + left);
        const Counters& c = view(side).counters();
        auto balance = [&](const char* what, uint64_t is, uint64_t should) {
            if (is != should)
                fail(who + what + " is " + std::to_string(is) + ", not " + std::to_string(should));
        };
        balance("closed", c[Counter::closed], app.has_handle ? 1 : 0);
        balance("established", c[Counter::established], app.opened ? 1 : 0);
        balance("active_opens", c[Counter::active_opens], side == 0 || kind_ == Kind::collision ? 1 : 0);
        if (c[Counter::passive_opens] <
            c[Counter::established] - (side == 0 || kind_ == Kind::collision ? app.opens : 0))
            fail(who + "established without an open");
        balance("tx_packets", c[Counter::tx_packets], collected_[side]);
        balance("rx_packets", c[Counter::rx_packets], delivered_[side]);
        // The port is free again.
        if (side == 0) {
            const auto c2 = stack(0).connect({addr_[1], kPort}, {.source_port = kOpenerPort});
            if (!c2)
                fail(who + "the port is still in use");
            else
                static_cast<void>(stack(0).abort(*c2));
        }
    }
}

void Life::fail(const std::string& why) {
    result_.failure += why + "\n";
}

std::string Life::dump() const {
    std::string out = "life " + std::to_string(seed_) + " (" + name(kind_) + ", " +
                      std::to_string(apps_[0].plan.to_send) + " bytes out, " +
                      std::to_string(apps_[1].plan.to_send) + " back, delay " + std::to_string(delay_ / 1us) +
                      " µs) failed at " + std::to_string(elapsed() / 1us) +
                      " µs; to see it alone: SYNFIN_SEED=" + std::to_string(seed_) +
                      (family_ == fakes::Family::v6 ? " SYNFIN_FAMILY=6\n" : "\n") + result_.failure;
    uint32_t isn[2] = {0, 0};
    for (const auto& [packet, from] : log_)
        if (packet.has(fakes::kSyn)) isn[from] = packet.seq;
    const size_t shown = 400, skip = log_.size() > shown ? log_.size() - shown : 0;
    if (skip != 0) out += "  (" + std::to_string(skip) + " packets before)\n";
    for (size_t i = skip; i < log_.size(); ++i)
        out += "  " + fakes::text(log_[i].packet, start_, isn[log_[i].from], isn[1 - log_[i].from]) + "\n";
    for (const auto& app : apps_)
        out += "  " + addr_[app.me].text() + ": sent " + std::to_string(app.sent) + ", received " +
               std::to_string(app.received) + (app.opened ? ", opened" : "") +
               (app.told ? ", ended by " + std::string(name(app.why.reason)) : "") + "\n";
    return out;
}

}  // namespace

LifeResult live(uint64_t seed, const Faults& faults, fakes::Family family) {
    return Life(seed, faults, family).run();
}

}  // namespace synfin::simulation
