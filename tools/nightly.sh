#!/usr/bin/env bash
# nightly.sh: what takes hours: every linter, every test with the race detector and real minutes of silence, every fuzz target for FUZZTIME
# (default 5m). All parts run, whatever an earlier one finds.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
status=0
tools/lint.sh || status=1
RSTWATCH_TEST_LONG=1 CGO_ENABLED=1 tools/test.sh -race || status=1
tools/fuzz.sh "${FUZZTIME:-5m}" || status=1
exit "$status"
