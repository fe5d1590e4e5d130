#pragma once
/// @file
/// One life: a connection between two stacks over a faulty wire, from the first SYN until all its resources
/// are freed. One seed determines everything.

#include <cstdint>
#include <string>

#include "fakes/family.hh"
#include "faulty_wire.hh"

namespace synfin::simulation {

/// The kind of life; the seed decides everything else.
enum class Kind : uint8_t {
    opener_closes,         ///< the one that connected closes first
    acceptor_closes,       ///< the one that listened closes first
    both_close,            ///< both close when they have everything: simultaneous or nearly
    opener_half_closes,    ///< shutdown, and then all data flows back
    acceptor_half_closes,  ///< the same from the other side
    both_half_close,       ///< both shut down as soon as they have sent, and read to the end
    collision,             ///< both connect to each other (RFC 9293 3.5 figure 7)
    abort,                 ///< one side aborts at any time
    rude_close,            ///< one side closes at any time, read or not
    close_while_opening,   ///< close or abort before ESTABLISHED
    kCount
};
const char* name(Kind kind);

struct LifeResult {
    std::string failure;  ///< empty: all conditions held
    Kind kind = Kind::opener_closes;
    bool complete = true;  ///< every byte arrived and both sides ended by FIN, where that was meant
    Duration duration{};   ///< until both sides were told of the end
    uint64_t packets = 0;  ///< sent by both
    uint64_t retransmitted = 0;
    uint64_t timeouts = 0;
};

/// Runs the life of `seed`. The text of a failure contains the seed and all packets. With IPv6, both stacks
/// have an IPv4 address, too.
LifeResult live(uint64_t seed, const Faults& faults, fakes::Family family = fakes::Family::v4);

}  // namespace synfin::simulation
