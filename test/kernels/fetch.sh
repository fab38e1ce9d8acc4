#!/usr/bin/env bash
# fetch.sh DIRECTORY SUITE: Debian's newest cloud kernel of a suite, unpacked under DIRECTORY/SUITE.
#
# apt is given sources, lists and a cache of its own, so that the system's stay as they are; the mirror and the keys
# are those that the system itself uses. What is there already is not fetched again for a week.
# Prints the release of the kernel, for example 6.1.0-39-cloud-amd64.
set -euo pipefail
directory=$1 suite=$2
home=$directory/$suite
mkdir -p "$home/lists/partial" "$home/cache/archives/partial" "$home/root"

release_of() { find "$home/root" -path '*/lib/modules/*' -prune -printf '%f\n'; }

release=$(release_of)
if [ -n "$release" ] && [ -n "$(find "$home/fetched" -mtime -7 2>/dev/null)" ]; then
  echo "$release"
  exit 0
fi

# The mirror is the first one that this machine's own sources name.
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
  grep -oE 'https?://[^ ]+/debian/?( |$)' | head -1 | tr -d ' ' || true)
mirror=${mirror:-http://deb.debian.org/debian}
keys=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [arch=amd64 signed-by=$keys] ${mirror%/} $suite main" >"$home/sources.list"

options=(
  -o Dir::Etc::sourcelist="$home/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null
  -o Dir::State::Lists="$home/lists" -o Dir::State::status=/dev/null -o Dir::Cache="$home/cache"
  -o Acquire::Languages=none -o Acquire::Retries=3 -o Acquire::Check-Valid-Until=false -o APT::Architecture=amd64
  -o APT::Sandbox::User=root -o Dpkg::Use-Pty=0
)
if ! apt-get -q "${options[@]}" update >"$home/apt.log" 2>&1; then
  if [ -n "$release" ]; then # without a network what is there will do
    echo "$release"
    exit 0
  fi
  cat "$home/apt.log" >&2
  exit 1
fi
# The metapackage names the newest image.
package=$(apt-cache "${options[@]}" depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -1)
if [ -z "$package" ]; then
  echo "fetch: $suite has no linux-image-cloud-amd64" >&2
  exit 1
fi
if [ "linux-image-$release" != "$package" ]; then
  # The newest images are packages without files: kernel and modules have packages of their own.
  packages=("$package")
  for part in linux-base linux-binary linux-modules; do
    name=$part-${package#linux-image-}
    if [ -n "$(apt-cache "${options[@]}" pkgnames "$name")" ]; then packages+=("$name"); fi
  done
  rm -f "$home/cache/"*.deb
  (cd "$home/cache" && apt-get -q "${options[@]}" download "${packages[@]}" >>"$home/apt.log" 2>&1) || {
    cat "$home/apt.log" >&2
    exit 1
  }
  rm -rf "$home/root"
  mkdir -p "$home/root/usr/lib"
  ln -s usr/lib "$home/root/lib"
  for deb in "$home/cache/"*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$home/root"; done
  # A package leaves modules.dep to the machine that it is installed on.
  depmod -b "$home/root" "${package#linux-image-}" 2>>"$home/apt.log"
  rm -f "$home/cache/"*.deb
fi
touch "$home/fetched"
release_of
