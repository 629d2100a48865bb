#!/usr/bin/env bash
# check-threads.sh: compiles the engine with clang, whose thread-safety analysis holds every access to what
# annotations.h says about locks (g++ does not know them). CXX names another clang++ than clang++-14.
set -euo pipefail
cxx=${CXX:-clang++-14}
command -v "$cxx" >/dev/null || { echo "check-threads: $cxx is not there (Debian package clang-14)" >&2; exit 2; }
dir=build/meson-clang
[ -f "$dir/build.ninja" ] || CXX=$cxx meson setup "$dir" --buildtype=debug >/dev/null
ninja -C "$dir" engine/libpgz_engine.a
echo "ok: nothing of the engine is touched without its lock"
