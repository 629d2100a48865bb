#!/usr/bin/env bash
# test-cpp.sh BUILD_DIR: builds and runs the GoogleTest binaries, and prints counts.
set -euo pipefail
dir=$1
log=build/test-cpp.log
# The programs' limits are for a machine that does nothing else.
if ! meson test -C "$dir" --timeout-multiplier 5 --print-errorlogs >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
cases=$(grep -ho '<testcase ' "$dir"/meson-logs/*.xml 2>/dev/null | wc -l)
awk '/^Ok:/ {ok=$2} /^Fail:/ {fail=$2} /^Skipped:/ {skip=$2} END {
  printf "engine test programs: %d passed, %d failed, %d skipped\n", ok, fail, skip }' "$log"
