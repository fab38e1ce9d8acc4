package attribute

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/reset"
)

var update = flag.Bool("update", false, "rewrite docs/reference/verdict.md")

// TestReferenceIsCurrent: the page is the rule base, written for people.
func TestReferenceIsCurrent(t *testing.T) {
	const path = "../../docs/reference/verdict.md"
	want := reference()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is not what the rules make; run make doc (-want +got):\n%s", path, diff)
	}
}

const referenceHead = `# The verdict

<!-- Made of the rules in internal/attribute by "make doc". Do not edit. -->

A verdict names a ` + "`sender`" + ` and a ` + "`cause`" + `, each with how sure it is: ` + "`certain`, `likely` or `possible`" + `. It is the first
row below of which all conditions hold. What held becomes the record's evidence ([evidence.md](evidence.md)), what speaks
against it too: a weak doubt leaves no more than ` + "`likely`" + `, a stronger one no more than ` + "`possible`" + `. Where no row holds, both are
` + "`unknown`" + `.

- ` + "`certain`" + ` needs a decisive clue: the kernel said so itself, or nothing that is known leaves room for another.
- ` + "`peer`" + ` is never more than ` + "`likely`" + `, and no more than ` + "`possible`" + ` where nothing is known of other packets of that address.
- Where the record at the other end of the connection is on this host too, its verdict is taken: it describes the packet. So are
  what led to it, the firewall's rule, and the harm where that is the worse of the two.

## Who can have which cause

| cause | senders |
|---|---|
`

func reference() string {
	var b strings.Builder
	b.WriteString(referenceHead)
	for word := reset.UnreadData; word <= reset.Relayed; word++ {
		fmt.Fprintf(&b, "| `%s` | %s |\n", word, senders(allowed[word]))
	}
	fmt.Fprintf(&b, "| `%s` | any |\n", reset.CauseUnknown)
	b.WriteString("\n## What this host sent\n\n" + rowsHead)
	writeRows(&b, sentRules)
	b.WriteString("\n## What it received, passed on, or found in a capture\n\n" + rowsHead)
	writeRows(&b, seenRules)
	return b.String()
}

const rowsHead = "In order: the first row that holds. Each condition is `fact`: value; **bold** conditions are decisive.\n\n" +
	"| sender | cause | all of these hold | these speak against it |\n|---|---|---|---|\n"

func senders(list []reset.Sender) string {
	var words []string
	for _, s := range list {
		words = append(words, "`"+s.String()+"`")
	}
	return strings.Join(words, ", ")
}

func writeRows(b *strings.Builder, rules []rule) {
	for i := range rules {
		r := &rules[i]
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", claim(r.sender.String(), r.who), claim(r.cause.String(), r.why),
			conditions(r.needs), doubted(r.doubts))
	}
}

func claim(word string, level reset.Level) string {
	if level == reset.LevelNone {
		return "`" + word + "`"
	}
	return "`" + word + "`, " + level.String()
}

func conditions(signs []sign) string {
	var list []string
	for _, s := range signs {
		text := "`" + s.clue.fact + "`: " + s.clue.says
		if s.weight == reset.Decisive {
			text = "**" + text + "**"
		}
		list = append(list, text)
	}
	if len(list) == 0 {
		return "nothing else held"
	}
	return strings.Join(list, "; ")
}

// doubted names the facts of the doubts; their words stand in evidence.md.
func doubted(signs []sign) string {
	var list []string
	for _, s := range signs {
		if text := "`" + s.clue.fact + "` (" + s.weight.String() + ")"; !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return strings.Join(list, ", ")
}
