#!/usr/bin/env bash
# lib-info.sh BUILD_DIR: the shared library, its version and exported symbols.
set -euo pipefail
lib=$(find "$1" -maxdepth 2 -name 'libpgz.so*' -type f | head -n 1)
[ -n "$lib" ] || { echo "no libpgz.so in $1" >&2; exit 1; }
echo "library   $lib ($(stat -c %s "$lib") bytes)"
echo "soname    $(readelf -d "$lib" | sed -n 's/.*soname: \[\(.*\)\]/\1/p')"
echo "version   $(sed -n "s/^  version: '\(.*\)',/\1/p" meson.build)"
symbols=$(nm -D --defined-only "$lib" | awk '$2 ~ /[TDBR]/ {sub(/@.*/, "", $3); print $3}' | sort)
echo "exports   $(wc -l <<<"$symbols") symbols"
sed 's/^/  /' <<<"$symbols"
