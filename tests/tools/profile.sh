#!/usr/bin/env bash
# profile.sh [SECONDS]: makes server/cmd/pgz-server/default.pgo anew, by which Go compiles the server
# (decisions/0030): pgbench's three scripts under the three protocols and two scans, SECONDS (6)
# each. No figure of a busy machine gets into it, only which calls are frequent.
set -euo pipefail
seconds=${1:-6}
pg=${PGZ_PG_BIN:-/usr/lib/postgresql/15/bin}
dir=$(mktemp -d)
port=16432 debug=16433
go build -trimpath -o "$dir/pgz-server" ./server/cmd/pgz-server
"$dir/pgz-server" --data-dir "$dir/data" --listen-addr 127.0.0.1:$port --socket-dir "$dir" \
  --debug-addr 127.0.0.1:$debug >"$dir/log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$dir"' EXIT
for _ in $(seq 50); do "$pg/pg_isready" -q -h "$dir" -p $port && break; sleep 0.1; done

n=0
# record COMMAND...: a profile of the server while COMMAND runs.
record() {
  n=$((n + 1))
  "$@" >"$dir/out.$n" 2>&1 &
  local client=$!
  curl -sSf -o "$dir/cpu.$n" "http://127.0.0.1:$debug/debug/pprof/profile?seconds=$seconds"
  wait $client
}
bench() { record "$pg/pgbench" -n -h "$dir" -p $port -U postgres -T $((seconds + 1)) -j 2 "$@" postgres; }
scan() { record timeout $((seconds + 60)) "$pg/pgbench" -n -h "$dir" -p $port -U postgres -T $((seconds + 1)) -f "$dir/scan.sql" postgres; }

record "$pg/pgbench" -i -q -s 20 -h "$dir" -p $port -U postgres postgres
for protocol in simple extended prepared; do
  bench -c 16 -M $protocol
  bench -c 16 -M $protocol -S
  bench -c 16 -M $protocol -b simple-update
done
echo 'SELECT bid, count(*), sum(abalance) FROM pgbench_accounts WHERE aid % 3 = 1 GROUP BY bid;' >"$dir/scan.sql"
scan
echo 'SELECT t.tid, count(*) FROM pgbench_accounts a JOIN pgbench_tellers t ON t.tid = a.aid % 200 GROUP BY 1 ORDER BY 2 LIMIT 5;' >"$dir/scan.sql"
scan
go tool pprof -proto -output "$dir/all" "$dir"/cpu.* >"$dir/pprof" 2>&1
# What is left of paths on this machine (those of shared libraries and of the program) goes.
python3 - "$dir/all" server/cmd/pgz-server/default.pgo <<'PY'
import gzip, sys

STRINGS = 6  # field of profile.proto


def varint(b, at):
    value = shift = 0
    while True:
        value |= (b[at] & 0x7F) << shift
        shift += 7
        at += 1
        if b[at - 1] < 0x80:
            return value, at


def encode(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes(out + bytes([n]))


b, out, at = gzip.open(sys.argv[1]).read(), bytearray(), 0
while at < len(b):
    start = at
    key, at = varint(b, at)
    n, at = varint(b, at)
    if key & 7 == 2:
        body, at = b[at : at + n], at + n
        if key >> 3 == STRINGS and body.startswith(b"/"):
            body = body.rsplit(b"/", 1)[1]
            out += encode(key) + encode(len(body)) + body
            continue
    out += b[start:at]
with open(sys.argv[2], "wb") as f:
    f.write(gzip.compress(bytes(out), mtime=0))
PY
ls -l server/cmd/pgz-server/default.pgo
