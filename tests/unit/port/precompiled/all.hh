/// Read by the compiler once, not once per file: see tests/meson.build.
#include <gtest/gtest.h>

#include "port/device_port.hh"
