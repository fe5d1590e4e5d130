#pragma once
/// @file
/// Keys: the secrets of an engine, grouped by lifetime.

#include "base/siphash.hh"

namespace synfin::stack {

struct Keys {
    /// Derives all keys from one secret, for tests, virtual time and in-memory wires. All then have its
    /// lifetime.
    Keys(HashKey secret) noexcept  // NOLINT(google-explicit-constructor)
        : process(secret), isn(derive(secret, 5)), timestamps(derive(secret, 6)) {}
    Keys(HashKey own, HashKey of_isn, HashKey of_timestamps) noexcept
        : process(own), isn(of_isn), timestamps(of_timestamps) {}

    HashKey process;  ///< for table, ports, neighbours, cookies; one per process
    /// For initial sequence numbers and timestamp offsets. On a network they last until the host reboots: a
    /// peer that holds a TIME-WAIT record of an earlier process compares the numbers of both (RFC 6191, RFC
    /// 9293 MUST-8).
    HashKey isn, timestamps;

    static HashKey derive(HashKey key, uint64_t label) noexcept {
        return {siphash(key, label, 0), siphash(key, label, 1)};
    }
};

}  // namespace synfin::stack
