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
	file, err := parser.ParseFile(token.NewFileSet(), "facts.go", nil, 0)
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

// TestFactsAreUsed: a fact that no row can give is no fact.
func TestFactsAreUsed(t *testing.T) {
	used := map[string]bool{factTwin: true, factUnwatched: true, factListener: true, factOtherEnd: true}
	for _, r := range allRules() {
		for _, s := range slices.Concat(r.needs, r.adds, r.doubts) {
			if s.weight != reset.WeightNone {
				used[s.clue.fact] = true
			}
		}
	}
	for _, fact := range declaredFacts(t) {
		if !used[fact] {
			t.Errorf("no row gives the fact %q", fact)
		}
	}
}

func allRules() []rule { return slices.Concat(sentRules, seenRules) }
