#!/usr/bin/env bash
# test-crash.sh BIN_DIR: the long kill -9 test, 20 rounds.
set -euo pipefail
PGZ_BIN=$(realpath "$1")
export PGZ_BIN
go test -count=1 -v ./tests/crash -rounds 20 -scale 20
