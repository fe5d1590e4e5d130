#pragma once
#include "fakes/two_ends.hh"

namespace synfin::app {
using fakes::TwoEnds;
}  // namespace synfin::app
