#!/usr/bin/env bash
# Installs the Debian packages that synfin needs, and only those that are missing.
#
#   scripts/install-deps.sh [build] [test] [nic] [library] [package]      (default: build and test)
#
# build: to compile the command.   test: to compile the tests and benchmarks, and programs that scripts/test.sh runs.
# nic: to emulate network cards in the stage nic (18 MB; the stage unpacks 110 MB more in the build directory).
# library: for the stage install of scripts/test.sh.   package: for scripts/package.sh.
# Does nothing, and needs no privileges, when all packages are installed. Uses sudo when not root.
set -euo pipefail

# One line per package, with the reason, so that unneeded packages are noticed.
build_packages=(
    g++             # the compiler (12 or later)
    meson           # the build system ...
    ninja-build     # ... and its backend
    pkgconf         # meson finds DPDK with it
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
    libboost-dev    # Boost.Beast: the HTTP parser that we compare ours with
    iproute2        # ip, ss: namespaces and veth pairs
    curl            # an HTTP client on kernel TCP
    wrk             # a load generator on kernel TCP
    nginx-light     # servers on kernel TCP ...
    haproxy
    apache2-bin
    lighttpd
    nodejs
    apache2-utils   # ... and clients: ab,
    nghttp2-client  # h2load
    iperf           # version 2: a bulk sender on kernel TCP
    ethtool         # a faulty wire needs the packets as on a link: no offloads
    valgrind        # callgrind counts instructions per connection
    tcpdump         # the packets of a failed integration test, as text
    chromium-headless-shell # looks at the report's page (64 MB)
)

nic_packages=(
    qemu-system-x86 # machines with network cards
    busybox-static  # the guests' userland
    socat           # reaches the command's control socket in a guest
)
library_packages=(
    cmake           # builds a CMake project against the installed library
    pkgconf
)
package_packages=(
    debhelper       # builds the packages ...
    dpkg-dev
    lintian         # ... and checks them
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
        say "not root, and sudo is not installed; run as root: apt-get install ${missing[*]}"
        exit 1
    fi
    as_root=(sudo)
fi

# Packages with a daemon (nginx-light, haproxy, lighttpd) must not start it: policy-rc.d answers 101, "not allowed".
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

# Keep the daemons off at the next boot too: the tests run their own servers inside namespaces.
for daemon in nginx haproxy lighttpd; do
    case " ${missing[*]} " in
        *" $daemon"*) if [ -d /run/systemd/system ]; then "${as_root[@]}" systemctl disable --now --quiet $daemon || true; fi ;;
    esac
done
