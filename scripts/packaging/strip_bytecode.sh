#!/bin/sh
# Removes link-time optimisation bytecode from an installed archive. `meson install` runs it.
#
#   strip_bytecode.sh ARCHIVE      absolute, or relative to the prefix
set -eu
case $1 in
    /*) archive=${DESTDIR:-}$1 ;;
    *) archive=$MESON_INSTALL_DESTDIR_PREFIX/$1 ;;
esac
objcopy --wildcard --remove-section='.gnu.lto_*' --remove-section='.gnu.debuglto_*' --strip-symbol=__gnu_lto_v1 \
    "$archive"
