// The input drives one whole stack: segments from four peers, time, calls, ICMP errors and raw packets. The
// checks: fakes/invariants.hh at every step, well-formed packets, the right bytes in both streams, one
// on_close for each connection, and no resource in use at the end.
//
// The first byte selects the configuration. An engine serves many inputs, because making one takes longer
// than running a story. After each story the engine must be empty. Its time then advances by kLap, so that an
// input has the same result in a used engine as in a fresh one, except for the stack's sequence numbers.

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "engine_peer.hh"
#include "fakes/invariants.hh"
#include "fakes/packet.hh"
#include "fuzz_target.hh"
#include "input_history.hh"
#include "story.hh"
#include "synfin/virtual_stack.hh"

using namespace synfin;         // NOLINT(google-build-using-namespace)
using namespace synfin::fakes;  // NOLINT(google-build-using-namespace)
using namespace synfin::fuzz;   // NOLINT(google-build-using-namespace)

namespace {

constexpr size_t kFlows = 4;
constexpr size_t kMaxInput = 600;  ///< longer stories are ignored: they reach no other code
constexpr uint64_t kStoriesPerEngine = 1000;
/// From one story's start to the next one's: a multiple of 2^16 ms (SYN cookies), of 1024 ms (user timeout)
/// and of 1 s (rate limits), so that both find the same phases. The clocks of ISNs and timestamps go on, so
/// the stack's sequence numbers differ.
constexpr Duration kLap = 475 * 8192s;        // 45 days
constexpr Duration kLongestStory = 40 * 24h;  ///< the longest timer is 24 days: RFC 7323 5.5

/// Bits of an input's first byte.
enum Variant : uint8_t {
    kNewReno = 1,
    kPlain = 2,        ///< neither SACK nor timestamps, but keepalive
    kOtherFamily = 4,  ///< not the one that SYNFIN_FAMILY names
    kScarce = 8,       ///< one record of each kind but open connections
    kVariants = 16
};

/// One stack that serves many stories.
struct Engine {
    explicit Engine(uint8_t variant)
        : family(((variant & kOtherFamily) != 0) == is_ipv6() ? Family::v4 : Family::v6),
          us(host(1, family)),
          peer(host(2, family)),
          stack(config(variant)) {}

    VirtualConfig config(uint8_t variant) const {
        VirtualConfig c{.address = on_net(us)};
        c.stack.addresses = {on_net(host(1, family == Family::v4 ? Family::v6 : Family::v4))};
        c.stack.seed = 1;
        c.stack.max_connections = 4;
        c.stack.max_half_open = variant & kScarce ? 1 : 4;
        c.stack.max_time_wait = variant & kScarce ? 1 : 2;
        if (variant & kScarce) c.stack.max_recoveries = 1;
        c.stack.tcp.receive_buffer_bytes = 6000;
        c.stack.tcp.send_buffer_bytes = 6000;
        if (variant & kNewReno) c.stack.tcp.congestion_control = CongestionControl::newreno;
        if (variant & kPlain) {
            c.stack.tcp.sack_permitted = c.stack.tcp.timestamps = false;
            c.stack.tcp.keepalive_idle = 20s;
        }
        return c;
    }

    Family family;
    IpAddress us, peer;
    VirtualStack stack;
    Invariants invariants;
};

/// What the application knows of one connection.
struct Handle {
    Connection c{};
    uint32_t read_seq = 0, write_seq = 0;  ///< absolute numbers of the next byte to read and to write
    bool numbered = false, told = false;
};

/// One story in an engine that is empty before and after it.
class Fuzzed {
  public:
    explicit Fuzzed(Engine& engine)
        : engine_(engine), stack_(engine.stack), start_(engine.stack.now()), before_(view().counters()) {
        for (size_t i = 0; i < kFlows; ++i) {
            // Two that connect to us, two that we connect to; ISNs around the wrap.
            PeerFlow& flow = flows_[i];
            flow.us = engine.us, flow.peer = engine.peer;
            flow.peer_port = static_cast<uint16_t>(i < 2 ? 40000 + i : 80 + i);
            flow.our_port = static_cast<uint16_t>(i < 2 ? 80 : 50000 + i);
            flow.nxt = 0xffffffff - static_cast<uint32_t>(i) * 5;
        }
        SYNFIN_CHECK(stack_.listen(80));
    }

    void step(Story& story) {
        const uint8_t what = story.byte();
        if (what >= 0x80)
            short_step(what, story);
        else
            long_step(what, story);
        settle();
    }

