package check

import "strings"

// word is one of an nftables file.
type word struct {
	text   string
	line   int
	quoted bool
}

// Bounds of an nftables file.
const (
	maxNFTWords = 200_000
	maxNFTRules = 20_000
)

// splitNFT cuts a file into words. Brackets, commas, semicolons and the ends of lines are words of their own; a
// backslash at the end of a line joins it to the next.
func splitNFT(lines []string) []word {
	var all []word
	for i, line := range lines {
		joined := strings.HasSuffix(strings.TrimRight(line, " \t\r"), `\`)
		line = strings.TrimSuffix(strings.TrimRight(line, " \t\r"), `\`)
		for len(line) > 0 && len(all) < maxNFTWords {
			switch c := line[0]; {
			case c == ' ' || c == '\t':
				line = line[1:]
			case c == '#':
				line = ""
			case c == '"':
				text, rest, _ := strings.Cut(line[1:], `"`)
				all, line = append(all, word{text, i + 1, true}), rest
			case strings.IndexByte("{}();,", c) >= 0:
				all, line = append(all, word{line[:1], i + 1, false}), line[1:]
			default:
				end := strings.IndexAny(line, " \t{}();,\"#")
				if end < 0 {
					end = len(line)
				}
				all, line = append(all, word{line[:end], i + 1, false}), line[end:]
			}
		}
		if !joined && len(all) < maxNFTWords {
			all = append(all, word{"\n", i + 1, false})
		}
	}
	return all
}

// reader goes through words.
type reader struct{ words []word }

func (r *reader) peek() string {
	if len(r.words) == 0 || r.words[0].quoted {
		return ""
	}
	return r.words[0].text
}

func (r *reader) next() (word, bool) {
	if len(r.words) == 0 {
		return word{}, false
	}
	w := r.words[0]
	r.words = r.words[1:]
	return w, true
}

// is takes the next word if it is this one.
func (r *reader) is(text string) bool {
	if r.peek() != text {
		return false
	}
	r.words = r.words[1:]
	return true
}

// statement takes the words up to the end of a line or a semicolon outside of brackets, or to the bracket that closes
// what is around it. A bracket that closes nothing is taken alone, so that there is always something taken.
func (r *reader) statement() []word {
	depth := 0
	for i, w := range r.words {
		if w.quoted {
			continue
		}
		switch w.text {
		case "{", "(":
			depth++
		case "}", ")":
			if depth--; depth < 0 {
				found := r.words[:i]
				r.words = r.words[max(i, 1):]
				return found
			}
		case "\n", ";":
			if depth == 0 {
				found := r.words[:i]
				r.words = r.words[i+1:]
				return found
			}
		}
	}
	found := r.words
	r.words = nil
	return found
}

// block takes the words between brackets, the first of which was taken already.
func (r *reader) block() []word {
	depth := 0
	for i, w := range r.words {
		switch {
		case w.quoted:
		case w.text == "{":
			depth++
		case w.text == "}":
			if depth--; depth < 0 {
				found := r.words[:i]
				r.words = r.words[i+1:]
				return found
			}
		}
	}
	found := r.words
	r.words = nil
	return found
}
