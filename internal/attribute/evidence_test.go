package attribute

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// declaredFacts are the values of the constants that begin with "fact".
func declaredFacts(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "evidence.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var facts []string
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "fact") {
			return true
		}
		if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			facts = append(facts, text)
		}
		return true
	})
	slices.Sort(facts)
	return facts
}

// TestFactsAreDocumented: the list is closed, and the reference page has a row
// for each fact and for no other.
func TestFactsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/evidence.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), "## The facts")
	if !found {
		t.Fatal("the page has no list of facts")
	}
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(table, -1) {
		documented = append(documented, row[1])
	}
	slices.Sort(documented)
	if diff := cmp.Diff(declaredFacts(t), documented); diff != "" {
		t.Errorf("docs/reference/evidence.md (-declared +documented):\n%s", diff)
	}
}

// TestEvidenceIsSound: every list bears declared facts, stands for one sender
// and one cause, and is decisive where the verdict is certain.
func TestEvidenceIsSound(t *testing.T) {
	declared := declaredFacts(t)
	check := func(name string, list []reset.Evidence, sender, cause reset.Level) {
		decisive := map[string]bool{}
		for _, e := range list {
			if !slices.Contains(declared, e.Fact) {
				t.Errorf("%s: the fact %q is not declared", name, e.Fact)
			}
			about, _, _ := strings.Cut(e.For, "=")
			decisive[about] = decisive[about] || e.Weight == reset.Decisive
		}
		if (sender == reset.Certain) != decisive["sender"] {
			t.Errorf("%s: the sender is %s, and the evidence %+v", name, sender, list)
		}
		if cause == reset.Certain && !decisive["cause"] && !decisive["sender"] {
			t.Errorf("%s: the cause is certain, and the evidence %+v", name, list)
		}
	}
	for i := range sentRules {
		check(sentRules[i].reason, sentRules[i].evidence(), sentRules[i].senderLevel(), sentRules[i].sure)
	}
	for i := range ownerRules {
		check(ownerNames[ownerRules[i].origin], ownerRules[i].evidence(), ownerRules[i].sure, ownerRules[i].sure)
	}
	if e := WireNotWatched(); !slices.Contains(declared, e.Fact) {
		t.Errorf("the fact %q is not declared", e.Fact)
	}
	if len(sentEvidence) != len(sentRules) {
		t.Error("a row has no evidence")
	}
}
