#!/usr/bin/env bash
# Builds the Debian packages synfin, libsynfin0 and libsynfin-dev from this tree, including uncommitted changes.
#
#   scripts/package.sh [DIR]        writes the .deb files to DIR (default: dist)
#
# Installs the packages needed to build (scripts/install-deps.sh build package). Prints progress and errors to standard error.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
say() { printf 'package: %s\n' "$*" >&2; }
case ${1:-} in
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) say "unknown option '$1': usage: scripts/package.sh [DIR]"; exit 2 ;;
esac
out=${1:-$here/dist}
mkdir -p "$out"
out=$(cd "$out" && pwd)

"$here/scripts/install-deps.sh" build package

# dpkg-buildpackage needs debian/ at the top and writes next to the tree, so it gets a copy of the tree. The copy always has the same
# path, which a compiler cache needs for hits.
work=$here/build-package
mkdir "$work" || { say "$work exists: another run is active, or was killed; remove the directory and try again"; exit 1; }
trap 'rm -rf "$work"' EXIT
mkdir "$work/synfin"
if git -C "$here" rev-parse --git-dir >/dev/null 2>&1; then
    git -C "$here" ls-files -z --cached --others --exclude-standard |
        (cd "$here" && while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done)
else  # an unpacked archive
    (cd "$here" && find . -mindepth 1 -path './build*' -prune -o -path ./dist -prune -o -type f -print0)
fi | tar -C "$here" --null -T - -cf - | tar -C "$work/synfin" -xf -
mv "$work/synfin/scripts/packaging/debian" "$work/synfin/debian"

say "building (some minutes)"
log=$work/build.log
if ! (cd "$work/synfin" && DEB_BUILD_OPTIONS="noautodbgsym nocheck parallel=$(nproc) ${DEB_BUILD_OPTIONS:-}" \
    dpkg-buildpackage --build=binary --unsigned-source --unsigned-changes) >"$log" 2>&1; then
    tail -n 60 "$log" >&2
    say "dpkg-buildpackage failed; the end of its output is above"
    exit 1
fi
rm -f "$out"/synfin_*.deb "$out"/libsynfin0_*.deb "$out"/libsynfin-dev_*.deb
cp "$work"/*.deb "$out/"
say "$(cd "$out" && ls -- *synfin*.deb | tr '\n' ' ')in $out"
if command -v lintian >/dev/null; then
    lintian --profile debian --fail-on error "$work"/*.changes >&2 || { say "lintian found errors"; exit 1; }
fi
