#!/usr/bin/env bash
# Runs two engines for a long time: mixed connections, loss and floods, in virtual time (tests/soak). Fails when a record
# or block is not freed, a packet or a connection is not accounted for, a byte is wrong, or the process grows.
#
#   scripts/soak.sh                   one hour
#   scripts/soak.sh --short           two minutes
#   scripts/soak.sh --seconds N [--seed N]
#
# The build directory is $BUILD (build-test). The last line is N passed, N failed, N skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=3600 seed=1
while [ $# -gt 0 ]; do
    case $1 in
        --short) seconds=120 ;;
        --seconds) seconds=${2:?--seconds: missing number}; shift ;;
        --seed) seed=${2:?--seed: missing number}; shift ;;
        -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "soak: unknown option '$1'; see --help" >&2; exit 2 ;;
    esac
    shift
done
build=${BUILD:-build-test}
scripts/build.sh "$build" tests/soak/soak
exec "$build/tests/soak/soak" --seconds "$seconds" --seed "$seed"
