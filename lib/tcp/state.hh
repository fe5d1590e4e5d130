#pragma once
/// @file
/// The eleven states of RFC 9293 3.3.2 and the legal edges of its figure 5.

#include <cstdint>
#include <string_view>

namespace synfin::tcp {

enum class State : uint8_t {
    closed,
    listen,
    syn_sent,
    syn_received,
    established,
    fin_wait_1,
    fin_wait_2,
    close_wait,
    closing,
    last_ack,
    time_wait,
};
inline constexpr unsigned kStates = 11;

/// As the RFC prints it: "SYN-RECEIVED".
constexpr std::string_view name(State state) noexcept {
    constexpr std::string_view kNames[kStates] = {"CLOSED",      "LISTEN",     "SYN-SENT",   "SYN-RECEIVED",
                                                  "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT",
                                                  "CLOSING",     "LAST-ACK",   "TIME-WAIT"};
    return kNames[static_cast<unsigned>(state)];
}

/// Whether figure 5 (with the edges that 3.10 adds: abort, RST, R2 and user timeout lead to CLOSED from
/// everywhere; FIN-WAIT-1 -> TIME-WAIT by FIN|ACK; TIME-WAIT -> SYN-RECEIVED by a new SYN, MAY-2) has the
/// edge.
constexpr bool is_legal_edge(State from, State to) noexcept {
    using enum State;
    if (to == closed) return true;
    switch (from) {
        case closed: return to == listen || to == syn_sent;
        case listen: return to == syn_received || to == syn_sent;
        case syn_sent: return to == syn_received || to == established;
        case syn_received: return to == established || to == fin_wait_1 || to == listen || to == close_wait;
        case established: return to == fin_wait_1 || to == close_wait;
        case fin_wait_1: return to == fin_wait_2 || to == closing || to == time_wait;
        case fin_wait_2: return to == time_wait;
        case close_wait: return to == last_ack;
        case closing: return to == time_wait;
        case last_ack: return false;
        case time_wait: return to == syn_received;
    }
    return false;
}

/// RFC 9293 3.3.2: both SYNs have been exchanged and acknowledged, or are about to be (SYN-RECEIVED counts).
constexpr bool is_synchronized(State state) noexcept {
    return state >= State::syn_received;
}

/// Whether SEND may still queue data (RFC 9293 3.10.2).
constexpr bool can_send(State state) noexcept {
    return state == State::syn_sent || state == State::syn_received || state == State::established ||
           state == State::close_wait;
}

/// Whether text from the peer is still expected (RFC 9293 3.10.7.4 seventh).
constexpr bool can_receive(State state) noexcept {
    return state == State::established || state == State::fin_wait_1 || state == State::fin_wait_2;
}

}  // namespace synfin::tcp
