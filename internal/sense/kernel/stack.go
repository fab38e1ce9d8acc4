package kernel

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// symbols are the functions of the closed list with their places in memory,
// sorted. A name is 1 + its index in functions: 0 is none.
type symbols struct {
	starts, ends []uint64
	names        []uint8
}

// readSymbols reads /proc/kallsyms.
func readSymbols() (*symbols, error) {
	f, err := os.Open("/proc/kallsyms")
	if err != nil {
		return nil, fmt.Errorf("opening the kernel's symbols: %w", err)
	}
	defer f.Close()
	return parseSymbols(f)
}

// parseSymbols keeps the functions of the list. A function ends where the next
// symbol begins, whatever that is.
func parseSymbols(in io.Reader) (*symbols, error) {
	index := make(map[string]uint8, len(functions))
	for i, name := range functions {
		index[name] = uint8(i + 1)
	}
	type found struct {
		start uint64
		name  uint8
	}
	var kept []found
	var all []uint64
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		start, name := parseSymbol(lines.Bytes())
		if start == 0 {
			continue // hidden: kernel.kptr_restrict
		}
		all = append(all, start)
		if number, ok := index[string(name)]; ok {
			kept = append(kept, found{start, number})
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the kernel's symbols: %w", err)
	}
	if len(kept) == 0 {
		return nil, fmt.Errorf("reading the kernel's symbols: no function of TCP among %d", len(all))
	}
	slices.Sort(all)
	slices.SortFunc(kept, func(a, b found) int { return cmp.Compare(a.start, b.start) })
	s := &symbols{}
	for _, k := range kept {
		next, _ := slices.BinarySearch(all, k.start+1)
		end := k.start + 1<<16 // the last one of all
		if next < len(all) {
			end = all[next]
		}
		s.starts, s.ends, s.names = append(s.starts, k.start), append(s.ends, end), append(s.names, k.name)
	}
	return s, nil
}

// parseSymbol reads one line: the address, 0 where there is none, and the name,
// empty where it is no code. What a compiler added to it is cut off.
func parseSymbol(line []byte) (start uint64, name []byte) {
	address, rest, _ := bytes.Cut(line, []byte(" "))
	kind, name, ok := bytes.Cut(rest, []byte(" "))
	start, err := strconv.ParseUint(string(address), 16, 64)
	if !ok || err != nil {
		return 0, nil
	}
	if len(kind) != 1 || !strings.Contains("tTwW", string(kind)) {
		return start, nil
	}
	if end := bytes.IndexAny(name, ".\t"); end >= 0 { // a module stands behind a tab
		name = name[:end]
	}
	return start, name
}

// NamesFunctions tells whether the kernel lets us know where its functions are,
// without which an abort is judged by its reason alone.
func NamesFunctions() bool {
	f, err := os.Open("/proc/kallsyms")
	if err != nil {
		return false
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if start, name := parseSymbol(lines.Bytes()); len(name) > 0 {
			return start != 0 // all are hidden, or none
		}
	}
	return false
}

// name is the function at an address; 0: none of the list.
func (s *symbols) name(address uint64) uint8 {
	at, exact := slices.BinarySearch(s.starts, address)
	if !exact {
		at--
	}
	if at < 0 || address >= s.ends[at] {
		return 0
	}
	return s.names[at]
}

// stacks turns addresses into names. Without symbols it knows none.
type stacks struct {
	symbols *symbols
	known   map[[32]uint8][]string // by the names' numbers: there are few ways to a RST
}

// names are the functions of the list in a stack, innermost first. What is
// returned is shared. It ends at a softirq, behind which the stack is that of
// whoever was interrupted.
func (s *stacks) names(frames []uint64) []string {
	if s.symbols == nil {
		return nil
	}
	var key [32]uint8
	n := 0
	for _, frame := range frames {
		// A frame is where a call returns to, which may be behind a function's end.
		number := s.symbols.name(frame - 1)
		if number == 0 || n == len(key) {
			continue
		}
		key[n] = number
		n++
		if slices.Contains(interrupts, functions[number-1]) {
			break
		}
	}
	if calls, ok := s.known[key]; ok {
		return calls
	}
	if s.known == nil || len(s.known) >= 1024 {
		s.known = make(map[[32]uint8][]string)
	}
	var calls []string
	for _, number := range key[:n] {
		calls = append(calls, functions[number-1])
	}
	s.known[key] = calls
	return calls
}
