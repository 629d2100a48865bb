#!/usr/bin/env bash
# test-server.sh BIN_DIR: the tests that start a server: SQL files and every
# function against pgz and the native server, client programs and drivers, kill
# -9 under load, sessions side by side.
set -euo pipefail
PGZ_BIN=$(realpath "$1")
export PGZ_BIN
go test -count=1 ./tests/slt ./tests/functions ./tests/clients ./tests/crash ./tests/isolation
