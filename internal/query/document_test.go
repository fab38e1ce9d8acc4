package query

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// TestReferenceHolds parses every filter in the tables of the reference: those
// of the last table, of what is not available, must be refused.
func TestReferenceHolds(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/filter.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	can, cannot, ok := strings.Cut(text, "These are not available")
	if !ok {
		t.Fatal("the reference has no section of what is not available")
	}
	good, bad := firstCells(can), firstCells(cannot)
	if len(good) < 50 || len(bad) < 8 {
		t.Fatalf("only %d and %d filters are in the tables", len(good), len(bad))
	}
	for _, filter := range good {
		if _, err := Parse(filter); err != nil {
			t.Errorf("the reference has a filter that is refused:\n%v", err)
		}
	}
	for _, filter := range bad {
		if f, err := Parse(filter); err == nil {
			t.Errorf("the reference says that %q is not available, but it is %s", filter, f)
		}
	}
	for _, keyword := range keywords {
		if !regexp.MustCompile("(?m)^\\| `(.*\\W)?" + keyword + "(\\W.*)?` \\|").MatchString(can) {
			t.Errorf("the reference has no table row for %s", keyword)
		}
	}
	for _, kind := range wordKinds {
		if kind.keyword == "cause" {
			continue // has pages of its own
		}
		for _, word := range kind.words() {
			if !strings.Contains(can, "`"+word+"`") && !strings.Contains(can, "`"+kind.keyword+" "+word+"`") {
				t.Errorf("the reference does not name %s %s", kind.keyword, word)
			}
		}
	}
}

// firstCells returns the code in the first cell of each row.
func firstCells(page string) (cells []string) {
	for _, match := range regexp.MustCompile("(?m)^\\| `(.+?)` \\|").FindAllStringSubmatch(page, -1) {
		cells = append(cells, strings.ReplaceAll(match[1], `\|`, "|"))
	}
	return cells
}

// TestReferenceMeans checks the equations of the reference's second table.
func TestReferenceMeans(t *testing.T) {
	for short, long := range map[string]string{
		"port 80 or port 443 and host 192.0.2.1": "(port 80 or port 443) and host 192.0.2.1",
		"dst port 80 or 443":                     "dst port 80 or dst port 443",
		"not host 192.0.2.1 and 192.0.2.2":       "not host 192.0.2.1 and host 192.0.2.2",
		"port (80 or 443)":                       "port 80 or port 443",
		"sender peer or path":                    "sender peer or sender path",
		"src 192.0.2.1":                          "src host 192.0.2.1",
		"src or dst host ::1":                    "host ::1",
		"net 192.168":                            "net 192.168.0.0/16",
		"net 10.0.0.0 mask 255.0.0.0":            "net 10.0.0.0/8",
		"port 0x50 or 0120 or http":              "port 80 or port 80 or port 80",
	} {
		f, err := Parse(short)
		if err != nil {
			t.Fatal(err)
		}
		if f.String() != long {
			t.Errorf("%q is %q, want %q", short, f, long)
		}
	}
}

// TestEveryWordParses keeps the filter complete when a word is added.
func TestEveryWordParses(t *testing.T) {
	for _, kind := range wordKinds {
		for i, word := range kind.words() {
			f, err := Parse(kind.keyword + " " + word)
			if err != nil {
				t.Fatal(err)
			}
			if n, ok := f.root.(*word8); !ok || int(n.value) != i+1 {
				t.Errorf("%s %s is %#v", kind.keyword, word, f.root)
			}
		}
	}
	if got := len(reset.SourceWords()) + 1; got != reset.NumSources {
		t.Errorf("%d sources have words, of %d", got, reset.NumSources)
	}
}
