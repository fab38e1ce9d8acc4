package classic

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rstwatch/rstwatch/internal/testkit"
)

// machine runs in mount and network namespaces of its own: what it writes to /etc, /var/log and /usr/local/sbin goes into
// a directory of the test, and the firewall is empty. Service managers are scripts that write down what they are told.
const machine = `set -e
mkdir -p "$DIR/etc" "$DIR/work" "$DIR/log" "$DIR/sbin"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$DIR/etc,workdir=$DIR/work" /etc
mount --bind "$DIR/log" /var/log
for name in service systemctl; do
	printf '#!/bin/sh\necho %s "$@" >>"%s/told"\n' "$name" "$DIR" >"$DIR/sbin/$name"
	chmod 755 "$DIR/sbin/$name"
done
mount --bind "$DIR/sbin" /usr/local/sbin
rm -f /etc/rc.local
rules() { iptables-save | grep -v '^#' | sed 's/\[[0-9:]*\]//'; ip6tables-save | grep -v '^#' | sed 's/\[[0-9:]*\]//'; nft list ruleset 2>/dev/null; }
# In both chains, because iptables makes those that it needs and leaves them there, empty.
for program in iptables ip6tables; do
	$program -A INPUT -p tcp --dport 22 -j ACCEPT
	$program -A OUTPUT -p tcp --sport 22 -j ACCEPT
done
rules >"$DIR/before"
cd /
`

// enter keeps the mounts from the real machine. In a chroot, where tests may run, the mount that they would spread from
// has no name: entering the namespace once more leads out of it, to where it has, and a descriptor leads back in.
const enter = `exec 3</
nsenter --mount=/proc/self/ns/mnt sh -c 'mount --make-rprivate / && cd /proc/self/fd/3 && exec chroot . sh -c "$SCRIPT"'`

// inMachine runs a script there and returns what it printed.
func inMachine(t *testing.T, dir, script string) string {
	t.Helper()
	cmd := exec.Command("unshare", "--mount", "--net", "--propagation", "unchanged", "sh", "-c", enter)
	cmd.Env = append(os.Environ(), "DIR="+dir, "SCRIPT="+machine+script)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// TestInstallOnAMachine installs for real, twice, checks what is there, and takes it away again.
func TestInstallOnAMachine(t *testing.T) {
	testkit.RequireRoot(t)
	program := filepath.Join(t.TempDir(), "rstwatch")
	build := exec.Command("go", "build", "-o", program, "github.com/rstwatch/rstwatch/cmd/rstwatch")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the program: %v\n%s", err, out)
	}
	for _, firewall := range []string{"iptables", "nftables"} {
		for _, start := range []string{"rc.local", "systemd"} {
			t.Run(firewall+" "+start, func(t *testing.T) {
				dir := t.TempDir()
				t.Cleanup(func() { _ = exec.Command("chattr", "-R", "-a", dir).Run() })
				said := inMachine(t, dir, strings.NewReplacer("PROGRAM", program+" classic", "FIREWALL", firewall, "START", start).Replace(`
install="PROGRAM install --firewall FIREWALL --init START --except 3406 --path /var/log/resets/rst.log"
$install --dry-run >"$DIR/dry"
[ ! -e /var/log/resets ] && [ ! -e /etc/rstwatch-classic ] && rules | cmp - "$DIR/before"
$install >"$DIR/done"
diff "$DIR/dry" "$DIR/done"
if [ START = systemd ]; then # the script only wrote down that the unit is to be started
	ln -s x /etc/systemd/system/multi-user.target.wants/rstwatch-classic.service
	sed -n 's/^ExecStart=\([^-]\)/\1/p' /etc/systemd/system/rstwatch-classic.service | sh -e
fi
rules >"$DIR/with"
! cmp -s "$DIR/before" "$DIR/with"
lsattr /var/log/resets/rst.log | cut -c1-22 | grep a
echo again:
$install
rules | diff "$DIR/with" -
echo checked:
PROGRAM check || true
echo removed:
PROGRAM uninstall --init START
rules | diff "$DIR/before" -
ls /var/log/resets
lsattr /var/log/resets/rst.log | cut -c1-22 | grep a && exit 1
rm -f /etc/systemd/system/multi-user.target.wants/rstwatch-classic.service
find "$DIR/etc" -type f
`))
				_, rest, _ := strings.Cut(said, "again:\n")
				again, rest, _ := strings.Cut(rest, "checked:\n")
				checked, removed, found := strings.Cut(rest, "removed:\n")
				if !found {
					t.Fatalf("it ended early:\n%s", said)
				}
				if again != "" {
					t.Errorf("a second install changes something:\n%s", again)
				}
				if !strings.Contains(checked, " files, 0 faults\n") || strings.HasPrefix(checked, "0 files") {
					t.Errorf("checked:\n%s", checked)
				}
				if strings.Contains(removed, dir+"/etc/") {
					t.Errorf("files are left:\n%s", removed)
				}
				told, err := os.ReadFile(filepath.Join(dir, "told"))
				if err != nil {
					t.Fatal(err)
				}
				want := map[string]string{"rc.local": "service rsyslog restart\n", "systemd": "systemctl restart rsyslog.service\n"}[start]
				if strings.Count(string(told), want) != 2 {
					t.Errorf("the service manager was told\n%s", told)
				}
			})
		}
	}
}
