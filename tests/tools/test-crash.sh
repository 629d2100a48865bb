#!/usr/bin/env bash
# test-crash.sh BIN_DIR [GO_TEST_FLAGS]: the long forms of what kills servers and
# takes their disk away: 50 rounds of each load.
set -euo pipefail
PGZ_BIN=$(realpath "$1")
export PGZ_BIN
shift
go test -count=1 -v ./tests/crash -timeout 120m -rounds 50 -scale 20 "$@"