    /// Ends everything, and checks that nothing remains.
    void finish() {
        (void)stack_.unlisten(80);
        for (auto& handle : handles_) (void)stack_.abort(handle.c);
        settle();
        // 2 MSL, SYN-ACKs that expire, path MTUs.
        while (const auto due = stack_.next_deadline()) {
            stack_.advance(*due);
            settle();
        }
        stack_.advance(stack_.now() + 1h);
        settle();
        for (const auto& handle : handles_) SYNFIN_CHECK(handle.told);
        while (stack_.accept()) {
        }
        const std::string left = in_use(view().occupancy(), false);
        if (!left.empty()) std::fprintf(stderr, "still in use: %s\n", left.c_str());
        SYNFIN_CHECK(left.empty());
        SYNFIN_CHECK(!stack_.next_deadline());
        refuse_two();
        SYNFIN_CHECK(since(Counter::closed) == handles_.size());
        SYNFIN_CHECK(since(Counter::tx_packets) == sent_);
        SYNFIN_CHECK(since(Counter::rx_packets) == received_);
        SYNFIN_CHECK(stack_.now() < start_ + kLap);
        stack_.advance(start_ + kLap);
    }

    /// Of all that the stack has sent and told, but for its sequence numbers.
    uint64_t digest() const { return digest_; }

  private:
    const Stack& view() const { return std::as_const(stack_).stack(); }
    uint64_t since(Counter counter) const { return view().counters()[counter] - before_[counter]; }

    void input(Bytes packet) {
        if (packet.empty()) return;
        ++received_;
        stack_.input(packet);
    }
    void input(const Packet& packet) { input(build(packet)); }

    /// An empty engine still answers: with RST, and with IPv6 with a parameter problem. This begins
    /// another second for the limits of both, so that they do not remember the story.
    void refuse_two() {
        const uint64_t before = sent_;
        Packet p;
        p.src = engine_.peer, p.dst = engine_.us;
        p.sport = 9, p.dport = 81;
        p.flags = kSyn;
        input(p);
        settle();
        SYNFIN_CHECK(sent_ == before + 1);
        p.src = host(2, Family::v6), p.dst = host(1, Family::v6);
        p.protocol = 253;
        input(p);
        settle();
        SYNFIN_CHECK(sent_ == before + 2);
    }

    // Steps in which the story chooses every field.

    void long_step(uint8_t what, Story& story) {
        switch (what % 16) {
            case 8: raw(story); break;
            case 9: icmp(story); break;
            case 10:
            case 11: time(story); break;
            case 12:
            case 13:
            case 14:
            case 15: call(story); break;
            default: input(flows_[story.byte() % kFlows].any_segment(story)); break;
        }
    }

    void raw(Story& story) {
        auto bytes = story.bytes(20 + story.byte());
        if (engine_.family == Family::v6)
            raw6(bytes);
        else if (bytes.size() >= 40) {  // far enough to be judged by what it says
            bytes[0] = static_cast<uint8_t>(0x40 | std::clamp<int>(bytes[0] & 15, 5, 10));
            bytes[2] = static_cast<uint8_t>(bytes.size() >> 8);
            bytes[3] = static_cast<uint8_t>(bytes.size());
            bytes[16] = 10, bytes[17] = 0, bytes[18] = 0, bytes[19] = 1;
            if (bytes.size() >= static_cast<size_t>(bytes[0] & 15) * 4 + 20) fix_checksums(bytes);
        }
        input(bytes);
    }

    void raw6(std::vector<uint8_t>& bytes) const {
        if (bytes.size() < 44) return;
        bytes[0] = 0x60;
        bytes[4] = 0;
        bytes[5] = static_cast<uint8_t>(bytes.size() - 40);
        constexpr uint8_t kUsual[] = {kTcp, kIcmp6, kHopByHop, kDestination, kRouting, kFragment};
        if (bytes[6] & 0x80) bytes[6] = kUsual[bytes[6] % std::size(kUsual)];
        if ((bytes[8] & 3) != 0) std::copy_n(engine_.peer.v6.octets.begin(), 16, bytes.begin() + 8);
        const bool to_all = (bytes[24] & 7) == 0;
        const Ipv6 to = to_all ? Ipv6{{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}} : engine_.us.v6;
        std::copy_n(to.octets.begin(), 16, bytes.begin() + 24);
        fix_checksums(bytes);
    }

    void icmp(Story& story) {
        if (last_sent_.empty()) return;
        const size_t header = ip_header_bytes(engine_.family);
        const uint8_t type = story.byte() % 16, code = story.byte() % 16;
        auto quoted = last_sent_;
        if (story.byte() & 1) quoted[header + 7] ^= story.byte();
        const uint16_t rest = story.word();
        input(icmp_error(engine_.peer, engine_.us, type, code, quoted, rest, header + story.byte() % 24));
    }

