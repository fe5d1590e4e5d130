/// Read by the compiler once, not once per file: see tests/meson.build.
#include "core_world.hh"
