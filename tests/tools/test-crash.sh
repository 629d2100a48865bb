#!/usr/bin/env bash
# test-crash.sh BIN_DIR [GO_TEST_FLAGS]: the long forms of what kills servers and
# takes their disk away: 20 rounds.
set -euo pipefail
PGZ_BIN=$(realpath "$1")
export PGZ_BIN
shift
go test -count=1 -v ./tests/crash -rounds 20 -scale 20 "$@"
