/// Read by the compiler once, not once per file: see tests/meson.build.
#include "fakes/world.hh"
