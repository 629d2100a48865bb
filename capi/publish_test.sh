#!/usr/bin/env bash
# publish_test.sh BUILD_DIR: shows that Go notices a new archive. Publishes a changed copy of
# BUILD_DIR's archive and demands that the binding's build id changes, then puts the true one back and
# demands the first id again.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"; capi/publish.sh "$build"' EXIT
id() { go list -export -f '{{.BuildID}}' ./server/pkg/storage; }

capi/publish.sh "$build"
first=$(id)
mkdir "$scratch/capi"
cp "$build/capi/libpgz.a" "$scratch/capi/libpgz.a"
echo 'int pgz_publish_probe;' | cc -xc -c -o "$scratch/probe.o" -
ar r "$scratch/capi/libpgz.a" "$scratch/probe.o" 2>/dev/null
capi/publish.sh "$scratch"
cmp -s "$scratch/capi/libpgz.a" build/lib/libpgz.a || { echo "the new archive was not published" >&2; exit 1; }
second=$(id)
capi/publish.sh "$build"
third=$(id)
[ "$first" != "$second" ] || { echo "Go did not notice the new archive" >&2; exit 1; }
[ "$first" = "$third" ] || { echo "the same archive gives another build" >&2; exit 1; }
echo "ok: a new archive makes a new build"
