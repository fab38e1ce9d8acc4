#!/usr/bin/env bash
# fuzz.sh [TIME]: runs every fuzz target of every package for TIME (default 10s), one after the other.
# Go fuzzes one target of one package at a time, so they are found by name first.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
time=${1:-10s}
status=0 count=0
while IFS=: read -r file name; do
  count=$((count + 1))
  echo "== $name (${file%/*}) for $time"
  go test -run '^$' -fuzz "^$name\$" -fuzztime "$time" -fuzzminimizetime 20x "./${file%/*}" </dev/null || status=1
done < <(grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' internal cmd test 2>/dev/null | sed 's/:func /:/' | sort)
echo "fuzz: $count targets, $time each"
exit "$status"
