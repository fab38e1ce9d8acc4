package explain

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReferenceHasEveryName: docs/reference/explain.md and the JSON have the same
// names.
func TestReferenceHasEveryName(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/explain.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "## A reset")
	one, none, found := strings.Cut(rest, "## No reset")
	if !found {
		t.Fatal("the page has not its two tables")
	}
	for _, part := range []struct {
		name, text string
		types      []any
	}{
		{"a reset", one, []any{Story{}, Claim{}, Item{}, Moment{}, Command{}}},
		{"no reset", none, []any{None{}, Coverage{}, Gap{}, Span{}, Command{}}},
	} {
		want := map[string]bool{}
		for _, v := range part.types {
			for field := range reflect.TypeOf(v).Fields() {
				if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" {
					want[name] = true
				}
			}
		}
		got := map[string]bool{}
		for _, match := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(part.text, -1) {
			got[match[1]] = true
		}
		if diff := cmp.Diff(names(want), names(got)); diff != "" {
			t.Errorf("%s (-json +page):\n%s", part.name, diff)
		}
	}
}

func names(set map[string]bool) []string {
	var list []string
	for name := range set {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}
