package causes

import (
	"fmt"
	"strings"
)

// Rule is one row of the rule base, as a page shows it.
type Rule struct {
	Where  string // what this host sent, or what it has seen
	Sender string
	Sure   string
	Needs  string // all of these hold
	Doubts string // these speak against it
}

// rules reads the table between the marks; the text before it is for readers of
// the page.
func rules(table string) ([]Rule, error) {
	var list []Rule
	for line := range strings.Lines(table) {
		line = strings.TrimSpace(line)
		inner, found := strings.CutPrefix(line, "|")
		if !found || strings.HasPrefix(inner, "--") || strings.HasPrefix(inner, " where |") {
			continue
		}
		cells := strings.Split(strings.TrimSuffix(inner, "|"), "|")
		if len(cells) != 5 {
			return nil, fmt.Errorf("the row %q has %d cells, not 5", line, len(cells))
		}
		for i := range cells {
			cells[i] = Plain(strings.TrimSpace(cells[i]))
		}
		list = append(list, Rule{cells[0], cells[1], cells[2], cells[3], cells[4]})
	}
	return list, nil
}
