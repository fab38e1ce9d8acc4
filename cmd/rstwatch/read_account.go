package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/rstwatch/rstwatch/internal/present"
	"github.com/rstwatch/rstwatch/internal/sense/capture"
	"github.com/rstwatch/rstwatch/internal/sense/logfile"
)

const (
	progressAfter = 2 * time.Second // a short wait needs no word
	progressEvery = 250 * time.Millisecond
)

// showProgress tells on a terminal how far reading has come, where it takes
// long and resets do not show it themselves. The function that it returns ends
// that and wipes the line.
func (a *app) showProgress(e *evidence, found func() string) (stop func()) {
	if _, isTerminal := terminal(a.stderr); !isTerminal {
		return func() {}
	}
	total := sizeOf(e.files)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		start, shown := time.Now(), false
		ticker := time.NewTicker(progressEvery)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				if shown {
					fmt.Fprint(a.stderr, "\r\x1b[K")
				}
				return
			case <-ticker.C:
			}
			if elapsed := time.Since(start); elapsed > progressAfter {
				shown = true
				bytes, units := e.progress()
				fmt.Fprintf(a.stderr, "\r\x1b[K%s", progressLine(bytes, total, units+", "+found(), elapsed))
			}
		}
	}()
	return func() { close(done); <-ended }
}

func progressLine(bytes, total int64, units string, elapsed time.Duration) string {
	text := fmt.Sprintf("read %d MB, %s", bytes>>20, units)
	if total > 0 && bytes > 0 && bytes <= total {
		left := time.Duration(float64(elapsed) * float64(total-bytes) / float64(bytes))
		text += fmt.Sprintf(": %d %%, %s left", bytes*100/total, left.Round(time.Second))
	}
	return text
}

// sizeOf is how much there is to read; 0 where one of the files is a stream.
func sizeOf(files []string) (total int64) {
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil || !info.Mode().IsRegular() {
			return 0
		}
		total += info.Size()
	}
	return total
}

// tellRead says what was read and what was not, and why.
func (a *app) tellRead(e *evidence, shown uint64) {
	if n, ok := e.captured(); ok {
		a.tellCaptured(n, shown, e.logs == nil)
	}
	if n, ok := e.logged(); ok {
		a.tellLogged(n, shown, e.captures == nil)
	}
}

// tellCaptured is the account of the captures; alone: nothing else was read.
func (a *app) tellCaptured(n capture.Counts, shown uint64, alone bool) {
	for _, b := range n.Broken {
		fmt.Fprintf(a.stderr, "rstwatch: %s %v\n", present.Clean(b.File), present.Clean(b.Err.Error()))
	}
	text := fmt.Sprintf("%s read, %s", amount(n.Frames, "packet"), amount(n.Resets, "reset"))
	if alone && shown != n.Resets {
		text += fmt.Sprintf(" (%d shown)", shown)
	}
	if n.Copies > 0 {
		text += fmt.Sprintf(", %d more captured twice", n.Copies)
	}
	if n.Early > 0 {
		text += fmt.Sprintf(", %d judged before two seconds had shown what follows", n.Early)
	}
	var skipped skips
	skipped.add(n.Short, "cut before the end of the TCP header")
	skipped.add(n.Damaged, "whose headers contradict each other")
	skipped.add(n.Fragments, "later fragments")
	for _, link := range slices.Sorted(maps.Keys(n.Links)) {
		skipped.add(n.Links[link], fmt.Sprintf("of link type %d (%s), which is not known here", link, capture.LinkName(link)))
	}
	fmt.Fprintln(a.stderr, "rstwatch: "+text+skipped.text())
}

// skips are the reasons why something was left out.
type skips []string

func (s *skips) add(count uint64, why string) {
	if count > 0 {
		*s = append(*s, fmt.Sprintf("%d %s", count, why))
	}
}

func (s skips) text() string {
	if len(s) == 0 {
		return ""
	}
	return "; skipped: " + strings.Join(s, ", ")
}

// tellLogged is the account of the logs.
func (a *app) tellLogged(n logfile.Counts, shown uint64, alone bool) {
	for _, b := range n.Broken {
		fmt.Fprintf(a.stderr, "rstwatch: %s cannot be read beyond line %d: %s\n",
			present.Clean(b.File), b.Line, present.Clean(b.Err.Error()))
	}
	for _, p := range n.Torns {
		fmt.Fprintf(a.stderr, "rstwatch: %s:%d: %s\n", present.Clean(p.File), p.Line, present.Clean(p.Reason))
	}
	if more := n.Torn - uint64(len(n.Torns)); more > 0 {
		fmt.Fprintf(a.stderr, "rstwatch: and %d more that are not whole\n", more)
	}
	for _, d := range n.Dated {
		if d.First != d.Last {
			fmt.Fprintf(a.stderr, "rstwatch: %s names no years: taken for %d to %d\n", present.Clean(d.File), d.First, d.Last)
		}
	}
	text := fmt.Sprintf("%s read, %s", amount(n.Lines, "line"), amount(n.Resets, "reset"))
	if alone && shown != n.Resets {
		text += fmt.Sprintf(" (%d shown)", shown)
	}
	if n.Copies > 0 {
		text += fmt.Sprintf(", %d more logged twice", n.Copies)
	}
	var skipped skips
	skipped.add(n.Torn, "not whole")
	skipped.add(n.Others, "about packets that are no resets")
	skipped.add(n.Foreign, "that another program than the kernel wrote")
	skipped.add(n.Long, "longer than any log's line")
	fmt.Fprintln(a.stderr, "rstwatch: "+text+skipped.text())
	if n.Missed > 0 {
		fmt.Fprintf(a.stderr, "rstwatch: not all was logged: the logs themselves say that %s of the kernel are missing\n", amount(n.Missed, "message"))
	}
	if n.Timeless > 0 {
		fmt.Fprintf(a.stderr, "rstwatch: of %s the time is not known: the log counts seconds since boot, or says none\n"+
			"hint: --boot-time says when that was; --boot-time here, if it is this host's last boot\n", amount(n.Timeless, "reset"))
	}
}

func amount(n uint64, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
