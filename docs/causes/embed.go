// Package pages carries the reference pages of the causes into the program.
package pages

import "embed"

// Files are the pages: one Markdown file for each word of reset.CauseWords,
// named WORD.md.
//
//go:embed *.md
var Files embed.FS
