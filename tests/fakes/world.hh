#pragma once
/// @file
/// World: one VirtualStack (host(1)) and a scripted peer (host(2)) in virtual time, with the family of the
/// run. A segment is one line:
///
/// @code
///   World w;
///   w.bring(State::established, Side::passive);
///   w.in({.seq = 1, .ack = 1, .len = 100});
///   RECV(w, {.ack = 101});
///   SILENT(w);
/// @endcode
///
/// Sequence numbers are relative to the ISN of the sender of the bytes, so 0 is a SYN and 1 the first byte.
/// Every packet that the stack sends is checked (checksums, lengths, options, payload bytes, right edge of
/// the window). A failed test prints its seed and all packets.

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "invariants.hh"
#include "packet.hh"
#include "synfin/virtual_stack.hh"

namespace synfin::fakes {

using tcp::State;

/// The location of an expectation in a test.
struct Site {
    const char* file;
    int line;
};

/// Reports a failure at `site` and ends the test, from any depth.
[[noreturn]] void stop_test(Site site, const std::string& message);

/// A segment in relative numbers. in() sends it; absent fields take the peer's next natural value. RECV
/// expects it; absent fields are not checked, except that SYN, FIN and RST must be absent if not named.
struct Seg {
    std::optional<uint32_t> seq{};  ///< in: default the peer's next
    std::optional<uint32_t> ack{};  ///< in: default all that the stack sent in order, if ACK is set
    std::optional<int> flags{};     ///< in: default ACK, and PSH with data. RECV: exact, PSH aside
    std::optional<uint32_t> wnd{};  ///< the field as on the wire
    std::optional<uint32_t> len{};  ///< payload bytes
    std::optional<uint16_t> mss{};  ///< RECV only: on a SYN in() uses the flow's
    std::optional<int> wscale{};    ///< RECV only; -1: must be absent
    std::optional<bool> sack_ok{};  ///< RECV only
    std::optional<Ts> ts{};         ///< in: default the flow's clock if negotiated
    std::optional<uint16_t> urg{};
    bool no_ts = false;                                 ///< in: omit the option. RECV: it must be absent
    bool psh = false;                                   ///< RECV: PSH must be set
    int has = 0;                                        ///< RECV: these flags must be set; others may be
    std::vector<uint8_t> options{};                     ///< in: raw option bytes instead of the flow's
    int reserved = 0;                                   ///< in: the reserved bits
    std::vector<std::pair<uint32_t, uint32_t>> sack{};  ///< in: SACK blocks, in numbers of the stack's bytes
};

/// The range of the ISNs, from the environment (SYNFIN_ISN = wrap | half | zero). Every test runs with each
/// (row 41). `wrap`: the stack's SYN is 2^32-2 and the peer's 2^32-1.
struct IsnMode {
    uint32_t stack, peer;
    const char* name;
};
const IsnMode& isn_mode();
/// SYNFIN_TIMESTAMPS=1: the peer offers timestamps unless the test says otherwise.
bool timestamps_by_default();

/// The configuration of a World. The pools are small so that a test can fill them.
struct WorldConfig {
    WorldConfig();
    /// `mtu` is that of IPv4; with IPv6 the World adds 20 bytes, so that segments have the same size.
    stack::StackConfig stack{};
    bool exact_mtu = false;              ///< nothing is added to `stack.mtu`
    std::optional<uint16_t> mss = 1460;  ///< the peer's offer; none: no option
    std::optional<int> wscale{};
    bool sack = false;
    bool timestamps;
    uint16_t wnd = 65535;  ///< the field in each of the peer's segments
    uint32_t stack_isn, peer_isn;
    std::vector<Cidr> more_addresses{};
};

enum class Side { passive, active };

class World;

/// The peer's end of one connection.
class Flow {
  public:
    Flow(World& world, const IpAddress& peer, uint16_t peer_port, const IpAddress& local,
         uint16_t local_port);

    // -- the peer
    void in(const Seg& seg);                ///< the peer sends
    Packet make(const Seg& seg) const;      ///< what in() would send
    void recv(const Seg& want, Site site);  ///< the next packet that the stack has sent must be this
    void recv_in(Duration from, Duration to, const Seg& want, Site site);  ///< silent before, then this
    const Packet& last() const { return last_; }                           ///< the packet of the last recv
    uint32_t last_seq() const { return last_.seq - stack_isn; }
    uint32_t last_ack() const { return last_.ack - peer_isn; }

