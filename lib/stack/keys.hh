#pragma once
/// @file
/// The secrets of an engine, by how long they live.

#include "base/siphash.hh"

namespace synfin::stack {

struct Keys {
    /// From one secret, for tests, virtual time and in-memory wires: all of them live as long as that does.
    Keys(HashKey secret) noexcept  // NOLINT(google-explicit-constructor)
        : process(secret), isn(derive(secret, 5)), timestamps(derive(secret, 6)) {}
    Keys(HashKey own, HashKey of_isn, HashKey of_timestamps) noexcept
        : process(own), isn(of_isn), timestamps(of_timestamps) {}

    HashKey process;  ///< of table, ports, neighbours, cookies: of one process, the same for its engines
    /// Of initial sequence numbers and timestamp offsets. On a network they last for the host's boot: a peer
    /// that holds TIME-WAIT of an earlier process compares the numbers of both (RFC 6191, RFC 9293 MUST-8).
    HashKey isn, timestamps;

    static HashKey derive(HashKey key, uint64_t label) noexcept {
        return {siphash(key, label, 0), siphash(key, label, 1)};
    }
};

}  // namespace synfin::stack
