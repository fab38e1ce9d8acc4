package check

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// loads is a command in a start-up file that loads rules.
type loads struct {
	program string
	file    string
	noflush bool
	test    bool
}

// restoreWord is the name of a program that loads iptables files.
var restoreWord = regexp.MustCompile(`^(?:\S*/)?ip6?tables(?:-legacy|-nft)?-restore$`)

// maxWords bounds the words of one line.
const maxWords = 200

// loadsIn finds the commands in a line of a shell script or a unit.
func loadsIn(line string) []loads {
	line = strings.TrimSpace(line)
	if strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
		return nil
	}
	for _, separator := range []string{"<", ";", "|", "&", "(", ")", "{", "}"} {
		line = strings.ReplaceAll(line, separator, " "+separator+" ")
	}
	words := strings.Fields(line)
	if len(words) > maxWords {
		words = words[:maxWords]
	}
	var all []loads
	for i := range words {
		word := strings.Trim(words[i], `"'`)
		if _, value, ok := strings.Cut(word, "="); ok && strings.HasPrefix(word, "Exec") {
			word = value
		}
		if restoreWord.MatchString(strings.TrimLeft(word, "-@+!:")) {
			all = append(all, readLoads(path.Base(word), words[i+1:]))
		}
	}
	return all
}

func readLoads(program string, words []string) loads {
	l := loads{program: strings.TrimLeft(program, "-@+!:")}
	for _, word := range words {
		word = strings.Trim(word, `"'`)
		switch {
		case slices.Contains([]string{";", "|", "&", ")", "}"}, word):
			return l
		case word == "<" || word == "(" || word == "{":
		case word == "--noflush" || isShort(word, 'n'):
			l.noflush = true
		case word == "--test" || isShort(word, 't'):
			l.test = true
		case !strings.HasPrefix(word, "-") && l.file == "" && strings.Trim(word, "0123456789") != "":
			l.file = word
		}
	}
	return l
}

// isShort tells whether a word such as -wn has the short option in it.
func isShort(word string, option byte) bool {
	return len(word) > 1 && word[0] == '-' && word[1] != '-' && strings.IndexByte(word, option) > 0
}

// judgeLoaders looks for commands that replace a whole table, and for files that do so when they are loaded.
func (c *checker) judgeLoaders() {
	for _, kind := range []Kind{Shell, Systemd} {
		for _, s := range c.of(kind) {
			for i, line := range s.lines {
				for _, l := range loadsIn(line) {
					c.judgeLoads(s, i+1, l)
				}
			}
		}
	}
	for _, set := range c.rulesets {
		s := set.from()
		if line := replacing(s); line > 0 && !c.loaded[s] {
			fix := "iptables-restore --noflush < " + s.name
			if writePart(s) == "ip6tables" {
				fix = "ip6" + strings.TrimPrefix(fix, "ip")
			}
			if s.kind == NFTables {
				fix = "add table …, delete table …, table … { }   # one's own table, instead of flush ruleset"
			}
			c.report.add(s, line, ReplacesRules, fix, "loading the file replaces everything that is there")
		}
	}
}

// judgeLoads judges one command. Where the file that it loads was read too, the fault stands here and not there, and
// its family is known.
func (c *checker) judgeLoads(s *source, line int, l loads) {
	if l.test {
		return
	}
	c.concerns(s)
	for _, set := range c.rulesets {
		t, ok := set.(*tables)
		if ok && l.file != "" && path.Base(t.src.name) == path.Base(l.file) {
			c.loaded[t.src] = true
			t.load(l.program)
		}
	}
	if !l.noflush {
		fixed := strings.Replace(strings.TrimSpace(s.line(line)), l.program, l.program+" --noflush", 1)
		c.report.add(s, line, ReplacesRules, fixed, "%s without --noflush empties the whole table first", l.program)
	}
}

// standard are files that the distribution's own service loads: they are meant to be all there is.
var standard = regexp.MustCompile(`(?:^|/)etc/(?:iptables/rules\.v[46]|sysconfig/ip6?tables|sysconfig/nftables\.conf|nftables\.conf)$`)

// replacing returns the line by which a file that only logs replaces what else there is, or 0.
func replacing(s *source) int {
	at := 0
	for i, line := range s.lines {
		line = strings.TrimSpace(line)
		switch {
		case s.kind == NFTables && line == "flush ruleset":
			at = i + 1
		case s.kind == IPTables && at == 0 && strings.HasPrefix(line, ":") && hasBuiltin(line):
			at = i + 1
		case s.kind == IPTables && strings.HasPrefix(line, "-A ") && !strings.Contains(line, "LOG"):
			return 0 // a whole firewall
		case s.kind == NFTables && (strings.Contains(line, " drop") || strings.Contains(line, " reject")):
			return 0
		}
	}
	if standard.MatchString(s.name) {
		return 0
	}
	return at
}

func hasBuiltin(line string) bool {
	name, _, _ := strings.Cut(strings.TrimPrefix(line, ":"), " ")
	return slices.Contains([]string{"INPUT", "OUTPUT", "FORWARD"}, name)
}

// load tells the family of a file without a head by the program that loads it.
func (t *tables) load(program string) {
	if t.set.Family() != t.family {
		t.family = familyByName(program)
	}
}
