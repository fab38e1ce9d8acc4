#!/usr/bin/env bash
# generate-check.sh: fails if a generated file (BPF objects for amd64 and arm64, stringers) is not what
# its source makes. It regenerates in a copy, so that the checkout stays as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! grep -rqs --include='*.go' '^//go:generate .*bpf2go' internal; then
  echo "generate-check: no BPF object is generated here yet, nothing to compare"
  exit 0
fi

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
if git rev-parse --git-dir >/dev/null 2>&1; then
  git ls-files -z --cached --others --exclude-standard
else
  find . -type f -not -path './bin/*' -not -path './.cache/*' -print0
fi | while IFS= read -r -d '' file; do
  if [ -f "$file" ]; then printf '%s\0' "$file"; fi
done | tar --null --files-from=- --create | tar --extract --directory "$copy"

# What is generated is removed first: a directive that was dropped must not leave its old output standing.
find "$copy" \( -name '*_bpfel.o' -o -name '*_bpfel.go' -o -name '*_bpfeb.*' \) -delete
(cd "$copy" && go generate ./...)

status=0
while IFS= read -r -d '' file; do
  if ! cmp -s "$file" "$copy/$file"; then
    echo "generate-check: $file is not what its source makes; run: make generate" >&2
    status=1
  fi
done < <(find . -type f \( -path './internal/*' -o -path './cmd/*' -o -path './test/*' \) -print0)
while IFS= read -r -d '' file; do
  if [ ! -e "$file" ]; then
    echo "generate-check: $file is made by go generate and missing here; run: make generate, and commit it" >&2
    status=1
  fi
done < <(cd "$copy" && find . -type f \( -path './internal/*' -o -path './cmd/*' -o -path './test/*' \) -print0)
[ "$status" -ne 0 ] || echo "generate-check: every generated file is current"
exit "$status"
