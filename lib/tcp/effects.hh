#pragma once
/// @file
/// Effects: what the core asks of the stack after one segment, call or timer. Plain data: the core performs
/// nothing.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "synfin/close_reason.hh"
#include "synfin/counters.hh"
#include "synfin/state.hh"
#include "tcp/seq.hh"

namespace synfin::tcp {

/// The segment to send at once for this input. next_segment() finds everything else (owed ACKs, data, FIN) in
/// the output pass, so that an ACK can piggyback on the application's answer.
enum class Reply : uint8_t {
    none,
    ack,            ///< <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>
    challenge_ack,  ///< the same, under the rate limit of RFC 5961 7
    seldom_ack,     ///< the same, at most once a second: two ends in TIME-WAIT must not answer each other for
                    ///< ever
    rst,            ///< <SEQ=rst_seq><CTL=RST>, with <ACK=rst_ack> when rst_has_ack
    syn_ack,        ///< <SEQ=SND.UNA><ACK=RCV.NXT><CTL=SYN,ACK>
};

struct Effects {
    uint32_t deliver_offset = 0;  ///< text to deliver: [offset, offset + len) of the segment's text
    uint32_t deliver_len = 0;
    uint32_t keep_offset = 0;  ///< out-of-order text to store: [offset, offset + len), first byte at keep_seq
    uint32_t keep_len = 0;
    Seq keep_seq;
    uint32_t acked_bytes = 0;  ///< bytes to release from the front of the send queue
    Seq rst_seq, rst_ack;
    Seq dup_left, dup_right;  ///< Reply::ack: text received twice, for D-SACK (RFC 2883); equal: none
    DropReason drop = DropReason::none;  ///< why the segment, or a part of it, was not used
    CloseReason reason = CloseReason::fin;
    uint16_t path_mtu = 0;   ///< with black_hole
    bool output = false;     ///< next_segment() may have something to send
    bool syn_again = false;  ///< <SEQ=SND.UNA><CTL=SYN> at once, behind Reply::rst: the SYN was refused
    // Eight bytes that an application's call rarely sets; is_output_at_most() reads them as one word.
    alignas(8) Reply reply = Reply::none;
    bool opened = false;       ///< reached ESTABLISHED (or beyond) just now
    bool peer_fin = false;     ///< the peer's FIN was taken
    bool ended = false;        ///< CLOSED now: free the record; `reason` says why
    bool time_wait = false;    ///< entered TIME-WAIT now
    bool delayed_ack = false;  ///< file an entry in the delayed-ACK FIFO
    bool timer = false;        ///< Tcb::deadline was set: arm the wheel
    bool rst_has_ack = false;  ///< see Reply::rst
    // Eight rare bytes; is_rare() reads them as one word.
    bool keep_fin = false;           ///< the stored text ends with FIN
    bool time_wait_restart = false;  ///< restart the 2MSL timer
    bool reopen = false;             ///< TIME-WAIT yields to this SYN: treat it as on_listen does (RFC 6191)
    bool to_listen = false;  ///< a passive half-open connection returns to LISTEN: free the record silently
    bool retransmit : 1 = false;  ///< a loss was found: the next segment sent is a retransmission
    bool duplicate_ack : 1 = false;
    bool tail_loss_probe : 1 = false;   ///< the next segment sent is a tail loss probe (RFC 8985 7)
    bool spurious_timeout : 1 = false;  ///< a timeout proved unnecessary and was undone (RFC 5682, RFC 4015)
    bool spurious_loss : 1 = false;     ///< a fast retransmit proved unnecessary and was undone (RFC 4015)
    bool black_hole : 1 = false;        ///< the path MTU was lowered to path_mtu (RFC 4821)
    bool reneged : 1 = false;      ///< the peer has dropped text that it had reported by SACK (RFC 2018 8)
    bool ce_received : 1 = false;  ///< text arrived with CE (RFC 3168). All eight bits have names: is_rare()
    bool release_flow = false;     ///< the Flow is no longer needed
    bool trouble = false;          ///< R1 passed (RFC 9293 MUST-20)
    bool ece_received = false;     ///< an ACK asked for a reduction of cwnd, which was made (RFC 3168)

    /// Whether any effect is set that a connection without losses, drops and reordering does not have.
    bool is_rare() const noexcept {
        uint64_t eight;
        std::memcpy(&eight, &keep_fin, sizeof eight);
        return (eight | keep_len | static_cast<uint64_t>(drop)) != 0;
    }
    /// Whether no effect is set, except perhaps `output`.
    bool is_output_at_most() const noexcept {
        uint64_t eight;
        std::memcpy(&eight, &reply, sizeof eight);
        return (eight | deliver_len | acked_bytes) == 0 && !is_rare();
    }
};
static_assert(offsetof(Effects, rst_has_ack) - offsetof(Effects, reply) == 7);
static_assert(offsetof(Effects, ece_received) - offsetof(Effects, keep_fin) == 7);

}  // namespace synfin::tcp
