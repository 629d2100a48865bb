#!/usr/bin/env bash
# fuzz.sh [SECONDS [TARGET...]]: fuzzes each decoder for that long (60): the engine's
# under ASan and UBSan, with libFuzzer where clang and its runtime are there, else
# with our own driver; the server's (names as pgwire/FuzzMessages) with Go's. What
# it learns is kept in build/fuzz/TARGET and Go's cache; an input that crashes is
# left in build/, or in the package's testdata.
set -euo pipefail
seconds=${1:-60}
[ $# -gt 1 ] && shift && chosen=("$@") || chosen=(log table manifest segment capi
  pgwire/FuzzMessages pgwire/FuzzStartup rowcodec/FuzzDecodeRow rowcodec/FuzzDecodeKey
  query/FuzzDecodeQuery types/FuzzIn types/FuzzRecv)
targets=() go_targets=()
for target in "${chosen[@]}"; do
  if [[ $target == */* ]]; then go_targets+=("$target"); else targets+=("$target"); fi
done
mkdir -p build
for target in "${go_targets[@]}"; do
  log=build/fuzz-${target//\//-}.log
  go test "./server/pkg/${target%/*}" -run '^$' -fuzz "^${target#*/}\$" -fuzztime "${seconds}s" >"$log" 2>&1 ||
    { tail -n 60 "$log" >&2; echo "fuzz: $target failed" >&2; exit 1; }
  echo "fuzz: $target, $(grep 'elapsed' "$log" | tail -n 1)"
done
[ ${#targets[@]} -gt 0 ] || exit 0
clang=$(command -v clang++-14 || command -v clang++ || true)
probe=$(mktemp)
trap 'rm -f "$probe"' EXIT
if [ -n "$clang" ] && echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }' |
  "$clang" -xc++ -fsanitize=fuzzer,address -o "$probe" - 2>/dev/null; then
  dir=build/meson-fuzz
  [ -f "$dir/build.ninja" ] || CXX=$clang meson setup "$dir" --buildtype=debugoptimized \
    -Db_sanitize=address,undefined -Db_lundef=false -Dlibfuzzer=true >build/fuzz.log
else
  echo "no clang with libFuzzer (Debian: clang-14 libclang-rt-14-dev): using the plain driver"
  dir=build/meson-address
  [ -f "$dir/build.ninja" ] || meson setup "$dir" --buildtype=debugoptimized -Db_sanitize=address,undefined >build/fuzz.log
fi
ninja -C "$dir" tests/fuzz/fuzz_corpus $(printf 'tests/fuzz/fuzz_%s ' "${targets[@]}") >build/fuzz.log 2>&1 ||
  { cat build/fuzz.log >&2; exit 1; }
export ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
"$dir/tests/fuzz/fuzz_corpus" build/fuzz >/dev/null
for target in "${targets[@]}"; do
  (cd build && "../$dir/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=20 "fuzz/$target") >"build/fuzz-$target.log" 2>&1 ||
    { tail -n 60 "build/fuzz-$target.log" >&2; echo "fuzz: $target failed, its input is in build/" >&2; exit 1; }
  echo "fuzz: $target, $(grep -E 'Done|no crash' "build/fuzz-$target.log" | tail -n 1)"
done