    void advance_to(Instant then) {
        if (then < start_ + kLongestStory) stack_.advance(then);
    }

    void time(Story& story) {
        const uint8_t how = story.byte();
        const auto unit = Duration(1ms) * (1 << how % 18);
        advance_to(stack_.now() + unit * (1 + how / 18));
    }

    void call(Story& story) {
        const uint8_t what = story.byte();
        if (what % 16 == 0) return connect(flows_[2 + what / 16 % 2]);
        if (handles_.empty()) return;
        Handle& handle = handles_[story.byte() % handles_.size()];
        switch (what % 16) {
            case 1:
            case 2:
            case 3:
            case 4: write(handle, story.word() % 4000); break;
            case 5:
            case 6:
            case 7: read(handle, story.word() % 8000); break;
            case 8: (void)stack_.shutdown(handle.c); break;
            case 9:
            case 10: (void)stack_.close(handle.c); break;
            case 11: (void)stack_.abort(handle.c); break;
            case 12: (void)handle.c.set_no_delay((what & 16) != 0); break;
            case 13: (void)handle.c.set_user_timeout(Duration(1s) * story.byte()); break;
            case 14: (void)stack_.unlisten(80); break;
            default: (void)stack_.listen(80); break;
        }
    }

    // Steps of one or two bytes that do what a good or a lossy network and usual peers do, so that a short
    // story reaches an open connection and its recovery.

    void short_step(uint8_t what, Story& story) {
        PeerFlow& flow = flows_[what & 3];
        const unsigned style = what >> 2 & 3;
        constexpr uint32_t kText[] = {1, 100, 536, 1400};
        switch (what >> 4) {
            case 0x8: input(flow.acknowledge(style, story)); break;
            case 0x9: open(what & 3, story.byte()); break;
            case 0xa: input(flow.text(kText[style])); break;
            case 0xb: input(flow.odd_text(style, story)); break;
            case 0xc: to_deadline(what & 15); break;
            case 0xd: use(what & 3, style); break;
            case 0xe: unusual(flow, style, story); break;
            default: advance_to(stack_.now() + Duration(1ms) * (1 + (what & 15) * (what & 15))); break;
        }
    }

    /// The whole handshake.
    void open(unsigned i, uint8_t choice) {
        PeerFlow& flow = flows_[i];
        const bool is_active = i >= 2;
        if (is_active) {
            connect(flow);
            settle();
        }
        input(flow.syn(choice, is_active));
        settle();
        if (!is_active) input(flow.acknowledge_all());
    }

    /// To the n-th deadline from now, or shortly before the next one.
    void to_deadline(unsigned n) {
        const auto due = stack_.next_deadline();
        if (n >= 8 && due && *due > stack_.now() + 1ms) return advance_to(*due - 1ms);
        for (unsigned i = 0; i <= n % 8; ++i) {
            if (const auto next = stack_.next_deadline()) advance_to(*next);
            settle();
        }
    }

    void use(unsigned i, unsigned style) {
        if (handles_.empty()) return;
        Handle& handle = handles_[handles_.size() - 1 - i % handles_.size()];
        switch (style) {
            case 0: write(handle, 3000); break;
            case 1: read(handle, 8000); break;
            case 2: (void)stack_.shutdown(handle.c); break;
            default: (void)stack_.close(handle.c); break;
        }
    }

    void unusual(PeerFlow& flow, unsigned style, Story& story) {
        switch (style) {
            case 0: input(flow.fin(0)); break;
            case 1: input(flow.fin(100)); break;
            case 2: input(flow.rst()); break;
            default: {
                const uint8_t how = story.byte();
                flow.echoes_ecn = (how & 1) != 0;
                flow.tos = how >> 1 & 3;
                if (how & 8) flow.wnd = story.word();
            }
        }
    }

    void connect(const PeerFlow& flow) {
        const auto c = stack_.connect({engine_.peer, flow.peer_port}, {.source_port = flow.our_port});
        if (c) handles_.push_back({.c = *c});
    }

    void write(Handle& handle, uint32_t n) {
        if (!handle.numbered) return;
        std::vector<uint8_t> bytes(n);
        for (uint32_t i = 0; i < n; ++i) bytes[i] = byte_at(handle.write_seq + i);
        const auto taken = stack_.send(handle.c, bytes);
        if (taken) handle.write_seq += *taken;
    }

    void read(Handle& handle, uint32_t n) {
        std::vector<uint8_t> bytes(n);
        const auto got = stack_.receive(handle.c, bytes);
        if (!got || !handle.numbered) return;
        for (uint32_t i = 0; i < *got; ++i) SYNFIN_CHECK(bytes[i] == byte_at(handle.read_seq + i));
        handle.read_seq += *got;
    }

