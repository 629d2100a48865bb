#!/usr/bin/env bash
# flags_test.sh PGZ_SIM: flags that mean no run are refused and named, and no run is no success.
set -euo pipefail
sim=$1
refused() {
  local code=0 said
  said=$("$sim" "$@" 2>&1) || code=$?
  [ $code -eq 2 ] || { echo "$*: exit code $code" >&2; exit 1; }
  [[ $said == "pgz-sim: "* || $said == *$'\npgz-sim: '* ]] || { echo "$*: no reason: $said" >&2; exit 1; }
}
refused --scenario nowhere
for flag in --seed --seeds --seconds --ops --clients --lives --case --replay; do
  for value in 0 -1 +1 ' 1' 1x '' 99999999999999999999; do refused $flag "$value"; done
done
refused --shrink 2
refused --ops
refused --nonsense 1
refused --scenario perfect --seed 1 --case 1000000
"$sim" --scenario perfect --seed 1 --ops 20 >/dev/null
"$sim" --help | grep -q '^Scenarios:$'
echo "ok: what means no run is refused"
