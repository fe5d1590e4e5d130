#pragma once
/// @file
/// The eleven states of RFC 9293 3.3.2 and the legal transitions of its figure 5.

#include <cstdint>
#include <string_view>

namespace synfin {

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

/// A set with one bit for each of these states.
template <typename... States>
constexpr uint16_t state_set(States... states) noexcept {
    return static_cast<uint16_t>((0u | ... | (1u << static_cast<unsigned>(states))));
}

/// Whether figure 5 or section 3.10 has this transition. 3.10 adds: any state to CLOSED by abort, RST, R2 or
/// user timeout; FIN-WAIT-1 to TIME-WAIT by FIN|ACK; TIME-WAIT to SYN-RECEIVED by a new SYN (MAY-2).
constexpr bool is_legal_edge(State from, State to) noexcept {
    using enum State;
    constexpr uint16_t kTo[kStates] = {
        state_set(closed, listen, syn_sent),                             // CLOSED
        state_set(closed, syn_received, syn_sent),                       // LISTEN
        state_set(closed, syn_received, established),                    // SYN-SENT
        state_set(closed, established, fin_wait_1, listen, close_wait),  // SYN-RECEIVED
        state_set(closed, fin_wait_1, close_wait),                       // ESTABLISHED
        state_set(closed, fin_wait_2, closing, time_wait),               // FIN-WAIT-1
        state_set(closed, time_wait),                                    // FIN-WAIT-2
        state_set(closed, last_ack),                                     // CLOSE-WAIT
        state_set(closed, time_wait),                                    // CLOSING
        state_set(closed),                                               // LAST-ACK
        state_set(closed, syn_received),                                 // TIME-WAIT
    };
    return (kTo[static_cast<unsigned>(from)] >> static_cast<unsigned>(to) & 1) != 0;
}

/// SYN-RECEIVED and every later state: those that RFC 9293 3.10.7.4 handles.
constexpr bool is_synchronized(State state) noexcept {
    return state >= State::syn_received;
}

/// Whether SEND may still queue data (RFC 9293 3.10.2).
constexpr bool can_send(State state) noexcept {
    return state == State::syn_sent || state == State::syn_received || state == State::established ||
           state == State::close_wait;
}

/// Whether the peer may still send data (RFC 9293 3.10.7.4 seventh).
constexpr bool can_receive(State state) noexcept {
    return state == State::established || state == State::fin_wait_1 || state == State::fin_wait_2;
}

}  // namespace synfin

namespace synfin::tcp {  // for the files of lib/tcp
using synfin::can_receive;
using synfin::can_send;
using synfin::is_legal_edge;
using synfin::is_synchronized;
using synfin::kStates;
using synfin::name;
using synfin::State;
using synfin::state_set;
}  // namespace synfin::tcp
