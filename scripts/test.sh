#!/usr/bin/env bash
# Installs missing packages, builds, and runs the tests. The last line is the total: N passed, N failed, N skipped.
#
#   scripts/test.sh                  the default stages
#   scripts/test.sh --ci             the default stages and those for CI only: tidy, core, threads, install, soak, coverage
#   scripts/test.sh --long ...       also compares all rows of docs/loss.md (some minutes)
#   scripts/test.sh [--all] STAGE... only the given stages; `--all nic` runs every case on every emulated card
#
# Three stages run only when named, as root: package builds the Debian packages and installs them in a fresh chroot,
# loss sends bulk data over a faulty wire for minutes, and attack floods a server over veth for 30 minutes. The stage
# integration has a short form of loss and attack.
# Exit status 1 when a case failed. The stages integration and nic need root; without it they are skipped, with the reason.
set -uo pipefail
cd "$(dirname "$0")/.."

default_stages=(format layers headers docs unit bench sanitize integration nic)
ci_stages=(tidy core threads install soak coverage)
named_stages=(package loss attack)
usage() { sed -n '2,12s/^# \{0,1\}//p' "$0"; echo "stages: ${default_stages[*]} ${ci_stages[*]} ${named_stages[*]}"; }
stages=() all=no ci=no
for word in "$@"; do
    case $word in
        -h | --help) usage; exit 0 ;;
        --ci) ci=yes ;;
        --long) export SYNFIN_LONG=1 ;;
        --all) all=yes ;;
        *)
            case " ${default_stages[*]} ${ci_stages[*]} ${named_stages[*]} " in
                *" $word "*) stages+=("$word") ;;
                *) echo "test: no stage '$word'" >&2; usage >&2; exit 2 ;;
            esac
            ;;
    esac
