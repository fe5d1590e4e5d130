#!/usr/bin/env bash
# Checks the format of our sources and analyses them.
#
#   scripts/lint.sh format          fails if clang-format would change a file
#   scripts/lint.sh format --fix    formats the files
#   scripts/lint.sh headers         checks that each header of include/ and lib/ compiles alone
#   scripts/lint.sh tidy [FILE...]  clang-tidy (.clang-tidy) on the sources of lib/ and apps/, or on FILE...; needs build-test/
#   scripts/lint.sh                 all of them
set -euo pipefail
cd "$(dirname "$0")/.."
say() { printf 'lint: %s\n' "$*" >&2; }
jobs=$(nproc)

format() {
    local files
    mapfile -t files < <(find include lib apps bench tests -name '*.hh' -o -name '*.cc' | sort)
    if [ "${1:-}" = --fix ]; then
        clang-format -i --style=file "${files[@]}"
        return
    fi
    local wrong
    wrong=$(clang-format --style=file --dry-run "${files[@]}" 2>&1 | sed -n 's/^\([^ :]*:[0-9]*\):.*violations.*/\1/p' | sort -u -t: -k1,1)
    [ -z "$wrong" ] || { printf '%s: differs from clang-format\n' $wrong >&2; say "fix with: scripts/lint.sh format --fix"; return 1; }
}

headers() {
    # Include DPDK as system headers, so that their warnings are ignored.
    local dpdk
    dpdk=$(pkg-config --cflags libdpdk | sed 's/-I/-isystem /g')
    # shellcheck disable=SC2016,SC2086
    find include lib -name '*.hh' | sort | xargs -r -P "$jobs" -I{} sh -c '
        g++ -std=c++20 -march=x86-64-v3 -maes -Wall -Wextra -Wpedantic -Wshadow -Werror -fsyntax-only \
            -Iinclude -Ilib '"$dpdk"' -x c++ -include "$1" /dev/null ||
            { echo "$1: does not compile alone" >&2; exit 1; }' sh {}
}

tidy() {
    local db=${BUILD:-build-test}/compile_commands.json
    [ -f $db ] || { say "no $db: make it with scripts/build.sh build-test"; exit 1; }
    local files=("$@")
    [ ${#files[@]} -gt 0 ] || mapfile -t files < <(find include lib apps -name '*.cc' | sort)
    # Longest first, so that no core is left with the largest file at the end.
    mapfile -t files < <(ls -S -- "${files[@]}")
    printf '%s\0' "${files[@]}" | xargs -0 -P "$jobs" -n 1 clang-tidy -p "${BUILD:-build-test}" --quiet \
        --extra-arg="-I$PWD/apps/synfin/precompiled" --extra-arg=-Wno-unknown-warning-option --extra-arg=-Wno-ignored-optimization-argument --extra-arg=-Wno-unused-command-line-argument 2> >(grep -v 'warnings generated\.$' >&2)
}

case ${1:-all} in
    format | headers | tidy) "$@" ;;
    all) format && headers && tidy ;;
    *) say "usage: scripts/lint.sh [format [--fix] | headers | tidy [FILE...]]"; exit 2 ;;
esac
