package attribute

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// The marks around the part of a cause's page that is made of the rules.
const (
	rulesBegin = "<!-- rules -->\n"
	rulesEnd   = "<!-- /rules -->\n"
)

// TestPagesHaveTheRules: the page of each cause in docs/causes lists the rows
// that lead to it.
func TestPagesHaveTheRules(t *testing.T) {
	for word := reset.CauseUnknown; word <= reset.Relayed; word++ {
		path := "../../docs/causes/" + word.String() + ".md"
		page, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
			continue
		}
		head, rest, found := strings.Cut(string(page), rulesBegin)
		_, tail, ended := strings.Cut(rest, rulesEnd)
		if !found || !ended {
			t.Errorf("%s has no place for the rules: %s and %s", path, rulesBegin, rulesEnd)
			continue
		}
		want := head + rulesBegin + rulesOf(word) + rulesEnd + tail
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if diff := cmp.Diff(want, string(page)); diff != "" {
			t.Errorf("%s is not what the rules make; run make doc (-want +got):\n%s", path, diff)
		}
	}
}

// rulesOf are the rows of one cause.
func rulesOf(word reset.Cause) string {
	var b strings.Builder
	b.WriteString("The rows of the rule base (`docs/reference/verdict.md` has all, in their order):\n\n" +
		"| where | sender | how sure | all of these hold | these speak against it |\n|---|---|---|---|---|\n")
	for _, table := range []struct {
		where string
		rules []rule
	}{{"sent here", sentRules}, {"seen here", seenRules}} {
		for i := range table.rules {
			if r := &table.rules[i]; r.cause == word {
				fmt.Fprintf(&b, "| %s | `%s` | %s | %s | %s |\n", table.where, r.sender, levels(r), conditions(r.needs), fewDoubts(r.doubts))
			}
		}
	}
	return b.String()
}

// fewDoubts names the first of many: what a forger may give away speaks against
// nearly every row of what was received.
func fewDoubts(signs []sign) string {
	const most = 5
	list := strings.Split(doubted(signs), ", ")
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}

// TestPagesNameTheSenders: those that a page says its cause goes with are those
// that the rules allow.
func TestPagesNameTheSenders(t *testing.T) {
	for word := reset.UnreadData; word <= reset.Relayed; word++ {
		page, err := os.ReadFile("../../docs/causes/" + word.String() + ".md")
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(page), "\n## Goes with\n")
		section, _, _ := strings.Cut(rest, "\n## ")
		for sender := reset.SenderUnknown; sender <= reset.Path; sender++ {
			if named := strings.Contains(section, "`"+sender.String()+"`"); named != slices.Contains(allowed[word], sender) {
				t.Errorf("%s: the page names %s: %v, and the rules: %v", word, sender, named, !named)
			}
		}
	}
}

// levels are how sure the sender and the cause are.
func levels(r *rule) string {
	word := func(level reset.Level) string {
		if level == reset.LevelNone {
			return "-"
		}
		return level.String()
	}
	if r.who == r.why {
		return word(r.who)
	}
	return word(r.who) + ", cause " + word(r.why)
}
