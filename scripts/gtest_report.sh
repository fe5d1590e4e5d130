#!/bin/sh
# For `meson test --wrapper`: each run of a googletest program writes its own report, REPORTS/PROGRAM-PID.xml.
# Several runs of one program, with different settings, may overlap and would otherwise write the same file.
GTEST_OUTPUT=xml:$REPORTS/$(basename "$1")-$$.xml
export GTEST_OUTPUT
exec "$@"
