#pragma once
/// @file
/// Tuple, under the name by which this room and those above it know it. It is defined in base, because the
/// control blocks of tcp begin with it.

#include "base/tuple.hh"

namespace synfin::net {
using synfin::Tuple;
}
