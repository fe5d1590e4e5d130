#pragma once
/// @file
/// Makes Refusal available in namespace port.

#include "synfin/refusal.hh"

namespace synfin::port {
using synfin::Refusal;
}  // namespace synfin::port
