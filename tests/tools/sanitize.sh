#!/usr/bin/env bash
# sanitize.sh [asan] [tsan]: builds and runs the engine's tests under ASan and
# UBSan (with leak detection at exit), then under TSan, each in a build folder of
# its own. Without an argument both. Prints a line per kind; exits 1 if one fails.
set -euo pipefail
[ $# -gt 0 ] || set -- asan tsan
status=0
for name in "$@"; do
  args=()
  case $name in
    asan) kind=address,undefined ;;
    # Fibers of the simulator switch stacks, which TSan cannot follow.
    tsan) kind=thread args=(--no-suite sim) ;;
    *) echo "sanitize: $name is none of asan, tsan" >&2; exit 2 ;;
  esac
  dir=build/meson-${kind%%,*}
  log=build/sanitize-$name.log
  [ -f "$dir/build.ninja" ] || meson setup "$dir" --buildtype=debugoptimized "-Db_sanitize=$kind" >/dev/null
  # A report of UBSan ends the test, as one of the others does.
  if TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
    ASAN_OPTIONS=detect_stack_use_after_return=0:detect_leaks=1 \
    meson test -C "$dir" --print-errorlogs --timeout-multiplier 8 "${args[@]}" >"$log" 2>&1; then
    echo "$name: $(awk '/^Ok:/ {print $2}' "$log") test programs, nothing found"
  else
    cat "$log" >&2
    echo "$name: failed" >&2
    status=1
  fi
done
exit $status
