# Every command a person types. `./justw COMMAND` installs what is missing first.

set shell := ["bash", "-euo", "pipefail", "-c"]

build_dir := "build/meson"
bin_dir := "build/bin"
type := env("PGZ_BUILD_TYPE", "release")

# List the commands
[private]
default:
    @just --list --unsorted

# Start a server on 127.0.0.1:5432 with its data in ./data (or: just run --data-dir DIR ...)
run *args: build
    @exec {{ bin_dir }}/pgz-server {{ if args == "" { "--data-dir data --listen-addr 127.0.0.1:5432" } else { args } }}

# Build library and programs into build/bin
build: build-lib build-go

# Build libpgz.a and libpgz.so
[private]
build-lib:
    @tests/tools/build-lib.sh {{ build_dir }} {{ type }}

# Build the Go programs against libpgz.a
[private]
build-go:
    @mkdir -p {{ bin_dir }}
    @go build -o {{ bin_dir }}/ ./server/cmd/...
    @tests/tools/check-link.sh {{ bin_dir }}

# Run every test
test: test-cpp test-go test-server

# Run the engine's unit tests
test-cpp: build-lib
    @tests/tools/test-cpp.sh {{ build_dir }}
    @bash capi/publish_test.sh {{ build_dir }}

# Run the Go unit tests
test-go *args: build-lib
    @go vet ./server/...
    @go test {{ if args == "" { "./server/..." } else { args } }}

# Run the tests that need a running server: SQL against the native one, clients, crashes
test-server: build
    @tests/tools/test-server.sh {{ bin_dir }}

# Run the key-value demo of the Go binding
run-example: build
    @exec {{ bin_dir }}/pgz-example

# Clean, build, test
dev: clean build test

# Build and run without cleaning
quick *args: build
    @exec {{ bin_dir }}/pgz-server {{ if args == "" { "--data-dir data --listen-addr 127.0.0.1:5432" } else { args } }}

# Remove everything that was built
clean:
    @rm -rf build

# Format C++ and Go sources
fmt:
    @git ls-files '*.h' '*.cc' | xargs -r clang-format-14 -i
    @gofmt -w server tests

# Check formats, layers and sizes
lint:
    @tests/tools/lint.sh

# Show the library, its version and the symbols it exports
lib-info: build-lib
    @tests/tools/lib-info.sh {{ build_dir }}

# Write the C ABI's dump anew (tests/abi/pgz.abi) after something was added to pgz.h
abi-dump: build-lib
    @python3 tests/tools/abi.py update include/pgz.h {{ build_dir }}/capi/libpgz.so tests/abi/pgz.abi

# Show which tools and libraries are found, and their versions
check-prereqs:
    @tests/tools/check-prereqs.sh

# Compare with native PostgreSQL under pgbench; writes build/bench/sql.json
bench *args: build
    @go run ./tests/bench/sqlbench --bin {{ bin_dir }} {{ args }}

# Make the profile anew by which Go compiles the server (decisions/0030); needs pgbench
profile *args: build-lib
    @tests/tools/profile.sh {{ args }}

# Compare the engine with RocksDB: quick (15 minutes) or full; writes build/bench/kv.json
bench-kv *args: build-lib
    @tests/bench/build-rocksdb.sh build/bench/rocksdb
    @tests/bench/build-drivers.sh build/lib/libpgz.a build/bench/rocksdb build/bench/bin
    @go run ./tests/bench/kvbench {{ if args == "" { "quick" } else { args } }}

# Point reads beside writers at full speed, and the longest wait of a write, on the file system of DIR
bench-stall dir="build" *args: build-lib
    @ninja -C {{ build_dir }} capi/stall_bench >/dev/null
    @d=$(mktemp -d "{{ dir }}/stall-XXXXXX"); trap 'rm -rf "$d"' EXIT; {{ build_dir }}/capi/stall_bench "$d/db" {{ args }}

# Durable commits by 1, 8, 32 and 64 writers on the file system of DIR: rate, p50, p99, size of groups
bench-commits dir="build" seconds="3": build-lib
    @ninja -C {{ build_dir }} capi/commit_bench >/dev/null
    @d=$(mktemp -d "{{ dir }}/commits-XXXXXX"); trap 'rm -rf "$d"' EXIT; {{ build_dir }}/capi/commit_bench "$d/db" {{ seconds }}

# Resident memory over a mixed run: DIR, budget in MiB, seconds; fails above 1.3 times the budget
bench-memory dir="build" budget="256" seconds="60": build-lib
    @ninja -C {{ build_dir }} capi/memory_bench >/dev/null
    @d=$(mktemp -d "{{ dir }}/memory-XXXXXX"); trap 'rm -rf "$d"' EXIT; {{ build_dir }}/capi/memory_bench "$d/db" {{ budget }} {{ seconds }}

# Opening after kill -9 with GB of rows of 1 KiB on the file system of DIR: also the budget in MiB, rounds
bench-restart dir="build" gb="10" budget="384" rounds="3": build-lib
    @ninja -C {{ build_dir }} capi/restart_bench >/dev/null
    @d=$(mktemp -d "{{ dir }}/restart-XXXXXX"); trap 'rm -rf "$d"' EXIT; {{ build_dir }}/capi/restart_bench "$d/db" {{ gb }} {{ budget }} {{ rounds }}

# Engine tests under ASan and UBSan, then under TSan (or: just sanitize tsan txn capi)
sanitize *kinds:
    @python3 tests/tools/sanitize.py {{ kinds }}

# Compile the engine with clang, which checks that locks are held where they must be
check-threads:
    @tests/tools/check-threads.sh

# Show that the simulator finds every bug that can be planted in the engine
test-planted:
    @tests/tools/test-planted.sh

# Run the simulator (just sim --help; just sim --seconds 600)
sim *args: build-lib
    @ninja -C {{ build_dir }} tests/sim/pgz-sim >/dev/null
    @exec {{ build_dir }}/tests/sim/pgz-sim {{ args }}

# Fuzz every decoder, the C ABI and the wire protocol: just fuzz [SECONDS [log|table|...|pgwire/FuzzMessages...]]
fuzz *args:
    @tests/tools/fuzz.sh {{ args }}

# Look for leaks and misused memory: the Go binding on an ASan library, the C ABI under valgrind
leak-check *kinds:
    @tests/tools/leak-check.sh {{ kinds }}

# Go tests under the race detector
test-race *packages: build-lib
    @go test -race {{ if packages == "" { "./server/..." } else { packages } }}

# Score PostgreSQL's isolation suite (../shared/corpora) against a native server, all of it
test-isolation *args: build
    @tests/tools/test-isolation.sh {{ bin_dir }} {{ args }}

# Kill -9 under load, 50 rounds of each load; failing writes and a full disk (just test-crash -run 'Failed|Full')
test-crash *args: build
    @tests/tools/test-crash.sh {{ bin_dir }} {{ args }}
