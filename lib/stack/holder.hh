#pragma once
/// @file
/// Holder: what lies beside the record of an open connection, because the core does not ask for it.

#include <cstdint>
#include <type_traits>

#include "stack/challenge_limits.hh"

namespace synfin::stack {

/// Who holds a control block's record at present. One for each record, by its index.
struct Holder {
    uint64_t user_tag = 0;  //  0  the application's
    /// How often the record has been given back: of all handles to it, those with this number are the present
    /// connection's.
    uint32_t generation = 0;    //  8
    ChallengeCount challenges;  // 12  challenge ACKs of the present connection
};
static_assert(sizeof(Holder) == 16 && std::is_trivially_copyable_v<Holder>);

}  // namespace synfin::stack
