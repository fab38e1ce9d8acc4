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
)

const (
	progressAfter = 2 * time.Second // a short wait needs no word
	progressEvery = 250 * time.Millisecond
)

// showProgress tells on a terminal how far reading has come, where it takes
// long and resets do not show it themselves. The function that it returns ends
// that and wipes the line.
func (a *app) showProgress(reader *capture.Reader, files []string, p *printer) (stop func()) {
	if _, isTerminal := terminal(a.stderr); !isTerminal {
		return func() {}
	}
	total := sizeOf(files)
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
				fmt.Fprintf(a.stderr, "\r\x1b[K%s", progressLine(reader.Progress(), total, p.shown.Load(), elapsed))
			}
		}
	}()
	return func() { close(done); <-ended }
}

func progressLine(at capture.Progress, total int64, resets uint64, elapsed time.Duration) string {
	text := fmt.Sprintf("read %d MB, %d packets, %d resets", at.Bytes>>20, at.Frames, resets)
	if total > 0 && at.Bytes > 0 && at.Bytes <= total {
		left := time.Duration(float64(elapsed) * float64(total-at.Bytes) / float64(at.Bytes))
		text += fmt.Sprintf(": %d %%, %s left", at.Bytes*100/total, left.Round(time.Second))
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
func (a *app) tellRead(n capture.Counts, p *printer) {
	for _, b := range n.Broken {
		fmt.Fprintf(a.stderr, "rstwatch: %s %v\n", present.Clean(b.File), present.Clean(b.Err.Error()))
	}
	text := fmt.Sprintf("%s read, %s", amount(n.Frames, "packet"), amount(n.Resets, "reset"))
	if shown := p.shown.Load(); shown != n.Resets {
		text += fmt.Sprintf(" (%d shown)", shown)
	}
	if n.Copies > 0 {
		text += fmt.Sprintf(", %d more captured twice", n.Copies)
	}
	if n.Early > 0 {
		text += fmt.Sprintf(", %d judged before two seconds had shown what follows", n.Early)
	}
	var skipped []string
	skip := func(count uint64, why string) {
		if count > 0 {
			skipped = append(skipped, fmt.Sprintf("%d %s", count, why))
		}
	}
	skip(n.Short, "cut before the end of the TCP header")
	skip(n.Damaged, "whose headers contradict each other")
	skip(n.Fragments, "later fragments")
	for _, link := range slices.Sorted(maps.Keys(n.Links)) {
		skip(n.Links[link], fmt.Sprintf("of link type %d (%s), which is not known here", link, capture.LinkName(link)))
	}
	if len(skipped) > 0 {
		text += "; skipped: " + strings.Join(skipped, ", ")
	}
	fmt.Fprintln(a.stderr, "rstwatch: "+text)
}

func amount(n uint64, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
