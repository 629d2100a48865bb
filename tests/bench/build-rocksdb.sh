#!/usr/bin/env bash
# build-rocksdb.sh CACHE_DIR: the peers of the key-value benchmark.
#
# Fetches RocksDB as Debian's source package and builds its static library alone, in Release, for
# this machine's instructions (hardware CRC32C), with LZ4, into CACHE_DIR; then unpacks Debian's own
# binary packages of it beside (nothing is installed). What is there already is kept: a second run
# costs nothing, and a build that was broken off goes on where it was.
# JOBS (default: the number of cores) and NICE (default 10) say how hard it may work.
set -euo pipefail
mkdir -p "$1"
cache=$(cd "$1" && pwd)
jobs=${JOBS:-$(nproc)}
log=$cache/build.log

say() { printf 'build-rocksdb: %s\n' "$*" >&2; }
fail() { say "$*; the log is $log"; tail -n 20 "$log" >&2; exit 1; }

# apt with the source packages of the same archives, without a change to the system's own lists.
apt_sources() {
  mkdir -p "$cache/apt/lists/partial" "$cache/apt/parts"
  local from found=0
  for from in /etc/apt/sources.list.d/*.sources; do
    [ -e "$from" ] && grep -qi debian "$from" || continue
    sed -E 's/^Types:.*/Types: deb deb-src/' "$from" >"$cache/apt/parts/${from##*/}"
    found=1
  done
  if [ -s /etc/apt/sources.list ]; then
    sed -E -n 's/^deb(-src)? /deb /p; s/^deb /deb-src /p' /etc/apt/sources.list >"$cache/apt/parts/main.list"
    found=1
  fi
  [ $found = 1 ] || { say "no Debian archive is configured here"; exit 1; }
  apt=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$cache/apt/parts"
    -o "Dir::State::lists=$cache/apt/lists" -o APT::Sandbox::User=root)
  apt-get "${apt[@]}" update >"$log" 2>&1 || fail "apt-get update failed"
}

fetch() {
  [ -e "$cache/fetched" ] && return
  say "fetching Debian's source and binary packages of RocksDB"
  apt_sources
  (cd "$cache" && rm -rf src && apt-get "${apt[@]}" source rocksdb >>"$log" 2>&1 &&
    mv rocksdb-*/ src) || fail "no source package"
  mkdir -p "$cache/deb"
  (cd "$cache/deb" && apt-get "${apt[@]}" download librocksdb-dev librocksdb7.8 libgflags2.2 \
    libsnappy1v5 >>"$log" 2>&1) || fail "no binary packages"
  for package in "$cache"/deb/*.deb; do dpkg-deb -x "$package" "$cache/debian"; done
  date >"$cache/fetched"
}

build() {
  [ -e "$cache/librocksdb.a" ] && return
  local launcher=()
  command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  say "configuring (Release, native instructions, LZ4 only)"
  cmake -S "$cache/src" -B "$cache/obj" -G Ninja -DCMAKE_BUILD_TYPE=Release -DPORTABLE=OFF \
    -DWITH_LZ4=ON -DWITH_GFLAGS=OFF -DWITH_LIBURING=OFF -DWITH_TESTS=OFF -DWITH_ALL_TESTS=OFF \
    -DWITH_BENCHMARK_TOOLS=OFF -DWITH_TOOLS=OFF -DWITH_CORE_TOOLS=OFF -DWITH_TRACE_TOOLS=OFF \
    -DROCKSDB_BUILD_SHARED=OFF -DFAIL_ON_WARNINGS=OFF -DUSE_RTTI=ON \
    "${launcher[@]}" >>"$log" 2>&1 || fail "cmake failed"
  grep -q HAVE_SSE42 "$cache/obj/build.ninja" || [ "$(uname -m)" != x86_64 ] ||
    fail "this build would have no hardware CRC"
  say "compiling with $jobs job(s); about 300 files"
  NINJA_STATUS='build-rocksdb: %f of %t, %e s ' nice -n "${NICE:-10}" \
    ninja -C "$cache/obj" -j "$jobs" rocksdb 2>>"$log" | tee -a "$log" |
    { grep --line-buffered -oE '^build-rocksdb: [0-9]*0 of .* s ' || true; } >&2 ||
    fail "compiling failed"
  [ -e "$cache/obj/librocksdb.a" ] || fail "compiling failed"
  ln -f "$cache/obj/librocksdb.a" "$cache/librocksdb.a"
}

fetch
build
say "ready: $cache/librocksdb.a"
