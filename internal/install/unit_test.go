package install

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rstwatch/rstwatch/internal/testkit"
	"github.com/rstwatch/rstwatch/packaging"
)

// exposure is the most that "systemd-analyze security" may find, of 10. It was 4.3 when this was written: what is
// left is what the work needs (root, the host's network, CAP_SYS_ADMIN for setns, AF_PACKET, /dev/kmsg).
const exposure = "43"

// systemdAnalyze runs the tool on the unit, with a program that exists in place of ours.
func systemdAnalyze(t *testing.T, arguments ...string) string {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		if testkit.Required() {
			t.Fatal("systemd-analyze is missing: make test installs it")
		}
		t.Skip("systemd-analyze is missing: make test installs it")
	}
	unit := filepath.Join(t.TempDir(), unitName)
	text := strings.ReplaceAll(packaging.Service, packaging.ServiceBinary, "/bin/true")
	if err := os.WriteFile(unit, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	output, err := exec.Command("systemd-analyze", append(arguments, unit)...).CombinedOutput()
	if err != nil {
		t.Errorf("systemd-analyze %v: %v\n%s", arguments, err, output)
	}
	return string(output)
}

func TestUnitVerifies(t *testing.T) {
	if output := systemdAnalyze(t, "verify"); output != "" {
		t.Errorf("systemd-analyze verify has something to say:\n%s", output)
	}
}

func TestUnitIsHardened(t *testing.T) {
	output := systemdAnalyze(t, "security", "--no-pager", "--offline=true", "--threshold="+exposure)
	if line := regexp.MustCompile(`Overall exposure level.*`).FindString(output); line == "" {
		t.Errorf("no exposure level in:\n%s", output)
	} else {
		t.Log(line)
	}
}

// TestUnitKeepsPromises holds the unit against what the program relies on.
func TestUnitKeepsPromises(t *testing.T) {
	for _, line := range []string{
		"Type=notify", "ExecStart=" + packaging.ServiceBinary + " run", "Group=rstwatch", "NoNewPrivileges=yes",
		"StateDirectory=rstwatch", "RuntimeDirectory=rstwatch", "ProtectSystem=strict", "Restart=on-failure",
		"ConditionKernelCommandLine=!rstwatch=off", "ConditionPathExists=!" + configDir + "/disabled",
	} {
		if !strings.Contains(packaging.Service, "\n"+line+"\n") {
			t.Errorf("the unit has no line %q", line)
		}
	}
	// With either of these a network namespace that its owner deletes would live on in our mounts.
	for _, setting := range []string{"PrivateMounts=", "MountFlags="} {
		if strings.Contains(packaging.Service, "\n"+setting) {
			t.Errorf("the unit sets %s", setting)
		}
	}
}

// TestGroupForReal lets groupadd and groupdel work on the root of a test.
func TestGroupForReal(t *testing.T) {
	testkit.RequireRoot(t)
	m := newMachine(t, map[string]string{
		"/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "/etc/gshadow": "root:*::\n", "/etc/login.defs": "",
	})
	o := m.options()
	o.Run = nil
	m.install(o)
	if !strings.Contains(m.files()["/etc/group"], "\nrstwatch:x:") {
		t.Errorf("no group:\n%s", m.files()["/etc/group"])
	}
	if changes := m.install(o); changes != nil {
		t.Errorf("a second install does %q", changes)
	}
	m.remove(o)
	if strings.Contains(m.files()["/etc/group"], "rstwatch") {
		t.Errorf("the group is still there:\n%s", m.files()["/etc/group"])
	}
	if err := runCommand(context.Background(), "groupdel", "--prefix", m.root, "absent"); err == nil || !strings.Contains(err.Error(), "absent") {
		t.Errorf("what groupdel says is lost: %v", err)
	}
}

// TestPurgeLiftsAppendOnly removes files that bear the attribute.
func TestPurgeLiftsAppendOnly(t *testing.T) {
	testkit.RequireRoot(t)
	m := newMachine(t, nil)
	m.install(m.options())
	m.write("/var/lib/rstwatch/journal/1.seg", "resets", 0o640)
	file := filepath.Join(m.root, "/var/lib/rstwatch/journal/1.seg")
	if output, err := exec.Command("chattr", "+a", file).CombinedOutput(); err != nil {
		if testkit.Required() {
			t.Fatalf("the file system under %s has no attributes, set TMPDIR to one that has: %s", m.root, output)
		}
		t.Skipf("the file system under %s has no attributes: %s", m.root, output)
	}
	if err := os.Remove(file); err == nil {
		t.Fatal("the attribute holds nobody back here, so the test shows nothing")
	}
	o := m.options()
	o.Purge = true
	m.remove(o)
	if m.files()[dataDir] != "" {
		t.Error("the data are still there")
	}
}
