#!/usr/bin/env bash
# Installs what is missing, builds the command, and runs `synfin ARGS`; without ARGS the main job: `synfin bench`.
#
# It builds the command alone, once (build/). scripts/build-profiled.sh makes a faster one in build-profiled/, which is run
# instead as long as it is of these sources and for this processor. Standard output is the program's alone; progress and
# build errors go to standard error.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)

profiled=$here/build-profiled
if "$here/scripts/build-profiled.sh" --is-current "$profiled"; then
    dir=$profiled
else
    "$here/scripts/install-deps.sh" build
    dir=$here/build
    [ ! -e "$dir/profile-of" ] || rm -rf "$dir"  # once the place of the profile-guided build
    "$here/scripts/build.sh" "$dir" apps/synfin/synfin -- -Dtests=false -Dbench=false -Dlibrary=false
    # The command prints it below its result, on standard error.
    export SYNFIN_NOTE="scripts/build-profiled.sh builds a command that is 20 to 30 % faster, guided by a profile of itself"
    [ ! -d "$profiled" ] || SYNFIN_NOTE="build-profiled/ is of other sources or another processor: scripts/build-profiled.sh builds it anew"
fi

[ $# -gt 0 ] || set -- bench
exec "$dir/apps/synfin/synfin" "$@"
