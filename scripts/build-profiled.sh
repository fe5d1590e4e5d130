#!/usr/bin/env bash
# Builds the command guided by a profile of itself: compiled with counters, run over the in-memory wire, compiled again. Twice the
# time of scripts/build.sh, for a command that takes a tenth fewer instructions for a connection. g++ only.
#
#   scripts/build-profiled.sh DIR      the command is DIR/apps/synfin/synfin
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -eq 1 ] || { sed -n '5s/^# *//p' "$0" >&2; exit 2; }
dir=$1
[ ! -e "$dir" ] || { echo "build-profiled: $dir exists already" >&2; exit 1; }

targets=(apps/synfin/synfin bench/instructions/crr)
"$here/build.sh" "$dir" "${targets[@]}" -- -Dtests=false -Db_pgo=generate

# Every state and kind of traffic that the wire carries; on one core, so that the two ends do not write one counter at once.
synfin=$dir/apps/synfin/synfin
"$dir/bench/instructions/crr" 40000 >/dev/null
for profile in crr cc rr stream http; do
    "$synfin" bench --profile "$profile" --cores 0 -d 1s --quiet >/dev/null
done
"$synfin" bench --loss 1% --cores 0 -d 1s --quiet >/dev/null

# What no run came by is compiled as ever, not for size: the cards' ways are not on this wire.
meson configure "$dir" -Db_pgo=use \
    "-Dcpp_args=-fprofile-partial-training,-Wno-missing-profile,-Wno-coverage-mismatch" >/dev/null
"$here/build.sh" "$dir" "${targets[@]}"