done
[ ${#stages[@]} -gt 0 ] || stages=("${default_stages[@]}")
[ $ci = no ] || stages+=("${ci_stages[@]}")

# Not the build of run.sh, which has no tests.
release=${BUILD:-build-test}
sanitized=$release-sanitize
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
passed=0 failed=0 skipped=0
summary=()

# Takes the counts from the last line of a log ("3 passed, 0 failed, 1 skipped").
count_last_line() {
    local p f s
    if read -r p f s < <(tail -n 1 "$1" | sed -nE 's/^.*\b([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/\1 \2 \3/p'); then
        stage_passed=$((stage_passed + p)) stage_failed=$((stage_failed + f)) stage_skipped=$((stage_skipped + s))
    else
        stage_failed=$((stage_failed + 1))  # no total in the last line: the program crashed
    fi
}
# Runs a check that counts as one case.
check() {
    if "$@"; then stage_passed=$((stage_passed + 1)); else
        stage_failed=$((stage_failed + 1))
        printf '  FAILED: %s\n' "$*"
    fi
}
# Shows a command's output only if it fails.
quiet() { "$@" >"$results/quiet.log" 2>&1 || { cat "$results/quiet.log"; return 1; }; }
# Runs a command that prints its own total as its last line.
counted() {
    "$@" 2>&1 | tee "$results/counted.log"
    local status=${PIPESTATUS[0]} failed_before=$stage_failed
    count_last_line "$results/counted.log"
    if [ "$status" != 0 ] && [ "$stage_failed" = "$failed_before" ]; then stage_failed=$((stage_failed + 1)); fi
}
# Runs `meson test` and counts googletest's cases one by one.
meson_tests() {
    local dir=$1 xml=$results/xml-$(basename "$1")
    shift
    mkdir -p "$xml"
    if ! REPORTS=$xml meson test -C "$dir" --no-rebuild --print-errorlogs --wrapper "$PWD/scripts/gtest_report.sh" "$@" \
        >"$results/meson.log" 2>&1; then
        cat "$results/meson.log"
    fi
    counted scripts/tally.py "$dir" "$xml"
}

stage_format() { check scripts/lint.sh format; }
stage_layers() {
    check scripts/check_layers.py
    counted scripts/check_layers.py --self-test
}
stage_headers() { check scripts/lint.sh headers; }
stage_tidy() { BUILD=$release check scripts/lint.sh tidy; }
stage_docs() {
    check scripts/check_docs.py
    check scripts/performance_tables.py
    check scripts/linux_table.py
    check scripts/loss_tables.py
}
stage_unit() {
    meson_tests $release
    check scripts/conformance_matrix.py --check "$results/xml-$(basename $release)"
}
# Checks that the benchmarks run, without judging their figures. Instruction counts are exact and must match a committed number.
stage_bench() {
    local micro
    for micro in "$release"/bench/micro/micro-*; do
        [ ! -x "$micro" ] || [ -d "$micro" ] || check quiet "$micro" --benchmark_min_time=0.01
    done
    check quiet "$release/apps/synfin/synfin" bench -d 1s --set validity.lost=100%
    check scripts/instructions.py --check --crr "$release/bench/instructions/crr"
}
# The second compiler with the sanitizers: unit, conformance, simulation (fewer connections) and the fuzz corpus. Builds only the
# programs that the tests run.
stage_sanitize() {
    local before=$stage_failed
    check env CC=clang CXX=clang++ scripts/build.sh $sanitized meson-test-prereq -- -Dbuildtype=debugoptimized \
        -Db_sanitize=address,undefined -Db_lundef=false -Dbench=false
    [ "$stage_failed" = "$before" ] || return
    ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
        meson_tests $sanitized --no-suite exhaustive
}
stage_integration() { counted tests/integration/run.py --synfin $release/apps/synfin/synfin; }
# Bulk transfers of 30 seconds over a faulty wire. tests/loss/against_linux.py compares the goodput with Linux's.
stage_loss() { counted tests/integration/run.py --long --synfin $release/apps/synfin/synfin test_faulty_wire; }
# Every attack of tests/attack beside legitimate clients.
stage_attack() { counted tests/attack/run.py --synfin $release/apps/synfin/synfin; }
# Emulated network cards: one case per driver, or with --all every case on every card. If QEMU cannot be installed, the cases are
# skipped with the reason.
stage_nic() {
    local options=()
    [ $all = no ] || options=(--all)
    scripts/install-deps.sh nic || true
    counted tests/niclab/run.py "${options[@]}" --synfin $release/apps/synfin/synfin
}
# Checks that the rooms without DPDK compile and link without it, into a library without undefined symbols.
stage_core() {
    check scripts/build.sh $release-core -- -Ddpdk=false -Dtests=false -Dbench=false -Doptimization=0
}
# Builds programs outside the tree against an installed library: pkg-config (shared, static), CMake, meson subproject.
stage_install() {
    check scripts/install-deps.sh library
    counted tests/install/run.py --build $release
}
# Two engines for two minutes: see scripts/soak.sh.
stage_soak() { BUILD=$release counted scripts/soak.sh --short; }
# The share of the lines of wire, net and tcp that the tests execute.
stage_coverage() { BUILD=$release-coverage counted scripts/coverage.sh --check; }
# Installs the Debian packages in a fresh Debian 12 (as root; takes a few minutes).
stage_package() {
    check scripts/install-deps.sh package
    counted tests/install/chroot.sh
}
# The thread sanitizer on data that threads share: rings, mailboxes, the wire between two engines, the runner.
stage_threads() {
    local dir=$release-threads before=$stage_failed
    check scripts/build.sh $dir tests/unit/base/unit-base tests/unit/api/unit-runtime tests/unit/api/unit-runner \
        tests/sharing/sharing_threads -- \
        -Dbuildtype=debugoptimized -Db_sanitize=thread -Dbench=false -Dapps=false -Dlibrary=false
    [ "$stage_failed" = "$before" ] || return
    TSAN_OPTIONS=halt_on_error=1 meson_tests $dir unit-base unit-runtime unit-runner sharing-threads
}

run_stage() {
    local name=$1 begin=$SECONDS
    stage_passed=0 stage_failed=0 stage_skipped=0
    printf -- '--- %s\n' "$name"
    "stage_$name"
    passed=$((passed + stage_passed)) failed=$((failed + stage_failed)) skipped=$((skipped + stage_skipped))
    summary+=("$(printf '%-12s %5d passed %4d failed %4d skipped %5d s' "$name" $stage_passed $stage_failed $stage_skipped $((SECONDS - begin)))")
}
stage_build() {
    check scripts/install-deps.sh build test
    check scripts/build.sh $release
}

run_stage build
[ "$failed" = 0 ] || stages=()  # the stages would test an older build
for stage in "${stages[@]}"; do run_stage "$stage"; done

echo
printf '%s\n' "${summary[@]}"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
