package causes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// sections are the headings of a page, in their order.
var sections = []string{
	"What happened", "How it is recognised", "What usually leads to it", "What to do",
	"What to check next", "Goes with", "Stands on",
}

// The marks around the generated part.
const (
	rulesBegin = "<!-- rules -->"
	rulesEnd   = "<!-- /rules -->"
)

// Parse reads a page and refuses one that has not the form of the package's
// comment.
func Parse(word, text string) (*Page, error) {
	p := &Page{Markdown: text}
	if err := p.Cause.UnmarshalText([]byte(word)); err != nil {
		return nil, fmt.Errorf("reading page %q: %w", word, err)
	}
	if err := p.parse(word, text); err != nil {
		return nil, fmt.Errorf("reading page %q: %w", word, err)
	}
	return p, nil
}

func (p *Page) parse(word, text string) error {
	parts := split(text)
	if err := p.head(word, parts[0].body); err != nil {
		return err
	}
	names := make([]string, 0, len(parts))
	for _, part := range parts[1:] {
		names = append(names, part.heading)
	}
	if !slices.Equal(names, sections) {
		return fmt.Errorf("the sections are %q, want %q", names, sections)
	}
	bodies := make([]string, len(sections))
	for i, part := range parts[1:] {
		if bodies[i] = strings.TrimSpace(part.body); bodies[i] == "" {
			return fmt.Errorf("section %q is empty", part.heading)
		}
	}
	recognised, table, err := takeRules(bodies[1])
	if err != nil {
		return err
	}
	p.Happened, p.Recognised = paragraphs(bodies[0]), paragraphs(recognised)
	if p.Rules, err = rules(table); err != nil {
		return err
	}
	if p.Checks, err = checks(bodies[4]); err != nil {
		return err
	}
	lists := []*[]string{2: &p.Leads, 3: &p.Advice, 5: &p.Senders, 6: &p.Basis}
	for i, list := range lists {
		if list == nil {
			continue
		}
		if *list, err = items(bodies[i]); err != nil {
			return fmt.Errorf("section %q: %w", sections[i], err)
		}
	}
	return nil
}

// head reads the title and the meaning.
func (p *Page) head(word, text string) error {
	blocks := paragraphs(text)
	if len(blocks) != 2 {
		return fmt.Errorf("%d paragraphs before the first section, want the title and the meaning", len(blocks))
	}
	title, found := strings.CutPrefix(blocks[0], "# "+word+": ")
	if !found || title == "" || strings.HasSuffix(title, ".") {
		return fmt.Errorf("the title is %q, want \"# %s: \" and a title without a full stop", blocks[0], word)
	}
	if !strings.HasSuffix(blocks[1], ".") {
		return fmt.Errorf("the meaning %q is no sentence", blocks[1])
	}
	p.Title, p.Meaning = title, blocks[1]
	return nil
}

// part is a heading and what stands below it.
type part struct{ heading, body string }

// split cuts a page at its headings of the second level; the first part is what
// stands before them. In a block of code nothing is a heading.
func split(text string) []part {
	parts := []part{{}}
	code := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "```") {
			code = !code
		}
		if heading, found := strings.CutPrefix(line, "## "); found && !code {
			parts = append(parts, part{heading: strings.TrimSpace(heading)})
			continue
		}
		parts[len(parts)-1].body += line
	}
	return parts
}

// takeRules takes the generated part out of a section.
func takeRules(text string) (rest, rules string, err error) {
	before, after, found := strings.Cut(text, rulesBegin)
	if !found {
		return "", "", fmt.Errorf("no place for the rules: %s and %s", rulesBegin, rulesEnd)
	}
	rules, after, found = strings.Cut(after, rulesEnd)
	if !found || strings.Contains(after, rulesBegin) {
		return "", "", fmt.Errorf("the rules do not end with %s", rulesEnd)
	}
	return before + "\n" + after, strings.TrimSpace(rules), nil
}

// paragraphs joins the lines of each paragraph.
func paragraphs(text string) []string {
	var list []string
	for block := range strings.SplitSeq(text, "\n\n") {
		if words := strings.Fields(block); len(words) > 0 {
			list = append(list, strings.Join(words, " "))
		}
	}
	return list
}

// items joins the lines of each item of a list.
func items(text string) ([]string, error) {
	var list []string
	for line := range strings.Lines(text) {
		switch item, found := strings.CutPrefix(line, "- "); {
		case found:
			list = append(list, strings.TrimSpace(item))
		case strings.TrimSpace(line) == "":
		case len(list) > 0 && strings.HasPrefix(line, "  "):
			list[len(list)-1] += " " + strings.TrimSpace(line)
		default:
			return nil, fmt.Errorf("the line %q is no item of a list", strings.TrimSpace(line))
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("the list is empty")
	}
	return list, nil
}

// checks reads the blocks of commands.
func checks(text string) ([]Check, error) {
	var list []Check
	var direction reset.Direction
	open := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch info, fence := strings.CutPrefix(line, "```"); {
		case fence && open:
			open = false
		case fence:
			var err error
			if direction, err = blockDirection(info); err != nil {
				return nil, err
			}
			open = true
		case line == "":
		case !open:
			return nil, fmt.Errorf("%q stands outside of a block of commands", line)
		default:
			check, err := parseCheck(line)
			if err != nil {
				return nil, err
			}
			check.Direction = direction
			list = append(list, check)
		}
	}
	if open || len(list) == 0 {
		return nil, fmt.Errorf("the commands have no end, or there are none")
	}
	return list, nil
}

// blockDirection reads what stands behind the ``` of a block.
func blockDirection(info string) (direction reset.Direction, err error) {
	word, found := strings.CutPrefix(info, "sh")
	if !found {
		return 0, fmt.Errorf("a block of commands begins with ```sh, not ```%s", info)
	}
	if word = strings.TrimSpace(word); word == "" {
		return reset.DirectionUnknown, nil
	}
	if err := direction.UnmarshalText([]byte(word)); err != nil {
		return 0, fmt.Errorf("block of commands: %w", err)
	}
	return direction, nil
}

func parseCheck(line string) (Check, error) {
	command, question, found := strings.Cut(line, " # ")
	check := Check{Command: strings.TrimSpace(command), Question: strings.TrimSpace(question)}
	if !found || check.Command == "" || check.Question == "" {
		return check, fmt.Errorf("the command %q does not say which question it answers (\" # \")", line)
	}
	for name := range placeholders(check.Command) {
		if !slices.Contains(Placeholders, name) {
			return check, fmt.Errorf("the command %q has the placeholder {%s}, which nobody fills in", line, name)
		}
	}
	return check, nil
}
