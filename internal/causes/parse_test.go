package causes

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/reset"
)

const whole = `# scan: somebody looked

It was a scan
of ports.

## What happened

One.

Two,
and a half.

## How it is recognised

So.

<!-- rules -->
Made.

| where | b | c | d | e |
|---|---|---|---|---|
| sent here | peer | likely | **fact: so**; other: too | |
<!-- /rules -->

Or so.

## What usually leads to it

- This,
  on two lines.
- That.

## What to do

- Nothing.

## What to check next

` + "```sh" + `
uptime # how long?
` + "```" + `

` + "```sh in" + `
ss 'dst {remote}'   # who # and what?
` + "```" + `

## Goes with

- ` + "`peer`" + `

## Stands on

- RFC 9293
`

func TestParse(t *testing.T) {
	got, err := Parse("scan", whole)
	if err != nil {
		t.Fatal(err)
	}
	want := &Page{
		Cause: reset.Scan, Title: "somebody looked", Meaning: "It was a scan of ports.",
		Happened: []string{"One.", "Two, and a half."}, Recognised: []string{"So.", "Or so."}, Rules: []Rule{{"sent here", "peer", "likely", "fact: so; other: too", ""}},
		Leads: []string{"This, on two lines.", "That."}, Advice: []string{"Nothing."},
		Checks: []Check{
			{Command: "uptime", Question: "how long?"},
			{Direction: reset.In, Command: "ss 'dst {remote}'", Question: "who # and what?"},
		},
		Senders: []string{"`peer`"}, Basis: []string{"RFC 9293"}, Markdown: whole,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if list := got.ChecksFor(reset.Out); len(list) != 1 {
		t.Errorf("commands of the sender's end: %v", list)
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ name, old, new, message string }{
		{"other word", "# scan:", "# scam:", "the title is"},
		{"full stop in the title", "looked\n", "looked.\n", "full stop"},
		{"no sentence", "of ports.", "of ports", "no sentence"},
		{"missing section", "## What to do\n", "", "sections are"},
		{"empty section", "- Nothing.", "", "is empty"},
		{"no list", "- Nothing.", "Nothing.", "no item"},
		{"no place for rules", "<!-- rules -->", "", "no place"},
		{"rules without end", "<!-- /rules -->", "", "do not end"},
		{"odd row", "| likely |", "|", "has 4 cells"},
		{"no question", "uptime # how long?", "uptime", "which question"},
		{"placeholder", "{remote}", "{remoet}", "{remoet}"},
		{"direction", "sh in", "sh inward", "inward"},
		{"language", "sh in", "python", "begins with"},
		{"open block", "```\n\n## Goes", "\n## Goes", "no end"},
		{"text between commands", "```\n\n```sh in", "```\nor\n```sh in", "outside"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := strings.Replace(whole, test.old, test.new, 1)
			if text == whole {
				t.Fatal("the page is as it was")
			}
			if test.name == "open block" {
				// The rest of the page is then within the block.
				if _, err := Parse("scan", text); err == nil {
					t.Error("taken")
				}
				return
			}
			_, err := Parse("scan", text)
			if err == nil || !strings.Contains(err.Error(), test.message) {
				t.Errorf("error %v, want one with %q", err, test.message)
			}
		})
	}
	if _, err := Parse("no-such-cause", whole); err == nil {
		t.Error("a page without a cause is taken")
	}
}

// FuzzParse: no text makes the parser panic, and what it takes has every part.
func FuzzParse(f *testing.F) {
	f.Add(whole)
	for _, p := range All() {
		f.Add(p.Markdown)
	}
	f.Add("# scan: x\n\ny.\n\n## What happened\n```")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse("scan", text)
		if err != nil {
			return
		}
		if p.Title == "" || p.Meaning == "" || len(p.Checks) == 0 || len(p.Advice) == 0 || len(p.Leads) == 0 {
			t.Fatalf("taken with a part missing: %+v", p)
		}
		for _, check := range p.Checks {
			for name := range placeholders(check.Command) {
				if !slices.Contains(Placeholders, name) {
					t.Fatalf("taken with the placeholder %q", name)
				}
			}
			check.Fill(func(name, _ string) string { return name })
		}
		Plain(text)
	})
}
