#!/usr/bin/env bash
# Formats, layers, sizes. Prints what is wrong and exits 1 if anything is.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
status=0
complain() { printf '%s\n' "$@" >&2; status=1; }

files=$(git ls-files '*.h' '*.cc')
if [ -n "$files" ]; then
  bad=$(for f in $files; do clang-format-14 --dry-run -Werror "$f" >/dev/null 2>&1 || echo "$f"; done)
  [ -z "$bad" ] || complain "not in clang-format's shape (just fmt):" "$bad"
fi
bad=$(gofmt -l server tests)
[ -z "$bad" ] || complain "not in gofmt's shape (just fmt):" "$bad"
python3 tests/tools/layers.py || status=1
# (the public header stays one file: people copy it)
long=$(git ls-files '*.h' '*.cc' '*.go' '*.py' '*.sh' justfile justw | grep -v '_gen\.go$' |
  xargs wc -l | awk '$2 != "total" && $2 != "include/pgz.h" && $1 > 600 {print $2 " (" $1 " lines)"}')
[ -z "$long" ] || complain "longer than 600 lines; split along a real seam:" "$long"
[ $status = 0 ] && echo "lint: ok"
exit $status
