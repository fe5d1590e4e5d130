#include "world.hh"

#include <cstdlib>
#include <cstring>
#include <map>

namespace synfin::fakes {

namespace {

constexpr size_t kLogged = 600;  ///< packets that a failure prints

/// Our first address with its network.
Cidr stack_addr() {
    return net_host(1);
}

/// The ISN that the stack would choose for this tuple at its start, found with an identical stack. Later ISNs
/// follow from the clock of RFC 6528.
uint32_t isn_at_start(const WorldConfig& config, const Flow& flow, bool active) {
    VirtualConfig probe_config{.address = stack_addr(), .stack = config.stack};
    VirtualStack probe(probe_config);
    if (active) {
        REQUIRE(probe.connect(flow.peer, {.source = flow.local.addr, .source_port = flow.local.port}));
    } else {
        REQUIRE(probe.listen(flow.local.port));
        Packet syn;
        syn.src = flow.peer.addr;
        syn.dst = flow.local.addr;
        syn.sport = flow.peer.port;
        syn.dport = flow.local.port;
        syn.flags = kSyn;
        syn.wnd = 1000;
        probe.input(build(syn));
    }
    const auto packet = probe.output();
    REQUIRE(packet.has_value());
    std::string complaint;
    return parse(*packet, complaint).seq;
}

}  // namespace

void stop_test(Site site, const std::string& message) {
    ADD_FAILURE_AT(site.file, site.line) << message;
    // The exception that gtest throws when configured to throw: it knows that the failure has been reported.
    throw testing::AssertionException(testing::TestPartResult(testing::TestPartResult::kFatalFailure,
                                                              site.file, site.line, message.c_str()));
}

const IsnMode& isn_mode() {
    static const IsnMode mode = [] {
        const char* name = std::getenv("SYNFIN_ISN");
        if (name != nullptr && std::strcmp(name, "zero") == 0) return IsnMode{0, 0, "zero"};
        if (name != nullptr && std::strcmp(name, "half") == 0) return IsnMode{0x7ffffffe, 0x7fffffff, "half"};
        return IsnMode{0xfffffffe, 0xffffffff, "wrap"};
    }();
    return mode;
}

bool timestamps_by_default() {
    static const bool on = [] {
        const char* value = std::getenv("SYNFIN_TIMESTAMPS");
        return value != nullptr && std::strcmp(value, "1") == 0;
    }();
    return on;
}

uint8_t stream_byte(uint32_t offset, bool from_stack) {
    return static_cast<uint8_t>(offset * 7 + offset / 251 * 3 + (from_stack ? 101 : 0));
}

std::string reasons(const std::vector<CloseInfo>& closes) {
    std::string out;
    for (const auto& close : closes) out += (out.empty() ? "" : " ") + std::string(name(close.reason));
    return out;
}

WorldConfig::WorldConfig()
    : timestamps(timestamps_by_default()), stack_isn(isn_mode().stack), peer_isn(isn_mode().peer) {
    stack.seed = 0x5eed;
    stack.tcp.pacing = Pacing::off;  // tests expect every segment that cwnd permits
    stack.max_connections = 256;
    stack.max_time_wait = 256;
    stack.max_half_open = 64;
    if (const char* seed = std::getenv("SYNFIN_SEED")) stack.seed = std::strtoull(seed, nullptr, 0);
}

// -- Flow -----------------------------------------------------------------------------------------------

Flow::Flow(World& world, const IpAddress& peer_addr, uint16_t peer_port, const IpAddress& local_addr,
           uint16_t local_port)
    : peer{peer_addr, peer_port},
      local{local_addr, local_port},
      peer_isn(world.config().peer_isn),
      stack_isn(world.config().stack_isn),
      wnd(world.config().wnd),
      mss(world.config().mss),
      wscale(world.config().wscale),
      sack(world.config().sack),
      timestamps(world.config().timestamps),
      world_(world) {}

Packet Flow::make(const Seg& seg) const {
    Packet p;
    p.src = peer.addr;
    p.dst = local.addr;
    p.sport = peer.port;
    p.dport = local.port;
    const uint32_t len = seg.len.value_or(0);
    p.flags = seg.flags.value_or(kAck | (len > 0 ? kPsh : 0));
    const uint32_t seq = seg.seq.value_or(nxt);
    p.seq = peer_isn + seq;
    if (seg.ack || p.has(kAck)) p.ack = stack_isn + seg.ack.value_or(rcv_nxt);
    p.wnd = static_cast<uint16_t>(seg.wnd.value_or(wnd));
    p.urg = seg.urg.value_or(0);
    p.reserved = seg.reserved;
    const bool syn = p.has(kSyn);
    if (syn) {
        p.mss = mss;
        p.wscale = wscale;
        p.sack_ok = sack;
    }
    if (seg.ts)
        p.ts = seg.ts;
    else if (!seg.no_ts && !p.has(kRst) &&
             (ts_on || (syn && timestamps && (!p.has(kAck) || last_tsval != 0))))
        p.ts = Ts{ts_offset + static_cast<uint32_t>(world_.elapsed() / 1ms), p.has(kAck) ? last_tsval : 0};
    p.options = seg.options;
    for (const auto& [left, right] : seg.sack) p.sack.emplace_back(stack_isn + left, stack_isn + right);
    const uint32_t first = seq + (syn ? 1 : 0) - 1;
    p.payload.resize(len);
    for (uint32_t i = 0; i < len; ++i) p.payload[i] = stream_byte(first + i, false);
    return p;
}

void Flow::in(const Seg& seg) {
    const Packet p = make(seg);
    if (p.has(kSyn) && !p.has(kRst)) nxt = seg.seq.value_or(nxt);
    if (p.seq - peer_isn == nxt && !p.has(kRst)) nxt += p.seg_len();
    world_.raw(build(p));
}

void Flow::learn(const Packet& p) {
    if (p.src.is_v6()) {  // RFC 6437 3: one label for all packets of a flow, and not zero
        if (p.flow_label == 0 || p.flow_label != flow_label_.value_or(p.flow_label))
            ADD_FAILURE() << "the flow label is " << p.flow_label << " after " << flow_label_.value_or(0);
        flow_label_ = p.flow_label;
    }
    if (p.ts) last_tsval = p.ts->val;
    if (p.has(kRst)) return;
    if (p.has(kSyn)) {
        if (!stack_isn_known || p.seq != stack_isn) {  // a new incarnation
            stack_isn = p.seq;
            rcv_nxt = 0;
            right_edge_.reset();
        }
        stack_isn_known = true;
        ts_on = timestamps && p.ts.has_value();
        wscale_on = wscale.has_value() && p.wscale.has_value();
        stack_wscale = p.wscale.value_or(0);
    }
    const uint32_t seq = p.seq - stack_isn;
    if (seq == rcv_nxt) rcv_nxt += p.seg_len();

    if (check_payload)
        for (uint32_t i = 0; i < p.payload.size(); ++i)
            if (p.payload[i] != stream_byte(seq - 1 + i + (p.has(kSyn) ? 1 : 0), true)) {
                ADD_FAILURE() << "the stack sent a wrong byte at stream offset " << seq - 1 + i;
                break;
            }
    if (p.has(kAck)) {  // RFC 9293 SHLD-14: the advertised right edge must not move left
        const uint32_t edge =
            p.ack + (static_cast<uint32_t>(p.wnd) << (p.has(kSyn) || !wscale_on ? 0 : stack_wscale));
        if (right_edge_ && static_cast<int32_t>(edge - *right_edge_) < 0)
            ADD_FAILURE() << "the advertised right edge moved left by " << *right_edge_ - edge;
        right_edge_ = edge;
    }
}

std::string Flow::mismatch(const Packet& got, const Seg& want) const {
    std::string out;
    auto differ = [&out](const char* what, auto wanted, auto is) {
        if (static_cast<int64_t>(wanted) != static_cast<int64_t>(is))
            out += std::string(what) + " is " + std::to_string(is) + ", not " + std::to_string(wanted) + "; ";
    };
    if (got.src != local.addr || got.dst != peer.addr || got.sport != local.port || got.dport != peer.port)
        return "belongs to another tuple; ";
    if (want.flags) {
        if (((got.flags ^ *want.flags) & ~kPsh) != 0) out += "flags are " + flags_text(got.flags) + "; ";
    } else if ((got.flags & (kSyn | kFin | kRst) & ~want.has) != 0) {
        out += "flags are " + flags_text(got.flags) + "; ";
    }
    if ((got.flags & want.has) != want.has) out += "flags lack " + flags_text(want.has & ~got.flags) + "; ";
    if (want.psh && !got.has(kPsh)) out += "PSH is not set; ";
    if (want.seq) differ("seq", *want.seq, got.seq - stack_isn);
    if (want.ack) {
        if (!got.has(kAck)) out += "no ACK; ";
        differ("ack", *want.ack, got.ack - peer_isn);
    }
    if (want.wnd) differ("wnd", *want.wnd, got.wnd);
    if (want.len) differ("len", *want.len, got.payload.size());
    if (want.mss) differ("mss", *want.mss, got.mss.value_or(0));
    if (want.wscale) differ("wscale", *want.wscale, got.wscale.value_or(-1));
    if (want.sack_ok) differ("sackOK", *want.sack_ok, got.sack_ok);
    if (want.urg) differ("urg", *want.urg, got.urg);
    if (want.no_ts && got.ts) out += "timestamps are there; ";
    if (want.ts) {
        if (!got.ts) return out + "no timestamps; ";
        differ("TSval", want.ts->val, got.ts->val);
        differ("TSecr", want.ts->ecr, got.ts->ecr);
    }
    return out;
}

void Flow::recv(const Seg& want, Site site) {
    auto got = world_.out();
    if (!got) stop_test(site, "nothing was sent");
    const std::string wrong = mismatch(*got, want);
    if (!wrong.empty())
        stop_test(site, "another segment was sent: " + wrong + "\n" +
                            text(*got, world_.start_, stack_isn, peer_isn));
    last_ = std::move(*got);
}

void Flow::recv_in(Duration from, Duration to, const Seg& want, Site site) {
    if (from > 0ms) {
        world_.silent(site);
        // Deadlines are ticks of a millisecond, counted from the tick in which they were set.
        world_.advance(from - 1ms);
        world_.silent(site);
    }
    if (!world_.advance_to_packet(to - from + (from > 0ms ? 1ms : 0ms)))
        stop_test(site, "nothing was sent between " + std::to_string(from / 1us) + " and " +
                            std::to_string(to / 1us) + " µs");
    recv(want, site);
}

void Flow::check(const Result<void>& result) const {
    if (!result)
        stop_test(SYNFIN_SITE, std::string("a call was refused: ") + synfin::describe(result.error()));
}

void Flow::send(uint32_t n) {
    std::vector<uint8_t> bytes(n);
    for (uint32_t i = 0; i < n; ++i) bytes[i] = stream_byte(app_sent + i, true);
    const auto taken = world_.stack().send(c, bytes);
    if (!taken) stop_test(SYNFIN_SITE, std::string("send was refused: ") + synfin::describe(taken.error()));
    if (*taken != n) stop_test(SYNFIN_SITE, "send took only " + std::to_string(*taken));
    app_sent += n;
    world_.pump();
}

uint32_t Flow::read_all() {
    uint32_t total = 0;
    std::vector<uint8_t> bytes(4096);
    for (;;) {
        const auto got = world_.stack().receive(c, bytes);
        if (!got || *got == 0) break;
        for (uint32_t i = 0; i < *got; ++i)
            if (bytes[i] != stream_byte(app_read + i, false)) {
                stop_test(SYNFIN_SITE,
                          "a wrong byte was delivered at stream offset " + std::to_string(app_read + i));
            }
        app_read += *got;
        total += *got;
    }
    world_.pump();
    return total;
}

void Flow::accept() {
    const auto accepted = world_.stack().accept();
    if (!accepted) stop_test(SYNFIN_SITE, std::string("accept: ") + synfin::describe(accepted.error()));
    c = *accepted;
    EXPECT_EQ(c.peer()->text(), peer.text());
    EXPECT_EQ(c.local()->text(), local.text());
    world_.pump();
}

Result<void> Flow::app_close() {
    const auto result = world_.stack().close(c);
    world_.pump();
    return result;
}

void Flow::shutdown() {
    check(world_.stack().shutdown(c));
    world_.pump();
}

void Flow::abort() {
    check(world_.stack().abort(c));
    world_.pump();
}

std::vector<CloseInfo> Flow::closes() const {
    world_.pump();
    std::vector<CloseInfo> out;
    for (const auto& event : world_.events_)
        if (event.kind == Event::Kind::close && event.connection == c) out.push_back(event.why);
    return out;
}

size_t Flow::count(Event::Kind kind) const {
    world_.pump();
    size_t n = 0;
    for (const auto& event : world_.events_)
        if (event.kind == kind && event.connection == c) ++n;
    return n;
}

std::optional<ConnectionInfo> Flow::find() const {
    struct Search {
        const Flow* flow;
        std::optional<ConnectionInfo> found;
    } search{this, {}};
    std::as_const(*world_.stack_)
        .stack()
        .for_each(
            [](void* context, const ConnectionInfo& info) {
                auto* s = static_cast<Search*>(context);
                if (info.local == s->flow->local && info.peer == s->flow->peer) s->found = info;
            },
            &search);
    return search.found;
}

State Flow::state() const {
    const auto found = find();
    return found ? found->state : State::closed;
}

ConnectionInfo Flow::info() const {
    const auto found = find();
    if (!found) stop_test(SYNFIN_SITE, "there is no record of " + peer.text());
    return *found;
}

void Flow::connect() {
    local.port = local.port == 80 ? 50000 : local.port;
    peer.port = peer.port == 40000 ? 80 : peer.port;
    world_.steer(*this, true);
    const auto made = world_.stack().connect(peer, {.source = local.addr, .source_port = local.port});
    if (!made) stop_test(SYNFIN_SITE, std::string("connect: ") + synfin::describe(made.error()));
    c = *made;
    world_.pump();
    RECV(*this, {.seq = 0, .flags = kSyn, .len = 0});
}

void Flow::open(Side side) {
    bring(State::established, side);
}

void Flow::bring(State want, Side side, bool half_close) {
    auto finish = [&] { return half_close ? shutdown() : close(); };
    switch (want) {
        case State::closed: return;
        case State::listen: world_.listen(local.port); return;
        case State::syn_sent: connect(); return;
        case State::syn_received:
            if (side == Side::active) {  // simultaneous open
                connect();
                in({.seq = 0, .flags = kSyn});
                RECV(*this, {.seq = 0, .ack = 1, .flags = kSyn | kAck});
            } else {
                world_.listen(local.port);
                world_.steer(*this, false);
                in({.seq = 0, .flags = kSyn});
                RECV(*this, {.seq = 0, .ack = 1, .flags = kSyn | kAck, .len = 0});
            }
            break;
        case State::established:
            if (side == Side::active) {
                connect();
                in({.seq = 0, .ack = 1, .flags = kSyn | kAck});
                RECV(*this, {.seq = 1, .ack = 1, .flags = kAck, .len = 0});
            } else {
                bring(State::syn_received, side);
                in({.seq = 1, .ack = 1});
                accept();
            }
            break;
        case State::fin_wait_1:
            bring(State::established, side);
            finish();
            RECV(*this, {.seq = 1, .ack = 1, .flags = kFin | kAck, .len = 0});
            break;
        case State::fin_wait_2:
            bring(State::fin_wait_1, side, half_close);
            in({.seq = 1, .ack = 2});
            break;
        case State::closing:
            bring(State::fin_wait_1, side, half_close);
            in({.seq = 1, .ack = 1, .flags = kFin | kAck});
            RECV(*this, {.seq = 2, .ack = 2, .flags = kAck, .len = 0});
            break;
        case State::time_wait:
            bring(State::fin_wait_2, side, half_close);
            in({.seq = 1, .ack = 2, .flags = kFin | kAck});
            RECV(*this, {.seq = 2, .ack = 2, .flags = kAck, .len = 0});
            break;
        case State::close_wait:
            bring(State::established, side);
            in({.seq = 1, .ack = 1, .flags = kFin | kAck});
            RECV(*this, {.seq = 1, .ack = 2, .flags = kAck, .len = 0});
            break;
        case State::last_ack:
            bring(State::close_wait, side);
            close();
            RECV(*this, {.seq = 1, .ack = 2, .flags = kFin | kAck, .len = 0});
            break;
    }
    SILENT(world_);
    const State is = state();
    if (is != want)
        stop_test(SYNFIN_SITE, "could not be brought to " + std::string(tcp::name(want)) + ": is " +
                                   std::string(tcp::name(is)));
}

void Flow::end_quick_acks() {
    for (int i = 0; i < 64; ++i) {
        in({.len = 1});
        read_all();
        const bool at_once = world_.out().has_value();
        if (at_once) continue;
        REQUIRE(world_.advance_to_packet(500ms));
        world_.discard();
        return;
    }
    stop_test(SYNFIN_SITE, "64 segments were all acknowledged at once: no ACK is ever delayed");
}

uint32_t Flow::full() const {
    const uint32_t fits = world_.config().stack.mtu - ip_header_bytes() - 20u;
    return std::min<uint32_t>(mss.value_or(default_mss()), fits) - (ts_on ? 12 : 0);
}

// -- World ----------------------------------------------------------------------------------------------

World::World(const std::function<void(WorldConfig&)>& change) {
    if (change) change(config_);
    if (!config_.exact_mtu) config_.stack.mtu = same_mtu(config_.stack.mtu);
    for (const auto& more : config_.more_addresses) config_.stack.addresses.push_back(more);
    VirtualConfig config{.address = stack_addr(), .stack = config_.stack};
    stack_ = std::make_unique<VirtualStack>(config);
    start_ = stack_->now();
    flows_.emplace_back(*this, host(2), uint16_t{40000}, stack_addr().addr, uint16_t{80});
}

World::~World() {
    if (testing::Test::HasFailure()) std::printf("%s", dump().c_str());
}

std::string World::dump() const {
    std::string out = std::string(is_ipv6() ? "IPv6, " : "") + "seed " + std::to_string(config_.stack.seed) +
                      ", ISNs " + isn_mode().name + ", now " + std::to_string(elapsed() / 1us) +
                      " µs; packets (> into the stack, < out of it):\n";
    for (const auto& [packet, from_stack] : log_) {
        const Flow* flow = &flows_.front();
        for (const auto& f : flows_)
            if ((from_stack ? packet.dport : packet.sport) == f.peer.port) flow = &f;
        out += (from_stack ? "  < " : "  > ") +
               text(packet, start_, from_stack ? flow->stack_isn : flow->peer_isn,
                    from_stack ? flow->peer_isn : flow->stack_isn) +
               "\n";
    }
    for (size_t i = 0; i < counters().drops.size(); ++i)
        if (counters().drops[i] != 0)
            out += "  dropped " + std::to_string(counters().drops[i]) + ": " +
                   synfin::meaning(static_cast<DropReason>(i)) + "\n";
    return out;
}

Flow& World::flow(uint16_t peer_port, const IpAddress& peer, uint16_t local_port, const IpAddress& local) {
    for (auto& f : flows_)
        if (f.peer == Endpoint{peer, peer_port} && f.local == Endpoint{local, local_port}) return f;
    return flows_.emplace_back(*this, peer, peer_port, local, local_port);
}

Flow* World::owner(const Packet& packet) {
    for (auto& f : flows_)
        if (f.peer == Endpoint{packet.dst, packet.dport} && f.local == Endpoint{packet.src, packet.sport})
            return &f;
    return nullptr;
}

void World::log(const Packet& packet, bool from_stack) {
    log_.push_back({packet, from_stack});
    if (log_.size() > kLogged) log_.pop_front();
}

void World::pump() {
    while (auto bytes = stack_->output()) {
        std::string complaint;
        Packet packet = parse(*bytes, complaint);
        packet.at = stack_->now();
        Flow* flow = packet.protocol == kTcp ? owner(packet) : nullptr;
        if (flow != nullptr) flow->learn(packet);
        log(packet, true);
        EXPECT_EQ(complaint, "") << "in a packet that the stack sent";
        EXPECT_TRUE(packet.df || packet.protocol != kTcp) << "DF is not set (RFC 1191)";
        sent_.push_back(std::move(packet));
    }
    for (auto& event : stack_->take_events()) {
        event.data = {};
        events_.push_back(event);
    }
    const std::string broken = invariants_.check(std::as_const(*stack_).stack());
    if (!broken.empty()) stop_test(SYNFIN_SITE, "broken invariant: " + broken);
}

void World::listen(uint16_t port) {
    if (listening_) return;
    REQUIRE(stack_->listen(port));
    listening_ = true;
}

void World::raw(Bytes packet) {
    std::string complaint;
    Packet parsed = parse(packet, complaint);
    parsed.at = stack_->now();
    log(parsed, false);
    stack_->input(packet);
    pump();
}

std::optional<Packet> World::out() {
    pump();
    if (sent_.empty()) return std::nullopt;
    Packet packet = std::move(sent_.front());
    sent_.pop_front();
    return packet;
}

void World::silent(Site site) {
    pump();
    if (sent_.empty()) return;
    std::string unexpected;
    for (const auto& packet : sent_)
        unexpected += text(packet, start_, main().stack_isn, main().peer_isn) + "\n";
    stop_test(site, "should have been silent, but sent:\n" + unexpected);
}

void World::advance(Duration d) {
    const Instant until = stack_->now() + d;
    int stuck = 0;
    for (;;) {
        const auto due = stack_->next_deadline();
        if (!due || *due > until) break;
        const Instant before = stack_->now();
        stack_->advance(std::max(*due, before));
        pump();
        stuck = stack_->now() == before ? stuck + 1 : 0;
        if (stuck > 1000) stop_test(SYNFIN_SITE, "next_deadline() does not move on");
    }
    stack_->advance(until);
    pump();
}

void World::at(Duration since_start) {
    REQUIRE(since_start >= elapsed());
    advance(since_start - elapsed());
}

bool World::advance_to_packet(Duration d) {
    const Instant until = stack_->now() + d;
    pump();
    for (int steps = 0; sent_.empty(); ++steps) {
        const auto due = stack_->next_deadline();
        if (!due || *due > until) {
            stack_->advance(until);
            pump();
            return !sent_.empty();
        }
        if (steps > 1'000'000) stop_test(SYNFIN_SITE, "next_deadline() does not move on");
        stack_->advance(std::max(*due, stack_->now()));
        pump();
    }
    return true;
}

Duration World::elapsed() const {
    return stack_->now() - start_;
}

uint64_t World::all_drops() const {
    uint64_t sum = 0;
    for (auto n : counters().drops) sum += n;
    return sum;
}

std::string World::leaks() const {
    return in_use(occupancy(), false);
}

void World::steer(Flow& flow, bool active) {
    if (steered_) return;
    steered_ = true;
    // The first ISN depends on the seed and the tuple; a probe for each, once per process.
    using Key = std::tuple<uint64_t, uint16_t, uint16_t, IpAddress, IpAddress>;
    static std::map<Key, uint32_t> known;
    const Key key{config_.stack.seed, flow.local.port, flow.peer.port, flow.peer.addr, flow.local.addr};
    auto it = known.find(key);
    if (it == known.end()) {
        WorldConfig probe = config_;
        it = known.emplace(key, isn_at_start(probe, flow, active)).first;
    }
    // Half a tick later, so that the ISN does not fall on an edge of the clock.
    const Duration wait = Duration(4us) * static_cast<uint32_t>(config_.stack_isn - it->second);
    stack_->advance(start_ + wait);
    start_ = stack_->now();
}

}  // namespace synfin::fakes
