package verdicts

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// result is what one run found.
type result struct {
	seed    uint64
	beside  int
	missing map[string]string
	judged  []judged
}

func (r *result) of(sensor string) []judged {
	return where(r.judged, func(j judged) bool { return j.by.sensor == sensor })
}

// mechanisms are the makers of which a record was judged, sorted.
func (r *result) mechanisms() []string {
	return slices.Sorted(maps.Keys(split(r.of(best), func(j judged) string { return j.expect.Kind })))
}

// unknowable are the makers of which the right cause at an end of the way, for
// one who sees that end alone, is unknown.
func (r *result) unknowable() []string {
	ends := where(r.of(best), func(j judged) bool {
		return j.expect.Direction != reset.Forward && j.truth.Cause() == reset.CauseUnknown
	})
	return slices.Sorted(maps.Keys(split(ends, func(j judged) string { return j.expect.Kind })))
}

// tables is the generated part of the page.
func (r *result) tables() string {
	var b strings.Builder
	both := len(split(r.of(best), func(j judged) string { return j.expect.Kind + " " + j.record.Packet.Family.String() }))
	fmt.Fprintf(&b, "%d mechanisms (%d with the two families told apart), %d records judged, beside %d unrelated resets; seed %d.\n",
		len(r.mechanisms()), both, len(r.judged), r.beside, r.seed)
	fmt.Fprintf(&b, "For %d mechanisms the right cause, for one who sees the receiving end alone, is `unknown`: %s.\n",
		len(r.unknowable()), strings.Join(r.unknowable(), ", "))
	for _, kind := range slices.Sorted(maps.Keys(r.missing)) {
		fmt.Fprintf(&b, "Not played here: %s, which needs %s.\n", kind, r.missing[kind])
	}
	b.WriteString("\n### Each sensor\n\n")
	r.sensors(&b)
	for _, part := range []struct {
		title string
		yes   func(judged) bool
	}{
		{"Where it was sent", func(j judged) bool { return j.expect.Node == j.expect.From }},
		{"Elsewhere, with the sender's namespace watched too", func(j judged) bool {
			return j.expect.Node != j.expect.From && j.by.view == testkit.Together
		}},
		{"Where it came, alone", func(j judged) bool {
			return j.expect.Node != j.expect.From && j.by.view == testkit.Alone && !j.onTheWay()
		}},
		{"Where it passed, alone", func(j judged) bool { return j.by.view == testkit.Alone && j.onTheWay() }},
	} {
		list := where(r.of(best), part.yes)
		if len(list) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n### %s\n\n", part.title)
		recall(&b, list)
		b.WriteByte('\n')
		matrix(&b, "sender", list, func(j judged) string { return j.truth.Sender().String() },
			func(j judged) string { return j.record.Sender.String() }, judged.senderRight)
		b.WriteByte('\n')
		matrix(&b, "cause", list, func(j judged) string { return j.truth.Cause().String() },
			func(j judged) string { return j.record.Cause.String() }, judged.causeRight)
	}
	return b.String()
}

// sensors is the table of all sensors side by side.
func (r *result) sensors(b *strings.Builder) {
	b.WriteString("| sensor | view | records | sender right | cause right | its own word | unknown, and right | cause wrong | sender certain | cause certain | certain and wrong |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|\n")
	views := []struct {
		name string
		yes  func(judged) bool
	}{
		{"together", func(j judged) bool { return j.by.view == testkit.Together }},
		{"alone, at an end", func(j judged) bool { return j.by.view == testkit.Alone && !j.onTheWay() }},
		{"alone, on the way", func(j judged) bool { return j.by.view == testkit.Alone && j.onTheWay() }},
	}
	var order []string
	for _, j := range r.judged {
		if !slices.Contains(order, j.by.sensor) {
			order = append(order, j.by.sensor)
		}
	}
	for _, sensor := range order {
		for _, view := range views {
			c := tallyOf(where(r.of(sensor), view.yes))
			if c.records == 0 {
				continue
			}
			fmt.Fprintf(b, "| %s | %s | %d | %.1f %% | %.1f %% | %.1f %% | %.1f %% | %.1f %% | %.1f %% | %.1f %% | %d |\n", sensor, view.name, c.records,
				share(c.sender, c.records), share(c.cause, c.records), share(c.exact, c.records), share(c.unknownWhereItIsRight, c.records), share(c.misled, c.records),
				share(c.senderCertain, c.records), share(c.causeCertain, c.records), c.lies)
		}
	}
}

// recall is the table of the causes.
func recall(b *strings.Builder, list []judged) {
	b.WriteString("| true cause | records | sender right | cause right | its own word | unknown | cause certain | certain and wrong |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|\n")
	parts := split(list, func(j judged) reset.Cause { return j.truth.Cause() })
	for _, cause := range slices.Sorted(maps.Keys(parts)) {
		c := tallyOf(parts[cause])
		fmt.Fprintf(b, "| `%s` | %d | %.1f %% | %.1f %% | %.1f %% | %d | %.1f %% | %d |\n", cause, c.records,
			share(c.sender, c.records), share(c.cause, c.records), share(c.exact, c.records), c.unknown, share(c.causeCertain, c.records), c.lies)
	}
	c := tallyOf(list)
	fmt.Fprintf(b, "| all | %d | %.1f %% | %.1f %% | %.1f %% | %d | %.1f %% | %d |\n", c.records,
		share(c.sender, c.records), share(c.cause, c.records), share(c.exact, c.records), c.unknown, share(c.causeCertain, c.records), c.lies)
}

// matrix is truth by what was said: only rows in which something else than the
// truth was said are long. What is right though it is not the row's word is
// one of the words that an observer there may use as well.
func matrix(b *strings.Builder, of string, list []judged, truth, said func(judged) string, right func(judged) bool) {
	fmt.Fprintf(b, "| true %s | said: right | said: wrong |\n|---|---|---|\n", of)
	rows := split(list, truth)
	for _, row := range slices.Sorted(maps.Keys(rows)) {
		good := split(where(rows[row], right), said)
		bad := split(where(rows[row], func(j judged) bool { return !right(j) }), said)
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", row, counts(good), counts(bad))
	}
}

// counts is words with how often each was said, the most frequent first.
func counts(parts map[string][]judged) string {
	words := slices.SortedFunc(maps.Keys(parts), func(a, b string) int {
		if len(parts[a]) != len(parts[b]) {
			return len(parts[b]) - len(parts[a])
		}
		return strings.Compare(a, b)
	})
	for i, word := range words {
		words[i] = fmt.Sprintf("%s %d", word, len(parts[word]))
	}
	return strings.Join(words, ", ")
}

// The marks between which the page bears the tables.
const (
	tablesBegin = "<!-- begin: written by make verdicts -->\n"
	tablesEnd   = "<!-- end: written by make verdicts -->\n"
)

// writePage puts the tables into a page, between its marks.
func (r *result) writePage(path string) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(page), tablesBegin)
	_, tail, okEnd := strings.Cut(rest, tablesEnd)
	if !ok || !okEnd {
		return fmt.Errorf("page %s: no marks for the tables", path)
	}
	return os.WriteFile(path, []byte(head+tablesBegin+"\n"+r.tables()+"\n"+tablesEnd+tail), 0o644)
}
