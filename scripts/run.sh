#!/usr/bin/env bash
# Installs what is missing, builds, and runs `synfin ARGS`; without ARGS the main job: `synfin bench`.
# Standard output is the program's alone; progress and build errors go to standard error.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)

"$here/scripts/install-deps.sh" build
"$here/scripts/build-profiled.sh" "$here/build" apps/synfin/synfin

[ $# -gt 0 ] || set -- bench
exec "$here/build/apps/synfin/synfin" "$@"
