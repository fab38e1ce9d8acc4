#!/usr/bin/env bash
# syslog-ng.sh: unpacks syslog-ng into .cache/syslog-ng, where tests find it as "syslog-ng".
#
# Debian lets only one syslog daemon be installed, and the tests need rsyslog. So this one is not installed: its package,
# and the libraries of it that are missing, are unpacked beside the system.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$PWD/.cache/syslog-ng
[ ! -x "$dir/syslog-ng" ] || exit 0
if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
  echo "syslog-ng: no apt-get here; set RSTWATCH_SYSLOG_NG to the program" >&2
  exit 1
fi
mkdir -p "$dir"
work=$(mktemp -d "$dir/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

packages=(syslog-ng-core libivykis0 libnet1 libjson-c5 libwrap0 libpcre3 libnsl2 libtirpc3)
# As root, apt would rather download as its own user, who may not write here.
download() { (cd "$work" && apt-get -qq -o APT::Sandbox::User=root download "${packages[@]}" >/dev/null); }
download 2>/dev/null || { apt-get -qq update && download; }
for package in "$work"/*.deb; do
  dpkg-deb -x "$package" "$work/root"
done
rm -rf "$dir/root"
mv "$work/root" "$dir/root"
libraries=$(find "$dir/root" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
modules=$(dirname "$(find "$dir/root" -name libaffile.so | head -n 1)")
if missing=$(LD_LIBRARY_PATH=$libraries ldd "$modules/libafsocket.so" "$modules/libaffile.so" | grep 'not found'); then
  echo "syslog-ng: libraries that are neither here nor among the packages: $missing" >&2
  exit 1
fi
cat >"$dir/syslog-ng.new" <<SCRIPT
#!/bin/sh
LD_LIBRARY_PATH='$libraries' exec '$dir/root/usr/sbin/syslog-ng' --module-path='$modules' "\$@"
SCRIPT
chmod 755 "$dir/syslog-ng.new"
mv "$dir/syslog-ng.new" "$dir/syslog-ng"
