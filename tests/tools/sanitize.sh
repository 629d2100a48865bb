#!/usr/bin/env bash
# Builds and runs the engine's tests under ASan and UBSan, then under TSan, each
# in a build folder of its own.
set -euo pipefail
for kind in address,undefined thread; do
  dir=build/meson-${kind%%,*}
  [ -f "$dir/build.ninja" ] || meson setup "$dir" --buildtype=debugoptimized "-Db_sanitize=$kind" >/dev/null
  echo "== $kind"
  # Fibers of the simulator switch stacks, which TSan cannot follow.
  args=()
  [ $kind = thread ] && args=(--no-suite sim)
  TSAN_OPTIONS=halt_on_error=1 ASAN_OPTIONS=detect_stack_use_after_return=0 \
    meson test -C "$dir" --print-errorlogs --timeout-multiplier 8 "${args[@]}" | tail -n 12
done
