#pragma once
/// @file
/// The control block of a connection, in three sizes: a half-open record while a passive open waits for its
/// ACK, one 64-byte cache line (Tcb) for handshake, idling and teardown, and a small record in TIME-WAIT.
/// While data is queued or in flight a second line joins the Tcb (flow.hh), and while that is more than one
/// segment, a third record (recovery.hh). Offsets are part of the contract: the engine's speed depends on the
/// number of cache lines that a segment touches.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>

#include "base/tuple.hh"
#include "synfin/state.hh"
#include "synfin/tcp_config.hh"
#include "tcp/seq.hh"

namespace synfin::tcp {

/// No deadline is set. A computed deadline of 0 becomes 1 (1 ms late, once in 49 days).
inline constexpr uint32_t kNoDeadline = 0;
constexpr uint32_t deadline_at(uint32_t tick) noexcept {
    return tick == kNoDeadline ? 1 : tick;
}

/// The purpose of Tcb::deadline. One timer serves all of them, because they exclude each other.
enum class DeadlineKind : uint8_t {
    none,
    syn,              ///< our SYN or SYN|ACK is not acknowledged
    rto,              ///< text or FIN is not acknowledged (RFC 6298)
    probe,            ///< text waits for the window to open (RFC 9293 3.8.6.1) or to grow (3.8.6.2.1)
    tail_loss_probe,  ///< text at the end of a flight is not acknowledged in time (RFC 8985 7)
    reorder,          ///< a segment that may only be late counts as lost now (RFC 8985 6.2 step 5)
    keepalive,        ///< RFC 9293 3.8.4
    fin_wait_2,       ///< the peer's FIN is awaited after close()
    time_wait,        ///< 2MSL
    idle,             ///< idle for an RTO: reset cwnd, free the Flow (RFC 5681 4.1)
    ts_recent,        ///< TS.Recent is 24 days old (RFC 7323 5.5)
};

/// SRTT as 16 bits: 11 bits of mantissa, 5 of exponent, in microseconds; 0 means no sample yet. An idle
/// connection keeps its SRTT here (relative error below 2^-10), so that its Flow can be freed.
class CompactRtt {
  public:
    constexpr CompactRtt() noexcept = default;
    static constexpr CompactRtt from_us(uint32_t us) noexcept {
        const auto exponent = static_cast<uint32_t>(std::max(static_cast<int>(std::bit_width(us)) - 11, 0));
        CompactRtt out;
        out.bits_ = static_cast<uint16_t>(exponent << 11 | us >> exponent);
        return out;
    }
    constexpr uint32_t us() const noexcept { return (bits_ & 0x7ffu) << (bits_ >> 11); }
    constexpr bool is_set() const noexcept { return bits_ != 0; }
    constexpr bool operator==(const CompactRtt&) const noexcept = default;

