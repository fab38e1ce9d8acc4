package write

import (
	"fmt"
	"strconv"
	"strings"
)

// Ports are FIRST to LAST, both of them in it.
type Ports struct{ First, Last uint16 }

// String writes the range as rules files do.
func (p Ports) String() string { return p.join(":") }

func (p Ports) join(mark string) string {
	if p.First == p.Last {
		return strconv.Itoa(int(p.First))
	}
	return fmt.Sprintf("%d%s%d", p.First, mark, p.Last)
}

// ParsePorts reads a list such as 80,443,8000-8080.
func ParsePorts(text string) ([]Ports, error) {
	var all []Ports
	for word := range strings.SplitSeq(text, ",") {
		word = strings.TrimSpace(word)
		first, last, isRange := strings.Cut(strings.ReplaceAll(word, ":", "-"), "-")
		if !isRange {
			last = first
		}
		a, errA := strconv.ParseUint(first, 10, 16)
		b, errB := strconv.ParseUint(last, 10, 16)
		if errA != nil || errB != nil || a == 0 || a > b {
			return nil, fmt.Errorf("%q is no port: write a number from 1 to 65535, or a range such as 8000-8080", word)
		}
		if len(all) == maxLists {
			return nil, fmt.Errorf("more than %d ports or ranges", maxLists)
		}
		all = append(all, Ports{uint16(a), uint16(b)})
	}
	return all, nil
}

// multiports cuts a list into as many as fit one match each: 15 places, two of them for a range.
func multiports(list []Ports) []string {
	var all []string
	var words []string
	places := 0
	for _, p := range list {
		need := 1
		if p.First != p.Last {
			need = 2
		}
		if places+need > 15 {
			all, words, places = append(all, strings.Join(words, ",")), nil, 0
		}
		words, places = append(words, p.String()), places+need
	}
	if len(words) > 0 {
		all = append(all, strings.Join(words, ","))
	}
	return all
}

// set writes a list as an nftables set.
func set(list []Ports) string {
	words := make([]string, len(list))
	for i, p := range list {
		words[i] = p.join("-")
	}
	return "{ " + strings.Join(words, ", ") + " }"
}
