#!/usr/bin/env bash
# test-planted.sh: builds the engine with its planted bugs and runs the
# simulator's own test: each bug is found within the number of seeds that
# tests/sim/selftest.cc states, and nothing is found without one.
set -euo pipefail
dir=build/meson-planted
log=build/planted.log
mkdir -p build
[ -f "$dir/build.ninja" ] || meson setup "$dir" --buildtype=debugoptimized -Dplanted_bugs=true >"$log"
ninja -C "$dir" tests/sim/pgz-sim >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
exec "$dir/tests/sim/pgz-sim" --self-test
