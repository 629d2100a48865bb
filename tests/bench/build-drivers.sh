#!/usr/bin/env bash
# build-drivers.sh LIBPGZ ROCKSDB_CACHE OUT_DIR: links tests/bench/kv once per engine:
#   kvbench-pgz               with the static library LIBPGZ
#   kvbench-rocksdb           with the Release build of build-rocksdb.sh
#   kvbench-rocksdb-debian    with Debian's own library, which is built for any machine of its
#                             architecture: without hardware CRC, and with assertions
# Objects go through ccache where there is one.
set -euo pipefail
libpgz=$(realpath "$1") rocksdb=$(realpath "$2")
mkdir -p "$3"
out=$(realpath "$3")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cxx=(g++)
command -v ccache >/dev/null && cxx=(ccache g++)
flags=(-std=c++20 -O2 -g1 -Wall -Wextra -Werror -I. -Iinclude)
kv=tests/bench/kv

compile() { # OBJECT SOURCE FLAGS...
  local object=$out/$1.o source=$2
  shift 2
  "${cxx[@]}" "${flags[@]}" "$@" -c "$source" -o "$object"
}

for name in main workloads process; do compile $name $kv/$name.cc; done
compile histogram engine/base/histogram.cc
compile pgz_store $kv/pgz_store.cc
compile rocksdb_store $kv/rocksdb_store.cc -isystem "$rocksdb/src/include" \
  '-DKVBENCH_ROCKSDB_BUILD="Release build of the source package, hardware CRC"'
compile rocksdb_debian_store $kv/rocksdb_store.cc -isystem "$rocksdb/debian/usr/include" \
  "-DKVBENCH_ROCKSDB_BUILD=\"Debian's binary, without hardware CRC\""

common=("$out"/{main,workloads,process}.o)
link() { g++ -o "$out/$1.new" "${common[@]}" "${@:2}" -lpthread && mv "$out/$1.new" "$out/$1"; }
uring=()
pkg-config --exists liburing 2>/dev/null && uring=(-luring)
link kvbench-pgz "$out/pgz_store.o" "$libpgz" -Wl,--as-needed "${uring[@]}" -lmimalloc -llz4
# The path is searched for that library's own libraries too (the old kind of tag).
libs=$(dirname "$(find "$rocksdb/debian" -name 'librocksdb.so*' | head -n 1)")
link kvbench-rocksdb-debian "$out/rocksdb_debian_store.o" "$out/histogram.o" \
  "$(find "$libs" -name 'librocksdb.so.*' | sort | head -n 1)" "-Wl,-rpath,$libs" \
  -Wl,--disable-new-dtags -Wl,--allow-shlib-undefined
link kvbench-rocksdb "$out/rocksdb_store.o" "$out/histogram.o" "$rocksdb/librocksdb.a" -llz4 -ldl
