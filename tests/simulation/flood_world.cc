#include "flood_world.hh"

#include <algorithm>

#include "fakes/invariants.hh"
#include "time/tsc_clock.hh"

namespace synfin::simulation {

using fakes::host;
using fakes::kAck;
using fakes::kFin;
using fakes::kPsh;
using fakes::kRst;
using fakes::kSyn;

namespace {

constexpr fakes::Family k4 = fakes::Family::v4, k6 = fakes::Family::v6;
constexpr auto kIdle = 2s;    ///< the server's application closes connections that say nothing for so long
constexpr auto kThink = 4ms;  ///< of a client, before its request
constexpr size_t kLive = 4;   ///< IPv4 connections of the clients that are open at any time
constexpr uint32_t kPeerAddress = 0xc0000207;  // 192.0.2.7
constexpr uint32_t kFirstPeerPort = 1024;

StackConfig server_config() {
    StackConfig out;
    out.addresses = {{host(1, k4), 16}, {host(1, k6), 64}};
    out.gateway = host(254, k4).v4;
    out.gateway_mac = kGatewayMac;
    out.gateway6 = host(254, k6).v6;
    out.gateway6_mac = kGatewayMac;
    out.dad = Dad::off;
    out.max_connections = 16'384;
    out.max_half_open = 1'024;
    out.max_time_wait = 16'384;
    out.max_recoveries = 1'024;
    out.max_text_bytes = 64 << 20;
    out.seed = 1;
    return out;
}

StackConfig client_config() {
    StackConfig out;
    out.addresses = {{host(2, k4), 16}, {host(2, k6), 64}};
    out.dad = Dad::off;
    out.max_connections = 4'096;
    out.seed = 2;
    return out;
}

Bytes block() {
    static const std::vector<uint8_t> kBlock(16 * 1024, 'r');
    return kBlock;
}

}  // namespace

FloodFrame::FloodFrame(Bytes ip, const Mac& source, uint32_t type, const Mac& destination)
    : is_v6_(type == 0x86dd) {
    bytes_.reserve(kEthernet + ip.size());
    bytes_.insert(bytes_.end(), destination.octets.begin(), destination.octets.end());
    bytes_.insert(bytes_.end(), source.octets.begin(), source.octets.end());
    bytes_.push_back(static_cast<uint8_t>(type >> 8));
    bytes_.push_back(static_cast<uint8_t>(type));
    bytes_.insert(bytes_.end(), ip.begin(), ip.end());
}

void Use::most(const Use& other) noexcept {
    half_open = std::max(half_open, other.half_open);
    open = std::max(open, other.open);
    time_wait = std::max(time_wait, other.time_wait);
    flows = std::max(flows, other.flows);
    recoveries = std::max(recoveries, other.recoveries);
    blocks = std::max(blocks, other.blocks);
    packets = std::max(packets, other.packets);
}

/// User tag: the millisecond of the last progress, and whether text without an end was asked for.
struct FloodWorld::ServerApp {
    static constexpr uint64_t kEndless = uint64_t{1} << 63;
    static constexpr uint32_t kVisited = 256;
    FloodWorld& world;
    uint32_t next = 0;

    uint64_t ms() const { return static_cast<uint64_t>(world.now_.ns() / 1'000'000); }
    void note(Connection c) const { c.set_user_tag((c.user_tag() & kEndless) | ms()); }
    void fill(Connection c) const {
        for (int i = 0; i < 64; ++i) {
            const auto taken = c.send(block());
            if (!taken || *taken < block().size()) return;
        }
    }
    void on_open(Connection c) const { note(c); }
    void on_data(Connection c, RxView& view) const {
        if (view.size() == 0) return;
        note(c);
        switch (view.bytes()[0]) {
            case kSmall: static_cast<void>(c.send(block().first(kResponse))); return;
            case kClose:
                static_cast<void>(c.send(block().first(1)));
                static_cast<void>(c.close());
                return;
            case kBig:
                c.set_user_tag(kEndless | ms());
                fill(c);
                return;
            default: return;
        }
    }
    void on_writable(Connection c) const {
        note(c);
        if ((c.user_tag() & kEndless) != 0) fill(c);
    }
    void on_peer_fin(Connection c) const { static_cast<void>(c.close()); }
    void on_close(Connection, const CloseInfo&) const {}
    /// As the command's --idle-timeout and --send-timeout do, some connections at a time.
    void end_idle() {
        const uint64_t oldest = ms() - static_cast<uint64_t>(kIdle / 1ms);
        next = world.server().visit_open(next, kVisited, [&](Connection c) {
            if ((c.user_tag() & ~kEndless) < oldest) static_cast<void>(c.abort());
        });
    }
};

struct FloodWorld::ClientApp {
    FloodWorld& world;
    std::vector<uint32_t> received{};
    std::vector<Connection> connections{};

