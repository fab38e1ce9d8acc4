package causes

import (
	"regexp"
	"strings"
)

// link is a Markdown link: its text and where it leads.
var link = regexp.MustCompile(`\[([^\]\n]*)\]\(([^)\n]*)\)`)

// Plain turns a text of a page into one for terminals: without the marks of
// code, and with links as their words.
func Plain(text string) string {
	return strings.ReplaceAll(link.ReplaceAllString(text, "$1"), "`", "")
}
