#pragma once
/// @file
/// Holder: data of an open connection that the core does not use, in an array parallel to the control blocks.

#include <cstdint>
#include <type_traits>

#include "stack/challenge_limits.hh"

namespace synfin::stack {

/// The present user of a control block. One for each record, by its index.
struct Holder {
    uint64_t user_tag = 0;  //  0  set by the application; 0 in a free record, so that reading it asks no more
    /// How often the record has been freed. A handle is valid only with the present generation.
    uint32_t generation = 0;    //  8
    ChallengeCount challenges;  // 12  challenge ACKs of the present connection
};
static_assert(sizeof(Holder) == 16 && std::is_trivially_copyable_v<Holder>);

}  // namespace synfin::stack