    void on_open(Connection c) const { static_cast<void>(world.client_->stack.after(kThink, c.user_tag())); }
    void on_timer(uint64_t id) const {
        static constexpr uint8_t kRequest[] = {kSmall};
        static_cast<void>(Connection(connections[id]).send(Bytes(kRequest)));
    }
    void on_data(Connection c, RxView& view) {
        received[c.user_tag()] += view.size();
        if (received[c.user_tag()] == kResponse) static_cast<void>(c.close());
    }
    void on_writable(Connection) const {}
    void on_peer_fin(Connection) const {}
    void on_close(Connection, const CloseInfo& why) {
        Life& life = world.lives_[why.user_tag];
        life.is_over = true;
        life.is_done = why.reason == CloseReason::fin && received[why.user_tag] == kResponse;
        life.ended = world.now_;
    }
};

FloodWorld::FloodWorld(const Attack& attack, uint32_t clients) : attack_(attack), clients_per_s_(clients) {
    StackConfig config = server_config();
    if (attack.configure) attack.configure(config);
    server_ = std::make_unique<End>(config, kServerMac, true, 8192, 11);
    client_ = std::make_unique<End>(client_config(), kClientMac, false, 2048, 12);
    server_app_ = std::make_unique<ServerApp>(ServerApp{*this});
    client_app_ = std::make_unique<ClientApp>(ClientApp{*this});
    static_cast<void>(server().listen(80));
}

FloodWorld::~FloodWorld() = default;

uint32_t FloodWorld::random() noexcept {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    return static_cast<uint32_t>(random_ >> 16);
}

void FloodWorld::inject(const FloodFrame& frame) {
    if (!server_->port.deliver(frame.bytes(), {buf::Verdict::good, buf::Verdict::good})) return;
    ++delivered;
    ++attack_packets;
    attack_bytes += frame.bytes().size();
}

void FloodWorld::prepare() {
    run(5ms, false);  // neighbours are resolved
    if (attack_.prepare) attack_.prepare(*this);
    turn_server();
    is_prepared_ = true;
    attack_packets = attack_bytes = sent_packets = sent_bytes = cycles = most_cycles = 0;
}

void FloodWorld::open_peers(uint32_t count, const PeerOptions& options) {
    peer_options_ = options;
    peers_.resize(count);
    for (uint32_t i = 0; i < count; ++i) {
        Packet syn;
        syn.src = Ipv4{kPeerAddress};
        syn.dst = host(1, k4);
        syn.sport = static_cast<uint16_t>(kFirstPeerPort + i);
        syn.dport = 80;
        syn.seq = 1'000'000;
        syn.flags = kSyn;
        syn.wnd = options.window;
        syn.options = options.syn_options;
        inject(FloodFrame(syn));
        Packet later = syn;
        later.flags = kAck;
        later.options = options.options;
        AttackPeer& peer = peers_[i];
        peer.frame = FloodFrame(later);
        peer.nxt = syn.seq + 1;
        if (i % 256 == 255) turn_server();
    }
    turn_server();
}

void FloodWorld::hear_peer(const Heard& heard) {
    const uint32_t index = heard.port - kFirstPeerPort;
    if (heard.is_v6 || heard.address != kPeerAddress || index >= peers_.size()) return;
    AttackPeer& peer = peers_[index];
    if (heard.has(kRst)) {
        peer.is_open = false;
        return;
    }
    if (heard.has(kSyn)) {
        if (peer.is_open) return;
        peer.is_open = true;
        peer.una = peer.highest = heard.end();
        Packet ack;
        ack.src = Ipv4{kPeerAddress};
        ack.dst = host(1, k4);
        ack.sport = static_cast<uint16_t>(heard.port);
        ack.dport = 80;
        ack.seq = peer.nxt;
        ack.ack = peer.una;
        ack.flags = kAck | kPsh;
        ack.wnd = peer_options_.window;
        ack.options = peer_options_.options;
        ack.payload.assign(peer_options_.request.begin(), peer_options_.request.end());
        inject(FloodFrame(ack));
        peer.nxt += static_cast<uint32_t>(ack.payload.size());
        peer.frame.seq(peer.nxt).ack(peer.una);
        return;
    }
    if (static_cast<int32_t>(heard.end() - peer.highest) > 0) peer.highest = heard.end();
}

void FloodWorld::hear(Bytes frame) {
    Heard heard;
    if (!heard.read(frame)) return;
    if (!peers_.empty()) hear_peer(heard);
    if (attack_.hear) attack_.hear(*this, heard);
}

void FloodWorld::take_from_server() {
    while (auto frame = server_->port.take()) {
        ++sent_packets;
        sent_bytes += frame->size();
        const bool is_group = ((*frame)[0] & 1) != 0;
        const bool is_client = std::equal(kClientMac.octets.begin(), kClientMac.octets.end(), frame->begin());
        if (!is_client && !is_group)
            hear(*frame);
        else
            to_client_.emplace_back(now_ + kStep, std::move(*frame));
    }
}

void FloodWorld::turn_server() {
    for (int i = 0; i < 10'000; ++i) {
        const uint64_t begin = is_timed ? TscClock::cycles() : 0;
        const bool is_busy = server().poll(*server_app_, now_);
        if (is_timed) {
            const uint64_t spent = TscClock::cycles() - begin;
            cycles += spent;
            most_cycles = std::max(most_cycles, spent);
        }
        take_from_server();
        if (!is_busy) return;
    }
}

void FloodWorld::turn_client() {
    for (int i = 0; i < 1'000; ++i) {
        const bool is_busy = client_->stack.poll(*client_app_, now_);
        while (auto frame = client_->port.take()) to_server_.emplace_back(now_ + kStep, std::move(*frame));
        if (!is_busy) return;
    }
}

void FloodWorld::open_client() {
    const size_t id = lives_.size();
    const auto opened = client_->stack.connect({host(1, id % 2 == 0 ? k4 : k6), 80});
    lives_.push_back({now_});
    client_app_->received.push_back(0);
    client_app_->connections.push_back(opened ? *opened : Connection{});
    if (!opened) {
        lives_.back().is_over = true;
        return;
    }
    Connection c = *opened;
    c.set_user_tag(id);
    if (id % 2 == 0 && c.local()) new_ports_.emplace_back(now_ + 2 * kStep, c.local()->port);
}

void FloodWorld::step(bool attacks) {
    now_ += kStep;
    ++steps_;
    for (; !to_client_.empty() && to_client_.front().first <= now_; to_client_.pop_front())
        static_cast<void>(client_->port.deliver(to_client_.front().second));
    constexpr auto kPerSecond = static_cast<uint64_t>(1s / kStep);
    for (owed_clients_ += clients_per_s_; owed_clients_ >= kPerSecond; owed_clients_ -= kPerSecond)
        open_client();
    turn_client();
    for (; !to_server_.empty() && to_server_.front().first <= now_; to_server_.pop_front())
        if (server_->port.deliver(to_server_.front().second)) ++delivered;
    for (; !new_ports_.empty() && new_ports_.front().first <= now_; new_ports_.pop_front()) {
        if (client_ports_.size() == kLive) client_ports_.erase(client_ports_.begin());
        client_ports_.push_back(new_ports_.front().second);
    }
    if (attacks)
        for (owed_attack_ += attack_.rate; owed_attack_ >= kPerSecond; owed_attack_ -= kPerSecond)
            attack_.send(*this, sent_++);
    turn_server();
    if (steps_ % 10 == 0) sample();
    if (steps_ % 10 == 0) server_app_->end_idle();
}

void FloodWorld::run(Duration time, bool attacks) {
    for (const Instant end = now_ + time; now_ < end;) step(attacks);
}

void FloodWorld::send_one() {
    attack_.send(*this, sent_++);
    turn_server();
}

void FloodWorld::settle(Duration most) {
    for (const Instant end = now_ + most; now_ < end;) {
        Instant next = now_ + 100ms;
        if (to_client_.empty() && to_server_.empty()) {
            const auto a = server().next_deadline(), b = client_->stack.next_deadline();
            if (!a && !b) {
                if (!server().records().any()) return;
            } else {
                next = std::min(next, std::max(std::min(a.value_or(next), b.value_or(next)), now_ + kStep));
            }
        } else {
            next = now_ + kStep;
        }
        now_ = next;
        for (; !to_client_.empty() && to_client_.front().first <= now_; to_client_.pop_front())
            static_cast<void>(client_->port.deliver(to_client_.front().second));
        turn_client();
        for (; !to_server_.empty() && to_server_.front().first <= now_; to_server_.pop_front())
            if (server_->port.deliver(to_server_.front().second)) ++delivered;
        turn_server();
        server_app_->end_idle();
    }
}

Use FloodWorld::use() const {
    const Occupancy now = server_->engine.occupancy();
    return {now.half_open,        now.open,        now.time_wait,     now.flow_lines,
            now.recovery_records, now.send_blocks, now.packets_in_use};
}

void FloodWorld::sample() {
    const RecordCount records = server().records();
    Use present;
    present.half_open = records.half_open;
    present.open = records.open;
    present.time_wait = records.time_wait;
    if (steps_ % 200 == 0) present = use();
    most_in_use.most(present);
}

std::string FloodWorld::in_use() const {
    return fakes::in_use(server_->engine.occupancy(), false);
}

std::string FloodWorld::imbalance() const {
    std::string out;
    auto compare = [&](const char* what, uint64_t a, uint64_t b) {
        if (a != b) out += std::string(what) + ": " + std::to_string(a) + " and " + std::to_string(b) + "\n";
    };
    const Counters& c = counters();
    compare("frames delivered, rx_packets", delivered, c[Counter::rx_packets]);
    const RecordCount records = server_->stack.records();
    compare("established, closed and open", c[Counter::established],
            c[Counter::closed] + (records.any() ? records.open : 0));
    compare("packets of the pool, of the engine", server_->port.in_use(),
            server_->engine.occupancy().packets_in_use);
    return out;
}

}  // namespace synfin::simulation
