#pragma once
/// @file
/// Why a device could not be had, by the name that this room uses.

#include "synfin/refusal.hh"

namespace synfin::port {
using synfin::Refusal;
}  // namespace synfin::port
