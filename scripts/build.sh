#!/usr/bin/env bash
# Configures a build directory once and builds it. Prints the output of meson and ninja only on failure.
#
#   scripts/build.sh DIR [NINJA_TARGET...] [-- MESON_OPTION...]
#
# Meson options apply only when DIR is configured for the first time.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
say() { printf 'build: %s\n' "$*" >&2; }
[ $# -gt 0 ] || { say "usage: scripts/build.sh DIR [TARGET...] [-- MESON_OPTION...]"; exit 2; }

dir=$1
shift
targets=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do targets+=("$1"); shift; done
[ $# -eq 0 ] || shift

log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() {
    if ! "$@" >"$log" 2>&1; then
        cat "$log" >&2
        say "failed: $*"
        exit 1
    fi
}
if [ ! -f "$dir/build.ninja" ]; then
    say "configuring $dir"
    quietly meson setup "$dir" "$here" "$@"
fi
# Asking ninja first keeps a second run silent: "building" is printed only when there is something to build.
if [ "$(ninja -C "$dir" -n "${targets[@]}" 2>/dev/null | tail -n 1)" != "ninja: no work to do." ]; then
    say "building $dir (the first build takes some minutes)"
    quietly ninja -C "$dir" "${targets[@]}"
fi
