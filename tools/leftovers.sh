# shellcheck shell=bash
# leftovers.sh is read by test.sh. It finds what tests left behind: processes, mounts and network namespaces.
#
# Processes are told by a mark in their environment, mounts by the directory that the tests get for their
# temporary files, so other people's on the same machine are never taken for ours. The name of a network
# namespace ends with the number of the process that made it: one that is new and whose maker is gone was forgotten.

leftovers_begin() {
  leftovers_mark="$$-$(date +%s%N)"
  leftovers_tmp=$(mktemp -d /tmp/rw.XXXXXX) # short: the path of a Unix socket has 107 characters at most
  chmod 0711 "$leftovers_tmp" # tests run as other users too
  leftovers_netns=$(leftovers_namespaces)
  leftovers_mounted=$(leftovers_netns_mounts)
}

# leftovers_netns_mounts counts the mounts on /run/netns: the first "ip netns add" of a machine makes one.
leftovers_netns_mounts() { awk '$5 == "/run/netns" { n++ } END { print n + 0 }' /proc/self/mountinfo; }

# leftovers_run COMMAND...: runs COMMAND with the mark and the directory.
leftovers_run() { RSTWATCH_TEST_RUN="$leftovers_mark" TMPDIR="$leftovers_tmp" "$@"; }

leftovers_namespaces() { find /run/netns -mindepth 1 -printf '%f\n' 2>/dev/null | sort; }

# leftovers_processes prints the numbers of the processes that bear our mark. The go command's own
# background child, which outlives it now and then, is not the tests' doing.
leftovers_processes() {
  local file
  grep -lszx "RSTWATCH_TEST_RUN=$leftovers_mark" /proc/[0-9]*/environ | while IFS=/ read -r _ _ file _; do
    if [ "$(cat "/proc/$file/comm" 2>/dev/null || echo go)" != go ]; then echo "$file"; fi
  done
}

leftovers_end() {
  local found=0 line
  for _ in {1..20}; do # what was told to end may need a moment
    if [ -z "$(leftovers_processes)" ]; then break; fi
    sleep 0.1
  done
  while read -r line; do
    echo "test: left running: $line $(tr '\0' ' ' <"/proc/$line/cmdline")" >&2
    kill -KILL "$line"
    found=1
  done < <(leftovers_processes)
  while read -r line; do
    echo "test: left mounted: $line" >&2
    umount -l "$line"
    found=1
  done < <(awk -v under="$leftovers_tmp/" 'index($5, under) == 1 { print $5 }' /proc/self/mountinfo)
  while read -r line; do
    if [[ $line =~ [0-9]+$ ]] && [ ! -d "/proc/${BASH_REMATCH[0]}" ]; then
      echo "test: left behind: network namespace $line" >&2
      found=1
    fi
  done < <(comm -13 <(echo "$leftovers_netns") <(leftovers_namespaces))
  # The directory of the namespaces goes too if it came with the tests and nobody else uses it by now.
  if [ "$leftovers_mounted" = 0 ] && [ -z "$(leftovers_namespaces)" ]; then
    while [ "$(leftovers_netns_mounts)" != 0 ] && umount /run/netns; do :; done
    rmdir /run/netns 2>/dev/null
  fi
  chattr -R -a -i "$leftovers_tmp" 2>/dev/null
  rm -rf --one-file-system "$leftovers_tmp"
  return "$found"
}
