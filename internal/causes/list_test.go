package causes

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite docs/reference/causes.md")

const listHead = `# The causes

<!-- Made of the pages in docs/causes by "make doc". Do not edit. -->

Each word that a record's ` + "`cause`" + ` may have, with its page: what happened, how it is recognised, what usually leads to it,
what to do, and what to check next. ` + "`rstwatch causes NAME`" + ` prints a page, and ` + "`rstwatch explain`" + ` tells a reset's story with it.

| cause | in short | meaning |
|---|---|---|
`

// TestListIsCurrent: the list of all pages is made of them.
func TestListIsCurrent(t *testing.T) {
	const path = "../../docs/reference/causes.md"
	var b strings.Builder
	b.WriteString(listHead)
	for _, p := range All() {
		word := p.Cause.String()
		fmt.Fprintf(&b, "| [`%s`](../causes/%s.md) | %s | %s |\n", word, word, p.Title, p.Meaning)
	}
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.String(), string(got)); diff != "" {
		t.Errorf("%s is not what the pages make; run make doc (-want +got):\n%s", path, diff)
	}
}
