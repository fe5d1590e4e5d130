#!/bin/sh
# For `meson test --wrapper`: gives each run of a googletest program a report of its own, REPORTS/PROGRAM-PID.xml.
# (One program may run several times at once, with other settings; by itself it would write one file.)
GTEST_OUTPUT=xml:$REPORTS/$(basename "$1")-$$.xml
export GTEST_OUTPUT
exec "$@"
