#pragma once
/// @file
/// What every fuzz target includes: the entry point that libFuzzer and the replay call alike, and the
/// oracle's check, which stays in every build type.

#include <cstddef>
#include <cstdint>

#include "synfin/check.hh"
#include "synfin/units.hh"

/// Feeds one input; returns 0. A finding is an abort or a sanitizer's report.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
