#!/usr/bin/env bash
# test.sh [GO-TEST-ARGUMENT...]: every test, in two passes of the ordinary "go test".
#
# Tests that need root share what the kernel has only once (the sysctl nf_log_all_netns, /dev/kmsg, TcpOutRsts,
# the load on two cores), so packages that have such tests run one after the other; the rest run side by side.
# A package is of the first kind if a test of it asks for root: it imports internal/testkit, calls RequireRoot or reads
# RSTWATCH_TEST_REQUIRE. With RSTWATCH_TEST_REQUIRE=1, which this script sets, such a test fails where it
# cannot run; it never skips.
#
# Both passes run, whatever the first one finds. Then the script looks for what the tests left behind.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
export RSTWATCH_TEST_REQUIRE=1

# shellcheck source=tools/leftovers.sh
. tools/leftovers.sh

alone=() together=()
while read -r package directory; do
  if grep -qsE 'RequireRoot\(|RSTWATCH_TEST_REQUIRE|internal/testkit"|^package testkit$' "$directory"/*_test.go; then
    alone+=("$package")
  else
    together+=("$package")
  fi
done < <(go list -f '{{.ImportPath}} {{.Dir}}' ./...)
if [ $((${#alone[@]} + ${#together[@]})) -eq 0 ]; then
  echo "test: go list names no package" >&2
  exit 1
fi

leftovers_begin
status=0
if [ ${#together[@]} -gt 0 ]; then
  leftovers_run go test -timeout 10m "$@" "${together[@]}" </dev/null || status=1
fi
if [ ${#alone[@]} -gt 0 ]; then
  leftovers_run go test -p 1 -count=1 -timeout 20m "$@" "${alone[@]}" </dev/null || status=1
fi
leftovers_end || status=1
exit "$status"
