#!/usr/bin/env bash
# bench.sh: measures what watching costs and what is recorded, and writes the tables of
# docs/explanation/measurements.md and, with every round, bin/bench.json.
#
# BENCH_SHORT=1 runs everything once with tiny counts and writes bin/bench-short.json only.
set -euo pipefail
cd "$(dirname "$0")/.."
export RSTWATCH_TEST_REQUIRE=1
root=$PWD
CGO_ENABLED=0 go test -c -o bin/bench.test ./test/bench
how=(-full "-page=$root/docs/explanation/measurements.md" "-json=$root/bin/bench.json")
if [ -n "${BENCH_SHORT:-}" ]; then
  how=("-json=$root/bin/bench-short.json")
fi
# The storms write gigabytes: to the disk that the journal would be on, which /tmp may not be.
scratch=${BENCH_DIR:-/var/tmp}
cd test/bench
exec "$root/tools/as-root.sh" env RSTWATCH_TEST_REQUIRE=1 TMPDIR="$scratch" "PATH=$PATH" \
  "$root/bin/bench.test" -test.run '^TestBench$' -test.v -test.timeout 2h "-program=$root/bin/rstwatch" "${how[@]}"
