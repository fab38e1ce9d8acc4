#!/usr/bin/env bash
# version.sh: prints the version to stamp into the binary: the git tag or, before the first and in a
# source archive, the file VERSION; with the commit, and "dirty" where the tree differs from it.
set -euo pipefail
cd "$(dirname "$0")/.."
if version=$(git describe --tags --dirty --match 'v[0-9]*' 2>/dev/null); then
  echo "${version#v}"
elif commit=$(git describe --always --dirty --exclude '*' 2>/dev/null); then
  echo "$(cat VERSION)+${commit/-dirty/.dirty}"
else
  cat VERSION
fi
