/// @file
/// The segment that is expected in each state, by a straight path with one condition per line. Anything else
/// goes through the eight steps of input.cc, which would do the same with these, byte for byte
/// (tests/unit/tcp/predicted_test.cc).

#include "tcp/core.hh"

namespace synfin::tcp {

bool predicted(Tcb& tcb, Flow* flow, const Segment& seg, const Context& ctx, Effects& fx) noexcept {
    static_cast<void>(tcb), static_cast<void>(flow), static_cast<void>(seg), static_cast<void>(ctx),
        static_cast<void>(fx);
    return false;
}

}  // namespace synfin::tcp