  private:
    uint16_t bits_ = 0;
};

/// Tcb::flags.
enum Flag : uint16_t {
    kTimestamps = 1 << 0,    ///< negotiated on both SYNs (RFC 7323 3.2)
    kWindowScale = 1 << 1,   ///< negotiated on both SYNs (RFC 7323 2.2)
    kSack = 1 << 2,          ///< SACK-permitted on both SYNs (RFC 2018)
    kAckNow = 1 << 3,        ///< the next output pass sends an ACK
    kAckDelayed = 1 << 4,    ///< an ACK is owed; the delayed-ACK FIFO holds an entry
    kFinQueued = 1 << 5,     ///< the application has closed the sending side
    kFinSent = 1 << 6,       ///< FIN is part of the sequence space up to SND.NXT
    kAppGone = 1 << 7,       ///< close() was called, or on_close was delivered: no more events
    kPassive = 1 << 8,       ///< came from LISTEN
    kNoDelay = 1 << 9,       ///< Nagle off
    kInOutput = 1 << 10,     ///< in the list of the output pass
    kOpened = 1 << 11,       ///< on_open was delivered, or connect() returned a handle: on_close is owed
    kEcn = 1 << 12,          ///< on our SYN: asked for; later: negotiated on both SYNs (RFC 3168 6.1.1)
    kSynUnacked = 1 << 13,   ///< our SYN lies at SND.UNA
    kSynResent = 1 << 14,    ///< our SYN was sent more than once: no RTT sample, RTO 3 s, IW 1
    kWantWritable = 1 << 15  ///< send() took only a part: on_writable is owed
};

/// What Tcb::controller holds at most.
inline constexpr uint8_t kControllerMask = 0xf;
/// Tcb::controller for a choice of the application.
constexpr uint8_t controller_of(const std::optional<CongestionControl>& chosen) noexcept {
    return chosen ? static_cast<uint8_t>(static_cast<unsigned>(*chosen) + 1) : uint8_t{0};
}

/// One open connection: the first line.
struct alignas(64) Tcb {
    Tuple tuple;  //  0  remote address, ports, index of the local address
    struct Snd {
        Seq una;           // 12  oldest unacknowledged
        Seq nxt;           // 16  next to send; never moves back (retransmission uses Flow::mark)
        uint32_t wnd = 0;  // 20  bytes, scaled
        Seq wl1;  // 24  SEG.SEQ of the last window update. SND.WL2 is not kept: it never exceeds SND.UNA, and
                  //     a segment with SEG.ACK < SND.UNA is not used, so WL2 =< SEG.ACK always holds
    } snd;
    struct Rcv {
        Seq nxt;           // 28  next expected
        uint32_t wnd = 0;  // 32  bytes offered beyond nxt; nxt + wnd never moves left
    } rcv;
    Seq last_ack_sent;                                // 36  Last.ACK.sent of RFC 7323 4.3
    uint32_t ts_recent = 0;                           // 40
    uint32_t deadline = 0;                            // 44  tick at which the timer expires
    DeadlineKind deadline_kind = DeadlineKind::none;  // 48  what it is for
    uint8_t controller : 4 = 0;                       // 49  0: the engine's; else 1 + CongestionControl
    uint8_t is_black_hole : 1 = 0;  // 49  the path drops full-sized segments (pmtu.hh, on_black_hole())
    uint8_t is_ts_stale : 1 = 0;    // 49  TS.Recent is older than 24 days (RFC 7323 5.5)
    uint8_t owes_ece : 1 = 0;       // 49  CE was received, and no CWR since: every segment carries ECE
    uint16_t full_mss = 0;          // 50  MSS before a black hole was found; 0: none was
    uint32_t flow = 0;              // 52  index of the second line, 0: none
    uint8_t state_and_quick = 0;    // 56  low nibble State, high nibble: ACKs still to be sent at once
    uint8_t shifts = 0;  // 57  low nibble: shift of SEG.WND, high nibble: shift of ours (RFC 7323 2.3)
    uint16_t flags = 0;  // 58
    uint16_t mss = 0;  // 60  what the peer takes and the path carries, TCP options not subtracted (RFC 6691)
    CompactRtt srtt;   // 62

