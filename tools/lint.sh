#!/usr/bin/env bash
# lint.sh: golangci-lint (settings: .golangci.yml), shellcheck and clang-format. Reports all, then fails.
# The linter has a module of its own, tools/go.mod, so that its dependencies are not the program's.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
status=0
mkdir -p .cache
go build -C tools -o ../.cache/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint || exit 1
.cache/golangci-lint run ./... || status=1
shellcheck -x tools/*.sh .ci/run || status=1
clang-format-14 --dry-run --Werror bpf/*.c bpf/*.h || status=1
exit "$status"