    // -- the application on the stack's side
    void send(uint32_t n);  ///< the stream's next n bytes; all must be taken
    uint32_t read_all();    ///< reads all that is available and checks it against the stream
    void accept();          ///< takes the connection from the listener's queue
    void close() { check(app_close()); }
    void shutdown();
    void abort();
    Result<void> app_close();
    std::vector<CloseInfo> closes() const;  ///< close events so far
    size_t count(Event::Kind kind) const;

    // -- the stack's view of it (half-open and TIME-WAIT records included)
    std::optional<ConnectionInfo> find() const;
    State state() const;  ///< closed if there is no record
    ConnectionInfo info() const;
    uint32_t rel_una() const { return info().snd_una - stack_isn; }
    uint32_t rel_nxt() const { return info().snd_nxt - stack_isn; }
    uint32_t rel_rcv() const { return info().rcv_nxt - peer_isn; }

    // -- whole phases
    void connect();        ///< active open up to the SYN
    void open(Side side);  ///< up to ESTABLISHED, handle in c
    void bring(State state, Side side = Side::passive, bool half_close = false);
    /// Exchanges until the stack's quick ACKs are used up (RFC 5681 4.2's delay then applies).
    void end_quick_acks();
    uint32_t full() const;  ///< payload bytes of a full-sized segment from the stack

    Connection c{};
    Endpoint peer{}, local{};
    uint32_t peer_isn, stack_isn;
    bool stack_isn_known = false;
    uint32_t nxt = 0;      ///< the peer's next sequence number
    uint32_t rcv_nxt = 0;  ///< the peer's RCV.NXT
    uint16_t wnd;
    std::optional<uint16_t> mss;
    std::optional<int> wscale;
    bool sack;
    bool timestamps;
    bool ts_on = false;  ///< negotiated
    bool wscale_on = false;
    int stack_wscale = 0;
    uint32_t ts_offset = 0xfffffc00;  ///< the peer's clock: milliseconds since the start, plus this
    uint32_t last_tsval = 0;          ///< from the stack
    uint32_t app_sent = 0, app_read = 0;
    bool check_payload = true;  ///< the stack's payload must be the stream's bytes

  private:
    friend class World;
    void learn(const Packet& packet);
    std::string mismatch(const Packet& got, const Seg& want) const;
    void check(const Result<void>& result) const;
    World& world_;
    Packet last_{};
    std::optional<uint32_t> right_edge_{};
    std::optional<uint32_t> flow_label_{};
};

/// The reasons, "fin" or "fin aborted"; empty when there is none.
std::string reasons(const std::vector<CloseInfo>& closes);

/// The bytes of the two streams, so that every byte can be checked wherever it appears.
uint8_t stream_byte(uint32_t offset, bool from_stack);

class World {
  public:
    explicit World(const std::function<void(WorldConfig&)>& change = {});
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    /// The connection that most tests use: host(2) port 40000 and host(1) port 80, or 50000 to 80 when
    /// active.
    Flow& main() { return flows_.front(); }
    /// Another connection to port 80 (or `local_port`).
    Flow& flow(uint16_t peer_port, const IpAddress& peer = host(2), uint16_t local_port = 80,
               const IpAddress& local = host(1));

    VirtualStack& stack() { return *stack_; }
    const Counters& counters() const { return std::as_const(*stack_).stack().counters(); }
    uint64_t operator[](Counter counter) const { return counters()[counter]; }
    uint64_t operator[](DropReason reason) const { return counters()[reason]; }
    uint64_t all_drops() const;
    Occupancy occupancy() const { return std::as_const(*stack_).stack().occupancy(); }
    /// Resources still in use, as text, without timers (the wheel drops its entries late); empty when
    /// everything has ended.
    std::string leaks() const;

