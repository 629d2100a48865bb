#!/usr/bin/env bash
# build-lib.sh BUILD_DIR TYPE: configures (once) and builds the engine, and puts
# the static library where the Go binding links it from.
# TYPE: debug, release or asan (AddressSanitizer and UndefinedBehaviorSanitizer).
set -euo pipefail
dir=$1 type=$2
case $type in
  release) options=(--buildtype=release) ;;
  debug) options=(--buildtype=debug) ;;
  asan) options=(--buildtype=debug -Db_sanitize=address,undefined) ;;
  *) echo "build type $type is none of debug, release, asan" >&2; exit 2 ;;
esac
log=build/build.log
mkdir -p build
if ! [ -f "$dir/build.ninja" ] || [ "$(cat "$dir/pgz-type" 2>/dev/null)" != "$type" ]; then
  rm -rf "$dir"
  meson setup "$dir" "${options[@]}" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
  echo "$type" >"$dir/pgz-type"
fi
ninja -C "$dir" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
capi/publish.sh "$dir"
