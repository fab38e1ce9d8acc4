package causes

import (
	"regexp"
	"strings"
)

// link is a Markdown link: its text and where it leads.
var link = regexp.MustCompile(`\[([^\]\n]*)\]\(([^)\n]*)\)`)

// Plain turns a text of a page into one for terminals: without the marks of
// code and of weight, and with links as their words.
func Plain(text string) string { return marks.Replace(link.ReplaceAllString(text, "$1")) }

var marks = strings.NewReplacer("`", "", "**", "")
