#!/usr/bin/env bash
# check-link.sh BIN_DIR: every program that holds the engine must hold the one
# in build/lib: its checksum is compiled into the Go binding (capi/publish.sh),
# so a program linked with another archive lacks it.
set -euo pipefail
sum=$(sha256sum <build/lib/libpgz.a | cut -d' ' -f1)
for program in "$1"/pgz "$1"/pgz-*; do
  grep -qF "$sum" "$program" && continue
  echo "$program is linked with another libpgz.a than build/lib/libpgz.a" >&2
  exit 1
done
