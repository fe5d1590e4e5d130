#pragma once
/// @file
/// Included by every fuzz target: the entry point for libFuzzer and the replay program, and SYNFIN_CHECK,
/// which is active in every build type.

#include <cstddef>
#include <cstdint>

#include "synfin/check.hh"
#include "synfin/units.hh"

/// Feeds one input; returns 0. A finding is an abort or a sanitizer's report.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
