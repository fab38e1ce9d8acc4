#!/usr/bin/env bash
# as-root.sh COMMAND...: runs COMMAND as root: at once where we are, else through sudo.
set -euo pipefail
if [ "$(id -u)" -eq 0 ]; then
  exec "$@"
elif command -v sudo >/dev/null; then
  exec sudo -- "$@"
fi
echo "as-root: $1 needs root, and there is no sudo: run this as root" >&2
exit 1
