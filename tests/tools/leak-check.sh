#!/usr/bin/env bash
# leak-check.sh [lsan] [valgrind]: looks for memory that is lost or misused.
#   lsan      the Go binding's tests against an ASan and UBSan build of the engine,
#             with leak detection when the program ends
#   valgrind  the tests of the C ABI under valgrind, against a build that takes its
#             memory from the C library
# Without an argument both. There are no suppressions.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
[ $# -gt 0 ] || set -- lsan valgrind

# The binding's cgo lines, made to name another archive than build/lib/libpgz.a, so that an
# ordinary build beside this one is not disturbed.
overlay_for() { # ARCHIVE DIR
  local sum
  sum=$(sha256sum <"$1" | cut -d' ' -f1)
  sed "s|^\(#cgo LDFLAGS: \).*/libpgz.a|\1$1 -fsanitize=address,undefined|" \
    server/pkg/storage/cgo.go >"$2/cgo.go"
  grep -q "LDFLAGS: $1 " "$2/cgo.go"
  printf 'package storage\n\nconst libraryChecksum = "%s"\n' "$sum" >"$2/library.go"
  printf '{"Replace": {"%s": "%s", "%s": "%s"}}\n' \
    "$PWD/server/pkg/storage/cgo.go" "$2/cgo.go" \
    "$PWD/server/pkg/storage/library.go" "$2/library.go" >"$2/overlay.json"
}

lsan() {
  local dir=build/meson-address scratch
  [ -f "$dir/build.ninja" ] || meson setup "$dir" --buildtype=debugoptimized -Db_sanitize=address,undefined >/dev/null
  ninja -C "$dir" capi/libpgz.a >build/leak-check.log 2>&1 || { cat build/leak-check.log >&2; return 1; }
  scratch=$PWD/build/leak-check
  mkdir -p "$scratch"
  overlay_for "$PWD/$dir/capi/libpgz.a" "$scratch"
  UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 ASAN_OPTIONS=detect_leaks=1 \
    go test -count=1 -asan -overlay "$scratch/overlay.json" ./server/pkg/storage
  echo "lsan: the binding's tests, nothing found"
}

valgrind_check() {
  local dir=build/meson-valgrind t
  command -v valgrind >/dev/null || { echo "valgrind: not installed, skipped" >&2; return 0; }
  [ -f "$dir/build.ninja" ] || meson setup "$dir" --buildtype=debugoptimized -Dheap=libc >/dev/null
  ninja -C "$dir" capi/capi_abi_test capi/capi_abi_misuse_test >build/leak-check.log 2>&1 ||
    { cat build/leak-check.log >&2; return 1; }
  for t in capi_abi_test capi_abi_misuse_test; do
    # Debian's mimalloc, linked into the test programs, brings an operator delete of its own, so
    # every delete of the C++ library looks mismatched.
    valgrind --quiet --show-mismatched-frees=no --leak-check=full --show-leak-kinds=definite,indirect,possible \
      --errors-for-leak-kinds=definite,indirect,possible --error-exitcode=9 --fair-sched=yes \
      "$dir/capi/$t" --gtest_brief=1
    echo "valgrind: $t, nothing found"
  done
}

for name in "$@"; do
  case $name in
    lsan) lsan ;;
    valgrind) valgrind_check ;;
    *) echo "leak-check: $name is none of lsan, valgrind" >&2; exit 2 ;;
  esac
done