    Handle* handle_of(Connection c) {
        for (auto& handle : handles_)
            if (handle.c == c) return &handle;
        return nullptr;
    }

    /// What the stack has sent and told since, and whether all is well.
    void settle() {
        for (const auto& event : stack_.take_events()) {
            Handle* handle = handle_of(event.connection);
            if (handle == nullptr) {
                SYNFIN_CHECK(event.kind == Event::Kind::open);
                handle = &handles_.emplace_back(Handle{.c = event.connection});
            }
            SYNFIN_CHECK(!handle->told);
            if (event.kind == Event::Kind::close) handle->told = true;
            if (event.kind == Event::Kind::open) number(*handle);
            note(static_cast<uint32_t>(event.kind));
        }
        while (const auto bytes = stack_.output()) take(*bytes);
        const std::string broken = engine_.invariants.check(view());
        if (!broken.empty()) std::fprintf(stderr, "%s\n", broken.c_str());
        SYNFIN_CHECK(broken.empty());
    }

    /// The sequence numbers of the first bytes; the end of an opening that ended in the same step is not
    /// told.
    void number(Handle& handle) {
        const auto info = handle.c.info();
        if (!info) return;
        const bool fin = info->state == State::close_wait || info->state == State::closing ||
                         info->state == State::last_ack || info->state == State::time_wait;
        handle.read_seq = info->rcv_nxt - info->unread_bytes - (fin ? 1 : 0);
        handle.write_seq = info->snd_una + info->unsent_bytes + info->unacked_bytes;
        handle.numbered = true;
    }

    void take(const std::vector<uint8_t>& bytes) {
        ++sent_;
        std::string complaint;
        const Packet p = parse(bytes, complaint);
        if (!complaint.empty()) std::fprintf(stderr, "a sent packet: %s\n", complaint.c_str());
        SYNFIN_CHECK(complaint.empty());
        last_sent_ = bytes;
        note(p.protocol);
        if (p.protocol != kTcp) return;
        for (uint32_t i = 0; i < p.payload.size(); ++i) SYNFIN_CHECK(p.payload[i] == byte_at(p.seq + i));
        for (const uint32_t value :
             {static_cast<uint32_t>(p.flags), p.ack, uint32_t{p.wnd}, static_cast<uint32_t>(p.payload.size()),
              static_cast<uint32_t>(p.sack.size())})
            note(value);
        for (auto& flow : flows_)
            if (flow.peer_port == p.dport && flow.our_port == p.sport) flow.note(p);
    }

    void note(uint32_t value) { digest_ = (digest_ ^ value) * 0x100000001b3; }

    Engine& engine_;
    VirtualStack& stack_;
    Instant start_;
    Counters before_;
    std::array<PeerFlow, kFlows> flows_{};
    std::vector<Handle> handles_;
    std::vector<uint8_t> last_sent_;
    uint64_t sent_ = 0, received_ = 0, digest_ = 0xcbf29ce484222325;
};

uint64_t tell(Engine& engine, Story story) {
    Fuzzed fuzzed(engine);
    while (!story.ended()) fuzzed.step(story);
    fuzzed.finish();
    return fuzzed.digest();
}

/// The engines that are in use, made when first needed; all end together after kStoriesPerEngine inputs.
class Engines {
  public:
    Engine& get(uint8_t variant) {
        if (++stories_ > kStoriesPerEngine) {
            for (auto& engine : engines_) engine.reset();
            history_.clear();
            stories_ = 1;
        }
        auto& engine = engines_[variant];
        if (!engine) engine = std::make_unique<Engine>(variant);
        return *engine;
    }
    void remember(const uint8_t* data, size_t size) { history_.add(data, size); }

  private:
    std::array<std::unique_ptr<Engine>, kVariants> engines_;
    InputHistory history_;
    uint64_t stories_ = 0;
};

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0 || size > kMaxInput) return 0;
    static Engines engines;
    static const bool compares = std::getenv("SYNFIN_FUZZ_COMPARE") != nullptr;
    const auto variant = static_cast<uint8_t>(data[0] % kVariants);
    Engine& engine = engines.get(variant);
    engines.remember(data, size);
    const uint64_t digest = tell(engine, Story(data + 1, size - 1));
    if (compares) {  // an input does the same in a fresh engine
        const auto fresh = std::make_unique<Engine>(variant);
        SYNFIN_CHECK(tell(*fresh, Story(data + 1, size - 1)) == digest);
    }
    return 0;
}
