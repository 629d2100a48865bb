#!/usr/bin/env bash
# replay_test.sh PGZ_SIM: a replayed seed writes the same trace twice, and another seed another one.
set -euo pipefail
sim=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for scenario in random comprehensive metamorphic; do
  "$sim" --scenario $scenario --replay 11 >"$scratch/a"
  "$sim" --scenario $scenario --replay 11 >"$scratch/b"
  "$sim" --scenario $scenario --replay 12 >"$scratch/c"
  cmp "$scratch/a" "$scratch/b"
  ! cmp -s "$scratch/a" "$scratch/c" || { echo "$scenario: two seeds, one trace" >&2; exit 1; }
  [ "$(wc -l <"$scratch/a")" -gt 20 ] || { echo "$scenario: no trace" >&2; exit 1; }
done
echo "ok: traces are the seed's"
