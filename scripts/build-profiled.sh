#!/usr/bin/env bash
# Builds the command with profile-guided optimisation (PGO): compiles it with counters, runs it over the in-memory wire and memif,
# and compiles it again. Files without data path code are compiled once. A changed source starts a new build, because a profile of
# other sources makes the code slower.
#
#   [MARCH=native] scripts/build-profiled.sh [DIR [NINJA_TARGET...]]     DIR: default build-profiled, which scripts/run.sh uses
#   scripts/build-profiled.sh --is-current DIR       exit status 0 if DIR holds a build of these sources for this processor
#
# The command is built for this machine's processor and may not run on another, where DIR is rebuilt. MARCH=x86-64-v3 runs on every
# processor with AVX2 (and in valgrind, which lacks AVX-512). In a DIR that scripts/build.sh has configured, and with clang, this
# script only calls scripts/build.sh: no profile and no MARCH.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
say() { printf 'build: %s\n' "$*" >&2; }
only_ask=no
if [ "${1:-}" = --is-current ]; then
    only_ask=yes
    shift
fi
case "${1:-}" in -*) say "usage: scripts/build-profiled.sh [--is-current] [DIR [TARGET...]]"; exit 2 ;; esac
dir=${1:-$(dirname "$here")/build-profiled}
[ $# -eq 0 ] || shift
targets=("$@")
[ $# -gt 0 ] || targets=(apps/synfin/synfin)

march=${MARCH:-native}
is_gcc() { case $("${CXX:-c++}" -v 2>&1) in *"gcc version"*) ;; *) false ;; esac; }
made_of() {
    (cd "$here/.." && find include lib apps bench/floor bench/instructions bench/meson.build meson.build meson_options.txt scripts/build-profiled.sh -type f -print0 |
        sort -z | xargs -0 sha256sum)
    ! is_gcc || "${CXX:-c++}" "-march=$march" -Q --help=target
}
state=$dir/profile-of
if [ "$only_ask" = yes ] && [ ! -s "$state" ]; then exit 1; fi
now=$(made_of | sha256sum)
if [ "$only_ask" = yes ]; then
    [ "$(cat "$state")" = "$now" ] && [ -x "$dir/apps/synfin/synfin" ]
    exit
fi
# A build of other sources, for another processor, or an interrupted one.
if [ -f "$state" ] && [ "$(cat "$state")" != "$now" ]; then rm -rf "$dir"; fi
plainly() { exec "$here/build.sh" "$dir" "${targets[@]}"; }
[ ! -e "$dir" ] || plainly
is_gcc || plainly

mkdir -p "$dir"
: >"$state"
say "building twice: with counters, then with the profile (scripts/run.sh builds once)"
"$here/build.sh" "$dir" apps/synfin/synfin bench/instructions/crr -- -Dtests=false -Dlibrary=false "-Dmarch=$march" -Db_pgo=generate

# Every kind of traffic and every state. On one core, so that the two ends do not write the same counter concurrently.
core=$(sed -nE 's/^Cpus_allowed_list:\s*([0-9]+).*/\1/p' /proc/self/status)
run_all() {
    "$dir/bench/instructions/crr" 40000 || return
    local profile
    for profile in crr connect rr stream http; do
        "$dir/apps/synfin/synfin" bench --profile "$profile" --cores "$core" -d 500ms --set validity.lost=100% || return
    done
    "$dir/apps/synfin/synfin" bench --loss 1% --cores "$core" -d 1s --set validity.lost=100% || return
    # The loops of the server and of the generator, in two processes.
    local server status=0 device="memif:$dir/profile.sock"
    "$dir/apps/synfin/synfin" serve --app http --device "$device,server" --address 10.0.0.2/24 --cores "$core" --no-huge --control "$dir/profile.serve" &
    server=$!
    "$dir/apps/synfin/synfin" load http://10.0.0.2/ --close-by server --device "$device" --address 10.0.0.1/24 --cores "$core" --no-huge --control "$dir/profile.load" \
        -c 256 -d 2s || status=$?
    kill -INT "$server"
    wait "$server" && return "$status"
}
if run_all >/dev/null; then
    meson configure "$dir" -Db_pgo=use
else
    say "the command failed with counters: building without a profile"
    meson configure "$dir" -Db_pgo=off
fi
"$here/build.sh" "$dir" "${targets[@]}"
echo "$now" >"$state"
