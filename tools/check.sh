#!/usr/bin/env bash
# check.sh: the quick checks before the tests: the toolchain, the layout of the Go files, go vet.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v go >/dev/null; then
  echo "check: no go in PATH nor in /usr/local/go/bin; get it from https://go.dev/dl/" >&2
  exit 1
fi
unformatted=$(find . -name '*.go' -not -path './.cache/*' -not -path '*/testdata/*' -print0 | xargs -0r gofmt -l)
if [ -n "$unformatted" ]; then
  printf 'check: gofmt would change these; run: make fmt\n%s\n' "$unformatted" >&2
  exit 1
fi
go vet ./...
