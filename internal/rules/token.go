package rules

// maxToken is the longest word that iptables-restore takes.
const maxToken = 1023

// split cuts a line into words as iptables-restore does (xtables'
// add_param_to_argv): white space ends a word, double quotes hold it together
// and end it, and within them a backslash takes the next character as it is.
func split(line string) ([]string, *problem) {
	var (
		words                   []string
		word                    []byte
		open, escaped, inQuotes bool
	)
	end := func() {
		words = append(words, string(word))
		word, open = word[:0], false
	}
	for i := range len(line) {
		c := line[i]
		switch {
		case escaped:
			word, escaped = append(word, c), false
		case inQuotes && c == '\\':
			escaped = true
		case inQuotes && c == '"':
			inQuotes = false
			end()
		case inQuotes:
			word = append(word, c)
		case c == '"':
			inQuotes, open = true, true
		case c == ' ' || c == '\t':
			if open {
				end()
			}
		default:
			word, open = append(word, c), true
		}
		if len(word) > maxToken {
			return nil, bad("a word of more than %d bytes", maxToken)
		}
	}
	if inQuotes {
		return nil, bad("a quotation that does not end")
	}
	if open {
		end()
	}
	return words, nil
}
