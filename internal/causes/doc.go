// Package causes reads the reference pages of the causes, docs/causes, which
// are built into the program: what explain says of a cause is what its page
// says, so the two cannot drift apart.
//
// A page has a fixed form, which Parse holds it to:
//
//	# WORD: title
//
//	One sentence: the meaning.
//
//	## What happened            text
//	## How it is recognised     text, and the rules between two marks
//	## What usually leads to it list
//	## What to do               list
//	## What to check next       blocks of commands
//	## Goes with                list of senders
//	## Stands on                list of kernel functions and RFC sections
//
// A block of commands begins with ```sh, and with a direction behind it if it
// is for those who see the RST in that direction alone. Each line is a command,
// " # ", and the question that it answers.
package causes
