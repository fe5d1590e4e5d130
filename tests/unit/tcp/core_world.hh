#pragma once
/// @file
/// CoreWorld: one control block, its Flow if it has one, and a clock that the test moves. A segment is one
/// line, in numbers relative to the ISN of the sender of the bytes (0 is a SYN, 1 the first byte):
///
/// @code
///   CoreWorld w;
///   w.open();
///   w.in({.len = 100});
///   RECV(w, {.ack = 101});
///   SILENT(w);
/// @endcode
///
/// The ISNs are 2^32-2 and 2^32-1, so that everything wraps. Each segment also proves that predicted(), where
/// it accepts it, has the result of the eight steps.

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "tcp/congestion.hh"
#include "tcp/core.hh"
#include "tcp/isn.hh"
#include "tcp/rtt.hh"

namespace synfin::tcp {

using wire::kAck;
using wire::kFin;
using wire::kPsh;
using wire::kRst;
using wire::kSyn;
using wire::kUrg;

inline constexpr Seq kIss{0xffff'fffe};  ///< ours
inline constexpr Seq kIrs{0xffff'ffff};  ///< the peer's
inline constexpr HashKey kKey{0x0123'4567'89ab'cdef, 0xfedc'ba98'7654'3210};
inline constexpr Ipv4 kLocal[] = {Ipv4{0x0a00'0001}, Ipv4{0x0a00'0004}};
inline const TimestampOffsets kTsOffsets(kKey, kLocal);
inline constexpr Tuple kTuple{0x0a00'0002, 40'000, 80, 0};
inline constexpr uint32_t kMss = 1460;

bool operator==(const Effects& a, const Effects& b) noexcept;

/// A segment of the peer; absent fields take the peer's natural next value.
struct In {
    std::optional<uint32_t> seq{}, ack{};
    uint32_t len = 0;
    std::optional<int> flags{};  ///< ACK by default
    std::optional<uint16_t> wnd{};
    std::optional<uint32_t> ts{};   ///< TSval; if negotiated, the last one by default
    std::optional<uint32_t> ecr{};  ///< TSecr, on our clock without its offset
    bool no_ts = false;
    uint16_t mss = kMss;  ///< on SYN
    std::optional<uint8_t> wscale{};
    bool sack = false;
    std::vector<std::pair<uint32_t, uint32_t>> blocks{};  ///< SACK
};

/// A segment that the core sends: RECV checks the named fields, and always the flags except PSH (ACK by
/// default).
struct Out {
    std::optional<uint32_t> seq{}, ack{}, len{};
    int flags = kAck;
    std::optional<uint16_t> wnd{};
    std::optional<bool> psh{}, retransmission{}, probe{};
    uint32_t segment = 0;  ///< bytes in each segment that the device cuts
    std::optional<bool> ect{};
};

class CoreWorld {
  public:
    /// Without pacing unless params.pacing is set: tests look at every segment that cwnd permits.
    explicit CoreWorld(const TcpConfig& config = {}) : params(config, 1500) {
        params.pacing = Pacing::off;
        move_to(5'000'000);
    }

    // -- time, in milliseconds
    Context ctx() const { return {params, kTsOffsets, now_, large_text}; }
    void advance(uint32_t ms);  ///< every deadline on the way fires at its own tick
    /// Advances to the deadline and fires it; returns the distance in ticks.
    uint32_t fire();
    uint32_t tick() const { return now_.tick; }
    void move_to(uint32_t tick) { set(instant_ + std::chrono::milliseconds(tick - now_.tick)); }
    /// Nothing fires.
    void skip_us(uint32_t us) { set(instant_ + Micros(us)); }

    // -- the peer
    void in(const In& seg);
    Segment make(const In& seg) const;

    // -- the application
    void send(uint32_t n);  ///< queues n bytes
    void shutdown() {
        perform([&](Effects& e) { tcp::shutdown(tcb, ctx(), e); });
    }
    void close(bool unread = false) {
        perform([&](Effects& e) { tcp::close(tcb, unread, ctx(), e); });
    }
    void abort() {
        perform([&](Effects& e) { tcp::abort(tcb, e); });
    }
    void need_flow();

    // -- phases
    void listen_syn(const In& syn = {});  ///< a half-open record for the peer's SYN, expanded
    void connect();                       ///< SYN-SENT; the SYN is in sent
    void open(const In& syn = {});        ///< passive, up to ESTABLISHED; nothing owed
    void bring(State state);              ///< from nothing
    void no_quick_acks() { tcb.set_quick_acks(0); }

    void pump();  ///< collects what may be sent
    std::optional<Out> next();
    uint32_t una() const { return distance(kIss, tcb.snd.una); }
    uint32_t nxt() const { return distance(kIss, tcb.snd.nxt); }
    uint32_t rcv() const { return distance(kIrs, tcb.rcv.nxt); }
    Conn conn() {
        if (tcb.flow == 0) return {tcb};
        return {tcb, &flow, flow.recovery != 0 ? &rec : nullptr};
    }
    void need_recovery();    ///< as the stack does, before a segment or a time-out that may want the record
    void settle_recovery();  ///< and after it
    uint32_t in_ms() const { return tcb.deadline - now_.tick; }  ///< until the deadline

    Params params;
    Tcb tcb;
    Flow flow;
    Recovery rec{};
    bool has_recoveries = true;    ///< there are free recovery records
    Effects fx;                    ///< of the last segment, call or timer, output's included
    std::deque<Out> sent;          ///< not yet looked at
    std::optional<uint32_t> room;  ///< of the receive buffer; by default all that is configured
    uint32_t offer = 65535;        ///< SEG.WND of the peer by default
    uint32_t user_timeout = 300'000;
    uint32_t large_text = 0;  ///< that a packet may carry for a device to cut
    uint32_t peer_nxt = 1;    ///< the peer's next sequence number
    bool was_predicted = false;
    bool hold = false;  ///< do not pump: what arrives meanwhile is one burst

    template <typename F>
    void perform(F&& call) {
        fx = Effects{};
        call(fx);
        settle();
    }

  private:
    void settle();
    void set(Instant now) { instant_ = now, now_ = Now(now); }
    Instant instant_;
    Now now_;
};

/// <SEQ=...> as tests print it.
std::string text(const Out& out);
void recv(CoreWorld& w, const Out& want, const char* file, int line);
void silent(CoreWorld& w, const char* file, int line);

}  // namespace synfin::tcp

#define RECV(w, ...) ::synfin::tcp::recv(w, ::synfin::tcp::Out __VA_ARGS__, __FILE__, __LINE__)
#define SILENT(w) ::synfin::tcp::silent(w, __FILE__, __LINE__)
#define STATE(w, want) EXPECT_EQ(name((w).tcb.state()), name(::synfin::tcp::State::want))
