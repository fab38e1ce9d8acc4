package causes

import (
	"iter"
	"regexp"
	"strings"
)

// Placeholders are the names that stand in braces in commands. local is the end
// of the connection that is on this host, remote the other; of a RST that only
// passes through, neither is known, and src and dst are.
var Placeholders = []string{
	"src", "dst", "src_port", "dst_port", // as the RST bears them
	"local", "remote", // addresses
	"port", "remote_port", // of local and remote
	"pid", "comm", // of the socket's owner
	"netns", "device", // names
	"before", "after", // a minute before and behind the RST
	"hour", "day", "week", // so long before it, for --since
	"caused_by", // the id of the first of the resets that led to it
}

// placeholder is a name in braces.
var placeholder = regexp.MustCompile(`\{([a-z_]+)\}`)

// placeholders yields the names in a command, from left to right.
func placeholders(command string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, match := range placeholder.FindAllStringSubmatch(command, -1) {
			if !yield(match[1]) {
				return
			}
		}
	}
}

// harmless is what may be put into a command. The quotes around it stand in the
// page, so neither quotes nor anything that a shell acts upon within them.
var harmless = regexp.MustCompile(`^(-[0-9]|[0-9A-Za-z_\[])[0-9A-Za-z._: \[\]-]*$`)

// Fill puts values into the command's placeholders. value is asked for each
// by its name and by the program that the command runs, since programs write
// addresses and times in different ways. If one is not known, or is not safe
// to hand to a shell, ok is false and the command is of no use.
func (c Check) Fill(value func(name, program string) string) (command string, ok bool) {
	program, _, _ := strings.Cut(c.Command, " ")
	ok = true
	command = placeholder.ReplaceAllStringFunc(c.Command, func(match string) string {
		text := value(strings.Trim(match, "{}"), program)
		ok = ok && harmless.MatchString(text)
		return text
	})
	return command, ok
}
