#!/usr/bin/env bash
# Installs the Debian packages that synfin needs, and only those that are missing.
#
#   scripts/install-deps.sh [build] [test] [nic] [library] [package]      (default: build and test)
#
# build: what compiles the command.   test: what compiles the tests and benchmarks, and what scripts/test.sh runs beside them.
# nic: what its last stage emulates network cards with (18 MB; the rest of that, 110 MB, it unpacks in the build directory).
# library: what scripts/test.sh install builds programs with.   package: what scripts/package.sh needs.
# Does nothing, and needs no rights, when everything is there. Uses sudo when not root.
set -euo pipefail

# One line each, with the reason, so that a package that is no longer needed is seen.
build_packages=(
    g++             # the compiler (12 or later)
    meson           # the build system ...
    ninja-build     # ... and what it drives
    pkgconf         # how meson finds DPDK
    libdpdk-dev     # 22.11, with every poll-mode driver
    libyaml-cpp-dev # configuration files
    libcli11-dev    # the command line
    libfmt-dev      # text output
    nlohmann-json3-dev # results as JSON
)
test_packages=(
    libgtest-dev    # unit, conformance and simulation tests
    libbenchmark-dev # bench/micro
    clang           # the second compiler: sanitizers and libFuzzer
    clang-format
    clang-tidy
    python3         # layer check, integration tests
    libboost-dev    # Boost.Beast: the parser that ours is compared with
    iproute2        # ip, ss: namespaces and veth pairs
    curl            # an HTTP client of the kernel's
    wrk             # a load generator of the kernel's
    nginx-light     # servers of the kernel's ...
    haproxy
    apache2-bin
    lighttpd
    nodejs
    apache2-utils   # ... and clients: ab,
    nghttp2-client  # h2load
    valgrind        # callgrind counts instructions per connection
    tcpdump         # the packets of a failed integration test, as text
)

nic_packages=(
    qemu-system-x86 # machines with network cards
    busybox-static  # the guests' userland
    socat           # reaches the command's control socket in a guest
)
library_packages=(
    cmake           # finds the installed library as CMake projects do
    pkgconf
)
package_packages=(
    debhelper       # builds the packages ...
    dpkg-dev
    lintian         # ... and judges them
    mmdebstrap      # a fresh Debian 12 to install them in
)

say() { printf 'install-deps: %s\n' "$*" >&2; }

wanted=()
for set in "${@:-build test}"; do
    for name in $set; do
        case $name in
            build) wanted+=("${build_packages[@]}") ;;
            test) wanted+=("${test_packages[@]}") ;;
            nic) wanted+=("${nic_packages[@]}") ;;
            library) wanted+=("${library_packages[@]}") ;;
            package) wanted+=("${package_packages[@]}") ;;
            *) say "unknown set '$name': expected build, test, nic, library or package"; exit 2 ;;
        esac
    done
done

if ! command -v dpkg-query >/dev/null; then
    say "this is not Debian; install the equivalent of: ${wanted[*]}"
    exit 1
fi

missing=()
for package in "${wanted[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        say "missing: ${missing[*]}"
        say "not root, and there is no sudo; run this as root: apt-get install ${missing[*]}"
        exit 1
    fi
    as_root=(sudo)
fi

# A package that brings a daemon (nginx-light, haproxy, lighttpd) must not start it: policy-rc.d answers 101, "not allowed".
policy=/usr/sbin/policy-rc.d
made_policy=no
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
    "${as_root[@]}" chmod 755 $policy
    made_policy=yes
fi
finish() { [ $made_policy = no ] || "${as_root[@]}" rm -f $policy; }
trap finish EXIT

log=$(mktemp)
quietly() {  # shows what a command printed only if it fails
    if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1; then
        cat "$log" >&2
        say "failed: $*"
        rm -f "$log"
        exit 1
    fi
}
say "installing ${missing[*]}"
quietly apt-get update
quietly apt-get install -y --no-install-recommends "${missing[@]}"
rm -f "$log"

# Neither now nor at the next start: the tests run servers of their own inside namespaces.
for daemon in nginx haproxy lighttpd; do
    case " ${missing[*]} " in
        *" $daemon"*) if [ -d /run/systemd/system ]; then "${as_root[@]}" systemctl disable --now --quiet $daemon || true; fi ;;
    esac
done
