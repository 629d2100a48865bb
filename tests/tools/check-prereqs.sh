#!/usr/bin/env bash
# Lists the tools and libraries a build and the tests use; exits 1 if one is missing.
status=0
show() { # NAME COMMAND...
  local name=$1 out
  shift
  if out=$("$@" 2>&1 | head -n 1) && [ -n "$out" ]; then printf '%-14s %s\n' "$name" "$out"
  else printf '%-14s missing\n' "$name"; status=1
  fi
}
pg=/usr/lib/postgresql/15/bin
show g++ g++ --version
show meson meson --version
show ninja ninja --version
show just just --version
show go go version
show pkg-config pkg-config --version
show cmake cmake --version
show lz4 pkg-config --modversion liblz4
show liburing pkg-config --modversion liburing
show gtest pkg-config --modversion gtest
show mimalloc dpkg-query -W -f '${Version}' libmimalloc-dev
show clang-format clang-format-14 --version
show postgres "$pg/postgres" --version
show psql psql --version
show pgbench "$pg/pgbench" --version
for optional in ccache valgrind clang-14 perf; do
  printf '%-14s %s\n' "$optional" "$(command -v $optional >/dev/null && echo found || echo 'not found (optional)')"
done
exit $status
