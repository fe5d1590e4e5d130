#!/usr/bin/env bash
# Installs missing packages, builds the command and runs `synfin ARGS`, or `synfin bench` without ARGS.
#
# It builds only the command, once, in build/. scripts/build-profiled.sh makes a faster build in build-profiled/, which this
# script runs instead while it matches the sources and this processor. Only the command writes to standard output; progress
# and build errors go to standard error.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)

profiled=$here/build-profiled
if "$here/scripts/build-profiled.sh" --is-current "$profiled"; then
    dir=$profiled
else
    "$here/scripts/install-deps.sh" build
    dir=$here/build
    [ ! -e "$dir/profile-of" ] || rm -rf "$dir"  # older versions kept the profile-guided build there
    "$here/scripts/build.sh" "$dir" apps/synfin/synfin -- -Dtests=false -Dbench=false -Dlibrary=false
    # The command prints it below its result, on standard error.
    export SYNFIN_NOTE="scripts/build-profiled.sh builds a command that is 20 to 30 % faster, with profile-guided optimisation"
    [ ! -d "$profiled" ] || SYNFIN_NOTE="build-profiled/ was built from other sources or for another processor: rebuild it with scripts/build-profiled.sh"
fi

[ $# -gt 0 ] || set -- bench
exec "$dir/apps/synfin/synfin" "$@"
