package rule

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxNamed bounds how many rules are named.
const maxNamed = 3

// describe says which rule it was, or which it may have been.
func describe(found []candidate) string {
	switch n := len(found); {
	case n == 0:
		return ""
	case n == 1:
		return found[0].String()
	case n > maxNamed:
		return fmt.Sprintf("one of %d, the first of them: %s", n, found[0])
	}
	var names []string
	for _, c := range found {
		names = append(names, c.String())
	}
	return "one of: " + strings.Join(names, "; ")
}

// String names the rule as its own tool does: nft by its handle, iptables by
// its position.
func (c candidate) String() string {
	var b strings.Builder
	if c.where.legacy {
		program := "iptables-legacy"
		if c.where.family == familyIPv6 {
			program = "ip6tables-legacy"
		}
		fmt.Fprintf(&b, "%s table %s, chain %s, rule %d", program, clean(c.where.table), clean(c.where.place.chain), c.rule.position)
	} else {
		fmt.Fprintf(&b, "table %s %s, chain %s, rule %d (handle %d)",
			familyNames[c.where.family], clean(c.where.table), clean(c.where.place.chain), c.rule.position, c.rule.handle)
	}
	if c.rule.comment != "" {
		fmt.Fprintf(&b, " %q", clean(c.rule.comment))
	}
	return b.String()
}

// clean makes a name fit for a record: rules may be anybody's who has a
// namespace.
func clean(name string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, name)
}