    void listen(uint16_t port = 80);
    void raw(Bytes packet);       ///< passes bytes to the stack unchanged
    std::optional<Packet> out();  ///< the next packet that the stack has sent
    void discard() { pump(), sent_.clear(); }
    void silent(Site site);
    void advance(Duration d);  ///< every timer on the way fires at its own deadline
    void at(Duration since_start);
    /// Advances to the next packet that the stack sends, at most by `d`; false: there was none.
    bool advance_to_packet(Duration d);
    Duration elapsed() const;
    void pump();  ///< collects packets and events
    /// Advances time so that the ISN of `flow` becomes the configured one: the clock of RFC 6528 ticks every
    /// 4 µs. The helpers call it before the first SYN.
    void steer(Flow& flow, bool active);
    const WorldConfig& config() const { return config_; }
    const std::vector<Event>& events() const { return events_; }
    std::string dump() const;

    // the main flow, for short tests
    void in(const Seg& seg) { main().in(seg); }
    void recv(const Seg& want, Site site) { main().recv(want, site); }
    void recv_in(Duration from, Duration to, const Seg& want, Site site) {
        main().recv_in(from, to, want, site);
    }
    void bring(State state, Side side = Side::passive, bool half_close = false) {
        main().bring(state, side, half_close);
    }
    void open(Side side = Side::passive) { main().open(side); }
    void send(uint32_t n) { main().send(n); }
    uint32_t read_all() { return main().read_all(); }
    void close() { main().close(); }
    void shutdown() { main().shutdown(); }
    State state() const { return flows_.front().state(); }
    ConnectionInfo info() const { return flows_.front().info(); }
    std::vector<CloseInfo> closes() const { return flows_.front().closes(); }

  private:
    friend class Flow;
    Flow* owner(const Packet& packet);
    void log(const Packet& packet, bool from_stack);
    WorldConfig config_;
    std::unique_ptr<VirtualStack> stack_;
    std::list<Flow> flows_;
    std::deque<Packet> sent_;
    std::vector<Event> events_;
    struct Logged {
        Packet packet;
        bool from_stack;
    };
    std::deque<Logged> log_;
    Invariants invariants_;
    Instant start_{};
    bool listening_ = false;
    bool steered_ = false;
};

}  // namespace synfin::fakes

#define SYNFIN_SITE         \
    ::synfin::fakes::Site { \
        __FILE__, __LINE__  \
    }
/// The next packet that the stack has sent is this one; only the named fields are checked.
#define RECV(x, ...) (x).recv(::synfin::fakes::Seg __VA_ARGS__, SYNFIN_SITE)
/// Nothing is sent for `from` (minus the clock's granularity, 1 ms), then this is sent before `to`.
#define RECV_IN(x, from, to, ...) (x).recv_in(from, to, ::synfin::fakes::Seg __VA_ARGS__, SYNFIN_SITE)
/// Nothing (more) has been sent.
#define SILENT(w) (w).silent(SYNFIN_SITE)
#define REQUIRE(condition) \
    ((condition) ? (void)0 : ::synfin::fakes::stop_test(SYNFIN_SITE, "not so: " #condition))
#define STATE(x, want) \
    EXPECT_EQ(::synfin::tcp::name((x).state()), ::synfin::tcp::name(::synfin::tcp::State::want))
/// on_close was called exactly once, with this reason.
#define CLOSED(x, why) EXPECT_EQ(::synfin::fakes::reasons((x).closes()), name(::synfin::CloseReason::why))
/// Everything has been freed: records, packets, send blocks.
#define IDLE(w) EXPECT_EQ((w).leaks(), "")

/// The row of the conformance list that a test covers, the clause, and the function that implements it.
#define ROW(number, clause_, function_)                     \
    ::testing::Test::RecordProperty("row", number);         \
    ::testing::Test::RecordProperty("clause", clause_);     \
    ::testing::Test::RecordProperty("function", function_); \
    ::testing::Test::RecordProperty("family", ::synfin::fakes::is_ipv6() ? "6" : "4")
/// Ends the test in a run with the other family; the matrix shows the reason. Behind ROW.
#define ONLY_FAMILY(six, reason)                                   \
    if (::synfin::fakes::is_ipv6() != (six)) {                     \
        ::testing::Test::RecordProperty("not_applicable", reason); \
        GTEST_SKIP() << (reason);                                  \
    }                                                              \
    static_assert(true)
#define IPV4_ONLY(reason) ONLY_FAMILY(false, reason)
#define IPV6_ONLY(reason) ONLY_FAMILY(true, reason)
