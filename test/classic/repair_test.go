package classic

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rstwatch/rstwatch/internal/classicsetup/check"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// TestCorrectedLinesAreRight puts the lines that check gives into the files, one after the other, until it finds nothing
// more of that kind; then the programs are asked.
func TestCorrectedLinesAreRight(t *testing.T) {
	lab := testkit.NewLab(t)
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("filter.rules", `*filter
:MINE - [0:0]
-A INPUT -p tcp -m tcp ! --sport 3406 --tcp-flags RST RST -j LOG --log-prefix "[gone] " --log-level7 --log-tcp-sequence
#-A INPUT -p tcp -m tcp ! --dport 3406 --tcp-flags RST RST -j LOG --log-prefix "[gone] " --log-level7
-A OUTPUT -p tcp -m tcp ! --sport 3406 --tcp-flags RST RST -j LOG --log-prefix "[gone] " --log-level 7
COMMIT
`)
	write("gone.conf", ":msg, startswith, \"[gone]\" -"+filepath.Join(dir, "gone.log")+"\n")
	elsewhere := []check.Word{check.NoIPv6} // wants a file of its own
	put := make(map[check.Word]int)
	for range 30 {
		report, err := check.Run(check.Options{Paths: []string{dir}})
		if err != nil {
			t.Fatal(err)
		}
		faults := slices.DeleteFunc(report.Faults, func(f check.Fault) bool { return slices.Contains(elsewhere, f.Word) })
		if len(faults) == 0 {
			break
		}
		repair(t, faults[0])
		put[faults[0].Word]++
	}
	report, err := check.Run(check.Options{Paths: []string{dir}})
	if err != nil || len(report.Faults) != 1 {
		t.Fatalf("%v %+v", err, report.Faults)
	}
	for _, word := range []check.Word{check.DoesNotLoad, check.CommentedBroken, check.HalfExcluded, check.NoRateLimit, check.NoForward, check.StartsWith, check.SecondCopy} {
		if put[word] == 0 {
			t.Errorf("%s was not put right: %v", word, put)
		}
	}
	within(t, lab.Client, "iptables-restore", "--noflush", "--test", filepath.Join(dir, "filter.rules"))
	within(t, lab.Client, "iptables-legacy-restore", "--noflush", "--test", filepath.Join(dir, "filter.rules"))
	run(t, "rsyslogd", "-N1", "-f", filepath.Join(dir, "gone.conf"))
}

// repair puts the corrected lines in the place of the wrong one: declared chains with the others, rules of new chains at
// the end, and a rule for one more chain behind the one that is there.
func repair(t *testing.T, f check.Fault) {
	t.Helper()
	content, err := os.ReadFile(f.File)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	var here, chains, last []string
	for line := range strings.SplitSeq(f.Fix, "\n") {
		switch {
		case strings.HasSuffix(f.File, ".rules") && slices.Contains(lines, line):
		case strings.HasPrefix(line, ":") && strings.HasSuffix(line, "[0:0]"):
			chains = append(chains, line)
		case strings.HasPrefix(line, "-A RSTWATCH"):
			last = append(last, line)
		default:
			here = append(here, line)
		}
	}
	at := f.Line - 1
	if f.Word == check.NoForward {
		here = append([]string{lines[at]}, here...)
	}
	if f.Word == check.CommentedBroken {
		here[0] = "#" + here[0]
	}
	lines = slices.Replace(lines, at, at+1, here...)
	if end := slices.Index(lines, "COMMIT"); end >= 0 {
		lines = slices.Insert(lines, end, last...)
		lines = slices.Insert(lines, 1, chains...)
	}
	if err := os.WriteFile(f.File, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}
