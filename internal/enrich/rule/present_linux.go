package rule

import (
	"bufio"
	"os"
	"strings"
	"sync"
)

// presence tells whether the kernel has nftables, without asking nftables: a
// question would load the module, and a watcher changes nothing.
type presence struct {
	module  string      // is there once the module is loaded
	builtIn func() bool // asked once
}

func newPresence(root string) *presence {
	return &presence{
		module:  root + "/sys/module/nf_tables",
		builtIn: sync.OnceValue(func() bool { return hasSymbol(root+"/proc/kallsyms", "nf_tables_") }),
	}
}

func (p *presence) here() bool {
	if _, err := os.Stat(p.module); err == nil {
		return true
	}
	return p.builtIn()
}

// hasSymbol tells whether the kernel has a symbol that begins so. What is built
// in has no folder among the modules, but its symbols.
func hasSymbol(path, prefix string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() { // address, kind, name, and the module if it is of one
		fields := strings.Fields(lines.Text())
		if len(fields) == 3 && strings.HasPrefix(fields[2], prefix) {
			return true
		}
	}
	return false
}
