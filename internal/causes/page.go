package causes

import (
	"fmt"
	"io/fs"
	"sync"

	pages "github.com/rstwatch/rstwatch/docs/causes"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// Page is what is to be said of one cause, whatever the case.
type Page struct {
	Cause      reset.Cause
	Title      string   // without the word and without a full stop
	Meaning    string   // one sentence
	Happened   []string // paragraphs
	Recognised []string // paragraphs
	Rules      []Rule   // the rows of the rule base that lead to it
	Leads      []string // what usually leads to it
	Advice     []string // what to do
	Checks     []Check  // what to look at next
	Senders    []string // whom the cause goes with
	Basis      []string // kernel functions, sections of RFCs
	Markdown   string   // the page as it is
}

// Check is a command to copy, and the question that it answers.
type Check struct {
	Direction reset.Direction // for those who see the RST so; DirectionUnknown: for all
	Command   string          // with placeholders
	Question  string
}

// Path is where the page stands in the project.
func (p *Page) Path() string { return "docs/causes/" + p.Cause.String() + ".md" }

// ChecksFor returns the commands for those who see the RST in that direction:
// the sender's end of a RST that leaves, the receiver's of one that arrives.
// A bystander that has no commands of its own gets those that are for all.
func (p *Page) ChecksFor(direction reset.Direction) []Check {
	if direction == reset.Transit {
		direction = reset.Forward
	}
	var list []Check
	for _, c := range p.Checks {
		if c.Direction == reset.DirectionUnknown || c.Direction == direction {
			list = append(list, c)
		}
	}
	return list
}

// All returns the pages in the order of reset.CauseWords. The pages are shared
// and must not be changed.
func All() []*Page { return load().list }

// Of returns the page of a cause, or nil if there is none, as for CauseNone.
func Of(cause reset.Cause) *Page { return load().byCause[cause] }

type loaded struct {
	list    []*Page
	byCause map[reset.Cause]*Page
}

// load parses the pages once. A page that is missing or that does not parse is
// a mistake in the project, which its tests find.
var load = sync.OnceValue(func() loaded {
	all := loaded{byCause: make(map[reset.Cause]*Page)}
	for _, word := range reset.CauseWords() {
		page, err := read(word)
		if err != nil {
			panic(err)
		}
		all.list = append(all.list, page)
		all.byCause[page.Cause] = page
	}
	return all
})

func read(word string) (*Page, error) {
	text, err := fs.ReadFile(pages.Files, word+".md")
	if err != nil {
		return nil, fmt.Errorf("cause %q has no page: %w", word, err)
	}
	return Parse(word, string(text))
}
