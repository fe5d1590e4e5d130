#pragma once
/// @file
/// Recovery: the third record of a connection. It exists while more than one segment is in flight or
/// something is lost, and goes when the connection has been idle for an RTO.

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "tcp/tcb.hh"

namespace synfin::tcp {

/// SentRun::flags.
enum RunFlag : uint8_t {
    kSacked = 1 << 0,  ///< reported by SACK (RFC 2018). Excludes the others
    kLost = 1 << 1,    ///< counts as lost, and has not been sent again since
    kResent = 1 << 2,  ///< its last transmission was a retransmission
};

/// Octets in flight with one history: sent at one time, and with one fate. A run begins where the run before
/// it ends; the first one begins at Recovery::edge.
struct SentRun {
    Seq end;                  //  0  sequence number behind the last octet
    uint32_t sent_us = 0;     //  4  Now::us of the last transmission; of the latest octet (scoreboard.hh)
    uint8_t flags = 0;        //  8
    bool is_inexact = false;  ///< its octets differ in time by more than a sixteenth of a round trip
    uint16_t span = 0;        ///< how much earlier the first octet may have left, in units of 16 us
    static constexpr uint16_t kUnknownSpan = UINT16_MAX;
    static constexpr uint32_t kSpanUnit = 16;

    /// A time at or before the last transmission of every octet, as far as it is known.
    uint32_t earliest_us() const noexcept {
        return span == kUnknownSpan ? sent_us : sent_us - span * kSpanUnit;
    }
};
static_assert(sizeof(SentRun) == 12);

/// State of HyStart++ (RFC 9406 4.2); the names are the RFC's.
struct HystartState {
    uint32_t current_round_min_rtt = UINT32_MAX;  ///< us
    uint32_t last_round_min_rtt = UINT32_MAX;
    uint32_t css_baseline_min_rtt = UINT32_MAX;
    Seq window_end;
    uint8_t rtt_sample_count = 0;
    uint8_t css_rounds = 0;  ///< rounds of conservative slow start so far
    bool in_css = false;
    bool started = false;
};

/// State of CUBIC (RFC 9438 4.1.2); bytes instead of segments.
struct CubicState {
    uint32_t w_max = 0;        ///< 0: no loss so far
    uint32_t w_est = 0;        ///< what Reno would have reached
    uint32_t cwnd_prior = 0;   ///< cwnd at the last reduction
    uint32_t k_ms = 0;         ///< K
    uint32_t epoch_start = 0;  ///< tick at which this stage of congestion avoidance began, with in_epoch
    bool in_epoch = false;
    bool after_timeout = false;  ///< the next stage begins at its own plateau (4.8)
    uint16_t w_est_rest = 0;     ///< of w_est, in 1/65,536 byte
};

/// How a reduction of cwnd can be undone (RFC 4015).
struct UndoState {
    enum Cause : uint8_t { none, fast_retransmit, timeout };
    uint32_t cwnd = 0, ssthresh = 0;
    uint32_t resent_at = 0;  ///< tick of the first retransmission since
    Seq resent_end;          ///< where it ended, with is_resent
    Cause cause = none;
    bool is_resent = false;
    uint8_t spare[2] = {};
    CubicState cubic{};
};

/// Everything of the record except the runs.
struct RecoveryState {
    Seq recover;  //  RFC 6582: SND.NXT when the repair of the last loss began. Without SACK: with kRecoverSet
    uint8_t dup_acks = 0;  ///< duplicate ACKs in a row, without SACK
    // RFC 2018: the scoreboard (loss/scoreboard.hh)
    uint8_t first = 0;  ///< index of the first run
    uint8_t count = 0;  ///< number of runs; 0: nothing is in flight
    bool has_trouble =
        false;            ///< an ACK needs the eight steps: something is SACKed, lost, probed or undoable
    Seq edge;             ///< where the first run begins: SND.UNA
    uint32_t sacked = 0;  ///< bytes of kSacked runs
    uint32_t lost = 0;    ///< bytes of kLost runs
    // RFC 8985 5.3: RACK (loss/rack.hh)
    uint32_t rack_sent_us = 0;         ///< RACK.xmit_ts
    Seq rack_end;                      ///< RACK.end_seq
    uint32_t rack_rtt_us = 0;          ///< RACK.rtt; 0: nothing delivered yet
    uint32_t min_rtt_us = UINT32_MAX;  ///< RACK.min_RTT: of this window and the one before (loss/rack.cc)
    uint32_t next_min_rtt_us = UINT32_MAX;  ///< of this window
    Seq fack;                               ///< RACK.fack: the highest octet delivered
    Seq dsack_round;                        ///< RACK.dsack_round, with in_dsack_round
    uint32_t reorder_us = 0;  ///< until the reordering timer fires, from the last ACK on; 0: not needed
    uint8_t reo_wnd_mult = 1;
    uint8_t reo_wnd_persist = 0;
    uint16_t resent = 0;  ///< segments sent again since the record was made; at most 65,535
    // RFC 8985 5.4: TLP (loss/tail_loss_probe.hh)
    Seq tlp_end;          ///< TLP.end_seq, with tlp_pending
    uint32_t rto_at = 0;  ///< tick of the retransmission timeout while Tcb::deadline serves another timer
    // RFC 9937: PRR (congestion/prr.hh)
    uint32_t prr_delivered = 0, prr_out = 0, recover_fs = 0;
    // RFC 5682 (loss/spurious.hh)
    uint8_t frto = 0;              ///< 1: the first segment was sent again; 2: new text was sent since
    bool rack_is_resent = false;   ///< RACK: the segment of rack_end was a retransmission
    uint16_t min_rtt_since_s = 0;  ///< tick / 1024 at which this window of min_rtt_us began
    // Linux's rule for application-limited connections (congestion.hh)
    uint32_t max_flight = 0;           ///< most bytes in flight in this round trip
    Seq flight_round;                  ///< it ends when this is acknowledged
    uint32_t grown_at = 0;             ///< tick of the last growth in congestion avoidance
    bool is_app_limited : 1 = false;   ///< cwnd has not been in use since
    bool is_run_closed : 1 = false;    ///< text was sent again since the last run of new text began
    bool reordering_seen : 1 = false;  ///< RFC 8985 6.2
    bool in_dsack_round : 1 = false;
    uint8_t expiries = 0;    ///< of the retransmission timer since the last new ACK, at most 255
    uint8_t time_shift = 0;  ///< octets of a run differ in time by less than 2^time_shift us, if it is exact
    // One byte: TLP, loss recovery and pacing (congestion/pacing.hh)
    bool tlp_pending : 1 = false;
    bool tlp_is_retrans : 1 = false;
    bool tlp_due : 1 = false;          ///< the probe is still to be sent
    bool resend_now : 1 = false;       ///< the next retransmission does not ask cwnd
    bool pace_waits : 1 = false;       ///< text waits until pace_at_us
    bool is_listed : 1 = false;        ///< the stack has listed the connection for that
    bool paces : 1 = false;            ///< pacing was on when text was last sent
    bool had_partial_ack : 1 = false;  ///< in this recovery, without SACK (RFC 6582)
    uint32_t pace_at_us = 0;           ///< Now::us at which the next burst may leave
    uint32_t pace_left = 0;            ///< bytes that are left of the present burst
    // RFC 3168 (congestion.cc)
    Seq ecn_end;  ///< SND.NXT when cwnd was last reduced, with kEceAnswered
    HystartState hystart{};
    CubicState cubic{};
    UndoState undo{};
};

/// The record is made by the stack (wants_recovery(), wants_recovery_at_timeout(), wants_recovery_to_send())
/// and freed by it when keeps_recovery() returns false.
///
/// If the pool is empty, a connection repairs losses by its retransmission timer alone and ignores duplicate
/// ACKs and SACK blocks.
struct alignas(64) Recovery : RecoveryState {
    /// More histories than this are merged, or their SACK blocks ignored: see loss/scoreboard.hh. This bounds
    /// the walk of each ACK and timer.
    static constexpr uint32_t kRuns = 159;
    SentRun runs[kRuns];  // NOLINT(cppcoreguidelines-pro-type-member-init): [first, first + count) are valid

    /// Bytes sent, and neither SACKed nor lost (RFC 6675 2: pipe).
    uint32_t pipe(const Tcb& tcb) const noexcept { return tcb.in_flight() - sacked - lost; }
};
static_assert(sizeof(Recovery) == 2112 && std::is_trivially_copyable_v<Recovery>);

}  // namespace synfin::tcp
