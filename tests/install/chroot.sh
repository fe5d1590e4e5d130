#!/usr/bin/env bash
# Builds the Debian packages, installs them in a fresh Debian 12 and uses them there. The last line is the summary.
#
#   tests/install/chroot.sh [DIR]     DIR: packages of scripts/package.sh; without it the script builds them
#
# Needs root, mmdebstrap and the mirror of this machine's apt. The chroot is a temporary folder (500 MB with the compiler).
set -uo pipefail
cd "$(dirname "$0")/../.."
passed=0 failed=0
finish() { echo "$passed passed, $failed failed, ${1:-0} skipped"; [ $failed = 0 ]; exit; }
skip() { echo "SKIP: $1"; finish 1; }

[ "$(id -u)" = 0 ] || skip "not root: a chroot needs root (sudo scripts/test.sh package)"
command -v mmdebstrap >/dev/null || skip "no mmdebstrap: scripts/install-deps.sh package installs it"

# Runs in its own mount namespace, whose end unmounts /proc and /sys of the chroot.
[ -n "${SYNFIN_IN_NAMESPACE:-}" ] || exec env SYNFIN_IN_NAMESPACE=1 unshare --mount --propagation private "$PWD/tests/install/chroot.sh" "$@"

work=$(mktemp -d)
root=$work/root
end() {
    umount -q "$root/proc" "$root/sys"
    rm -rf --one-file-system "$work"
}
trap end EXIT
# Runs a command, and shows its output only if it fails.
check() {
    local name=$1 begin=$SECONDS
    shift
    if "$@" >"$work/log" 2>&1; then
        passed=$((passed + 1)) && echo "PASS $name ($((SECONDS - begin)) s)"
    else
        failed=$((failed + 1)) && echo "FAIL $name: $*" && tail -n 30 "$work/log"
        return 1
    fi
}
in_root() { chroot "$root" "$@"; }
in_root_sh() { chroot "$root" /bin/sh -c "$1"; }

packages=${1:-$work/packages}
[ $# -gt 0 ] || check "packages are built" scripts/package.sh "$packages" || finish

mkdir -p "$work/copy"
check "the packages are there" cp "$packages"/synfin_*.deb "$packages"/libsynfin0_*.deb "$packages"/libsynfin-dev_*.deb "$work/copy" || finish
mirror=$(sed -nE 's/^(URIs:|deb) +(\[[^]]*\] +)?(https?:[^ ]+debian)\/?( .*)?$/\3/p' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1)
check "a fresh Debian 12" mmdebstrap --variant=minbase --quiet --components=main \
    --customize-hook="mkdir -p \$1/packages; cp $work/copy/*.deb \$1/packages" \
    bookworm "$root" "${mirror:-http://deb.debian.org/debian}" || finish

# DPDK reads the cores and caches of the machine there.
mount -t proc proc "$root/proc" && mount --bind --read-only /sys "$root/sys" || skip "mounting /proc and /sys failed: DPDK needs them"

check "synfin installs" in_root_sh 'apt-get update -q && apt-get install -qy --no-install-recommends /packages/synfin_*.deb' || finish
check "the command runs" in_root synfin --version
check "bench gives a figure" in_root_sh 'synfin bench -d 1s --set validity.lost=100% --json /bench.json && grep -q "\"cps\"" /bench.json'
check "the manual page is found" in_root_sh 'test -s /usr/share/man/man1/synfin.1.gz'
check "the completion is there" in_root_sh 'bash -c "source /usr/share/bash-completion/completions/synfin && complete -p synfin"'
check "the examples are valid" in_root_sh 'synfin check /usr/share/doc/synfin/examples/serve-http.yaml'
check "synfin needs no libsynfin0" in_root_sh '! dpkg -s libsynfin0 >/dev/null 2>&1'

check "the library installs" in_root_sh 'apt-get install -qy --no-install-recommends /packages/libsynfin*.deb g++ pkgconf man-db' || finish
cp tests/install/echo.cc "$root/"
check "a program builds against the shared library, without DPDK's headers" in_root_sh \
    'test ! -e /usr/include/dpdk && g++ -std=c++20 -O1 /echo.cc -o /echo $(pkg-config --cflags --libs synfin)'
check "and runs" in_root_sh '/echo | grep "hello from outside"'
check "pkg-config adds no search path of its own" in_root_sh 'test -z "$(pkg-config --cflags synfin)"'
check "man -w knows the page" in_root man -w synfin
check "removal leaves no files" in_root_sh 'apt-get purge -qy synfin libsynfin0 libsynfin-dev && ! ls /usr/include/synfin /usr/bin/synfin /usr/lib/*/libsynfin* 2>/dev/null'
finish