    constexpr State state() const noexcept { return static_cast<State>(state_and_quick & 0xf); }
    constexpr uint8_t quick_acks() const noexcept { return state_and_quick >> 4; }
    void set_quick_acks(unsigned n) noexcept {
        state_and_quick = static_cast<uint8_t>((state_and_quick & 0xf) | n << 4);
    }
    /// True after an ACK of an older connection refused our SYN, which was then sent again at once. In
    /// SYN-SENT no ACK can be owed, so the high nibble is free for this.
    constexpr bool syn_refused() const noexcept { return quick_acks() != 0; }
    void set_syn_refused() noexcept { set_quick_acks(1); }
    constexpr bool has(Flag flag) const noexcept { return (flags & flag) != 0; }
    void set(Flag flag) noexcept { flags = static_cast<uint16_t>(flags | flag); }
    void clear(Flag flag) noexcept { flags = static_cast<uint16_t>(flags & ~flag); }
    /// The caller must also set Effects::timer.
    void set_deadline(DeadlineKind kind, uint32_t tick) noexcept {
        deadline = deadline_at(tick);
        deadline_kind = kind;
    }
    void clear_deadline() noexcept {
        deadline = kNoDeadline;
        deadline_kind = DeadlineKind::none;
    }
    constexpr uint8_t snd_shift() const noexcept { return shifts & 0xf; }
    constexpr uint8_t rcv_shift() const noexcept { return shifts >> 4; }
    /// Whether our FIN has been sent and acknowledged.
    constexpr bool fin_acked() const noexcept { return has(kFinSent) && snd.una == snd.nxt; }
    constexpr uint32_t in_flight() const noexcept { return distance(snd.una, snd.nxt); }
    /// Whether new text is sent with ECT. RFC 3168 6.1.1: not after a SYN without ECN, which is what a
    /// repeated SYN is; the peer's CE is echoed nevertheless.
    constexpr bool sends_ect() const noexcept { return has(kEcn) && (has(kPassive) || !has(kSynResent)); }
    /// Bytes of text that fit into one segment with its options (RFC 6691).
    constexpr uint32_t text_mss() const noexcept { return mss - (has(kTimestamps) ? 12u : 0u); }
};
static_assert(sizeof(Tcb) == 64 && std::is_trivially_copyable_v<Tcb>);
static_assert(offsetof(Tcb, snd) == 12 && offsetof(Tcb, rcv) == 28 && offsetof(Tcb, deadline) == 44 &&
              offsetof(Tcb, flags) == 58 && offsetof(Tcb, srtt) == 62);

/// A half-open passive connection (SYN-RECEIVED from LISTEN): the values of the SYN and of our SYN-ACK.
struct alignas(64) HalfOpen {
    Tuple tuple;             //  0
    Seq iss;                 // 12
    Seq irs;                 // 16
    uint32_t ts_recent = 0;  // 20
    uint32_t deadline = 0;   // 24  time of the next SYN-ACK
    uint32_t started = 0;    // 28  tick of the SYN
    uint16_t wnd = 0;        // 32  SEG.WND of the SYN, never scaled
    uint16_t mss = 0;        // 34  as Tcb::mss
    uint16_t flags = 0;      // 36  kTimestamps, kWindowScale, kSack, kSynResent, kEcn
    uint8_t snd_shift = 0;   // 38
    uint8_t resent = 0;      // 39  number of retransmitted SYN-ACKs
    uint32_t listener = 0;   // 40
    uint32_t next = 0;       // 44  links of the FIFO of records with equal waiting time
    uint32_t prev = 0;       // 48
    uint8_t queue = 0;       // 52  which FIFO of the stack
    bool is_cookie = false;  // 53  `iss` is a SYN cookie: the ACK opens without this record, too
    bool is_paid = false;    // 54  the SYN reused a TIME-WAIT record, so it takes no place in the backlog
};
static_assert(sizeof(HalfOpen) == 64 && std::is_trivially_copyable_v<HalfOpen>);

/// A connection in TIME-WAIT: enough to answer a retransmitted FIN and to check a new SYN (RFC 9293 3.6.1,
/// RFC 6191). Its expiry is stored in a separate array, see TimeWaitExpiry.
struct TimeWait {
    Tuple tuple;                  //  0
    Seq snd_nxt;                  // 12
    Seq rcv_nxt;                  // 16
    uint32_t ts_recent = 0;       // 20
    uint32_t next = 0;            // 24  FIFO by expiry
    uint32_t prev : 31 = 0;       // 28
    uint32_t timestamps : 1 = 0;  // 31  negotiated on both SYNs
};
static_assert(sizeof(TimeWait) == 32 && std::is_trivially_copyable_v<TimeWait>);

/// When a TIME-WAIT record expires: 16 bits in units of 16 ticks, in an array parallel to the records.
class TimeWaitExpiry {
  public:
    /// @param expiry_tick at most 2^15 - 2 units ahead: 524 s. Rounded up.
    void set(uint32_t expiry_tick) noexcept { units_ = static_cast<uint16_t>((expiry_tick + 15) >> 4); }
    /// Ticks until expiry, as seen from `tick`; zero or negative when due.
    constexpr int32_t remaining(uint32_t tick) const noexcept {
        const auto units = static_cast<int16_t>(static_cast<uint16_t>(units_ - (tick >> 4)));
        return (int32_t{units} << 4) - static_cast<int32_t>(tick & 15);
    }

  private:
    uint16_t units_ = 0;  // modulo 2^16
};
static_assert(sizeof(TimeWaitExpiry) == 2 && std::is_trivially_copyable_v<TimeWaitExpiry>);

/// Expands a half-open record into the control block that it stands for, in SYN-RECEIVED.
Tcb expand(const HalfOpen& half_open, uint32_t rcv_wnd, uint8_t rcv_shift) noexcept;
/// The same, written in place: copying a returned value would stall on the stores just made.
void expand(const HalfOpen& half_open, uint32_t rcv_wnd, uint8_t rcv_shift, Tcb& out) noexcept;
/// Expands a TIME-WAIT record; rcv_wnd is what the stack offers by default.
Tcb expand(const TimeWait& time_wait, uint32_t rcv_wnd) noexcept;
/// The TIME-WAIT record of a control block.
TimeWait shrink(const Tcb& tcb) noexcept;

}  // namespace synfin::tcp
