#!/usr/bin/env bash
# setup.sh GROUP...: installs the Debian packages of the named groups of tools/packages.txt that are missing.
#
# Silent and quick where nothing is missing. It asks nothing, starts no service, and runs
# "apt-get update" only where the package lists at hand do not suffice.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
list=tools/packages.txt

if [ $# -eq 0 ]; then
  echo "usage: tools/setup.sh GROUP..." >&2
  exit 2
fi

wanted() {
  local group
  for group in "$@"; do
    if ! awk -v group="$group" '$1 == group { print $2; found = 1 } END { exit !found }' "$list"; then
      echo "setup: no group \"$group\" in $list" >&2
      return 2
    fi
  done
}

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

names=$(wanted "$@")
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "setup: no apt-get here; these are needed under whatever name your distribution has for them:" >&2
  awk -v groups=" $* " 'index(groups, " " $1 " ") { sub(/^[^ ]+ +/, "  "); print }' "$list" >&2
  exit 0
fi

missing=()
for name in $names; do
  installed "$name" || missing+=("$name")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "setup: installing ${missing[*]}" >&2
root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "setup: not root and no sudo; as root run: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  root=(sudo)
fi

# A package's scripts ask policy-rc.d before they start a service: 101 forbids it. Ours goes away afterwards.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  # shellcheck disable=SC2317,SC2329 # run by the trap
  lift() { ${root[@]+"${root[@]}"} rm -f "$policy"; }
  trap lift EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  printf '#!/bin/sh\nexit 101\n' | ${root[@]+"${root[@]}"} tee "$policy" >/dev/null
  ${root[@]+"${root[@]}"} chmod 755 "$policy"
fi

apt() {
  ${root[@]+"${root[@]}"} env DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true \
    apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 "$@" </dev/null >&2
}

install() { apt install --no-install-recommends "${missing[@]}"; }

# Lists that are old name files which the mirror no longer has, and a fresh machine has none at all.
install || { apt update && install; }
