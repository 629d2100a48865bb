#!/usr/bin/env bash
# test-isolation.sh BIN_DIR [FLAGS]: every spec of PostgreSQL's isolation suite, on a native server and on pgz.
# FLAGS: -corpus DIR, -only NAME, -keep DIR (both servers' transcripts), -update (writes the score file);
# -run TestRandomPlays -plays N -play-seed S -play-level LEVEL for random plays alone.
set -euo pipefail
PGZ_BIN=$(realpath "$1")
export PGZ_BIN
shift
go test -count=1 -timeout 60m -v ./tests/isolation -all "$@"
