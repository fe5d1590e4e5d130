#!/usr/bin/env bash
# Measures which lines of lib/wire, lib/net and lib/tcp the tests execute: unit, conformance, simulation and fuzz corpora.
#
#   scripts/coverage.sh                 prints a table of the rooms and the lines that no test executes
#   scripts/coverage.sh --check         only the table; fails when a room has less than 95 % of its lines
#
# The build directory is $BUILD (build-coverage): g++, not optimised, without DPDK, only the programs that are run.
# The last line is N passed, N failed, N skipped: one case per room.
set -euo pipefail
cd "$(dirname "$0")/.."
options=(--lines)
while [ $# -gt 0 ]; do
    case $1 in
        --check) options=() ;;
        -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "coverage: unknown option '$1'; see --help" >&2; exit 2 ;;
    esac
    shift
done
build=${BUILD:-build-coverage}
programs=(unit-wire unit-net unit-tcp unit-stack unit-stack-ipv6 simulation-grid)
targets=(tests/unit/wire/unit_wire tests/unit/net/unit-net tests/unit/tcp/unit-tcp tests/unit/stack/unit_stack
    tests/conformance/conformance tests/simulation/simulation tests/simulation/simulation_grid)
for room in wire net; do
    case $room in
        wire) replays=(arp dump ether icmp icmpv6 ipv4 ipv6 tcp tcp_options) ;;
        net) replays=(frame6 nd engine) ;;
    esac
    for name in "${replays[@]}"; do targets+=("tests/fuzz/replay_$name") programs+=("fuzz-$name"); done
done
programs+=(fuzz-engine-6)
for name in wrap timestamps ipv6; do programs+=("conformance-$name"); done
for shard in 0 1 2 3 4 5 6 7; do programs+=("simulation-$shard"); done

CXX=g++ scripts/build.sh "$build" "${targets[@]}" -- -Dbuildtype=plain -Doptimization=0 -Db_coverage=true -Ddpdk=false \
    -Dbench=false -Dapps=false -Dlibrary=false
find "$build" -name '*.gcda' -delete
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# A failed test is judged elsewhere, but its lines would be missing here.
if ! meson test -C "$build" --no-rebuild --timeout-multiplier 4 "${programs[@]}" >"$log" 2>&1; then
    tail -n 40 "$log"
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
fi
scripts/coverage.py "${options[@]}" --least 95 "$build" lib/wire lib/net lib/tcp
