package bench

import (
	"fmt"
	"strings"
)

// Tables renders the report as Markdown.
func (r *Report) Tables() string {
	var b strings.Builder
	m := r.Machine
	fmt.Fprintf(&b, "\nMeasured on %s: Linux %s, %d cores (%s), %s. Load at the start: %s.\n",
		r.Date, m.Kernel, m.Cores, m.Processor, m.Go, m.Load)
	if len(m.Programs) > 0 {
		fmt.Fprintf(&b, "Compared with: %s.\n", strings.Join(m.Programs, "; "))
	}
	if r.Disturbed > 0 {
		fmt.Fprintf(&b, "\nThe machine was busy with other things before %d of the %d measurements: take the figures with care.\n", r.Disturbed, r.Moments)
	}
	r.stormTable(&b)
	r.costTable(&b, "Ordinary packets", fmt.Sprintf(
		"Small TCP segments between two namespaces: each is sent once and received once. %d rounds in turn, in each the\n"+
			"fastest of %d bursts of %d packets. \"Added\" is the median of the differences to nothing within a round, with its quartiles.",
		r.Sizes.Rounds, r.Sizes.Bursts, r.Sizes.Packets), r.Ordinary)
	r.costTable(&b, "Dropped packets", fmt.Sprintf(
		"UDP datagrams that an nftables rule of the receiver drops, so that each fires the drop tracepoint. %d rounds,\n"+
			"%d bursts of %d.", r.Sizes.Rounds, r.Sizes.Bursts, r.Sizes.Drops), r.Drops)
	r.lifeTables(&b)
	r.logTable(&b)
	b.WriteString("\n")
	return b.String()
}

func (r *Report) stormTable(b *strings.Builder) {
	fmt.Fprintf(b, "\n### A storm\n\n%d SYNs to a closed port, each answered with a RST; %d storms with each recorder, in turn. \"Of nothing\" is the\n"+
		"median of the ratios to nothing watching within a round; \"recorded\" is held against the kernel's TcpOutRsts.\n\n"+
		"| recorder | RST/s that the host still made | of nothing | recorded |\n|---|---|---|---|\n", r.Sizes.Storm, r.Sizes.StormRounds)
	for _, s := range r.Storm {
		recorded := "-"
		if s.Records {
			recorded = fmt.Sprintf("%d of %d, %s", s.Recorded, s.Made, share(s.Recorded, s.Made))
		}
		fmt.Fprintf(b, "| %s | %s to %s | %.0f %% | %s |\n", s.Recorder,
			thousands(quantile(s.PerSecond, 0)), thousands(quantile(s.PerSecond, 1)), s.OfNothing*100, recorded)
	}
}

// share is a percentage that says 100 % of all and of nothing less.
func share(part, whole uint64) string {
	switch {
	case whole == 0:
		return "-"
	case part == whole:
		return "100 %"
	}
	digits := 1
	for digits < 6 && fmt.Sprintf("%.*f", digits, float64(part)/float64(whole)*100) == fmt.Sprintf("%.*f", digits, 100.0) {
		digits++
	}
	return fmt.Sprintf("%.*f %%", digits, float64(part)/float64(whole)*100)
}

func thousands(v float64) string {
	n := int64(v+500) / 1000
	if n >= 1000 {
		return fmt.Sprintf("%d,%03d,000", n/1000, n%1000)
	}
	return fmt.Sprintf("%d,000", n)
}

func (r *Report) costTable(b *strings.Builder, title, text string, costs []Cost) {
	fmt.Fprintf(b, "\n### %s\n\n%s\n\n| watcher | ns a packet | added | of nothing |\n|---|---|---|---|\n", title, text)
	for i, c := range costs {
		added := "-"
		if i > 0 {
			added = fmt.Sprintf("%+.0f (%+.0f to %+.0f)", c.Added, c.Low, c.High)
		}
		fmt.Fprintf(b, "| %s | %.0f | %s | %.1f %% |\n", c.Watcher, c.Packet, added, c.Relative*100)
	}
}

func (r *Report) lifeTables(b *strings.Builder) {
	l := r.Life
	b.WriteString("\n### From packet to journal\n\nFrom the kernel's event to the moment when the record stands in the journal's file, as another process sees it.\n\n" +
		"| load | resets | median | 99 % | worst |\n|---|---|---|---|---|\n")
	for _, s := range l.Latency {
		fmt.Fprintf(b, "| %s | %d | %s | %s | %s |\n", s.Load, s.Count, duration(s.Median), duration(s.P99), duration(s.Worst))
	}
	b.WriteString("\n### The daemon\n\n| | |\n|---|---|\n")
	row := func(what, format string, args ...any) {
		fmt.Fprintf(b, "| %s | %s |\n", what, fmt.Sprintf(format, args...))
	}
	row("memory at rest, RSS (PSS, private)", "%.1f MB (%.1f, %.1f)", mega(l.Rest.RSS), mega(l.Rest.PSS), mega(l.Rest.Private))
	row("processor at rest", "%.2f %% of one core", l.RestCPU*100)
	row("memory after a storm, RSS (PSS, private)", "%.1f MB (%.1f, %.1f)", mega(l.Storm.RSS), mega(l.Storm.PSS), mega(l.Storm.Private))
	row("its peak, RSS", "%.1f MB", mega(l.Storm.Peak))
	row("processor in a storm", "%.0f ns a reset", l.StormCPU)
	row("journal, uncompressed, in a storm", "%.1f bytes a reset", l.ResetSize)
	row("appending to the journal (encode, checksum, hash, write)", "%.0f ns a reset", r.Journal.AppendNS)
}

func (r *Report) logTable(b *strings.Builder) {
	fmt.Fprintf(b, "\n### Reading a kernel log\n\n%d lines, with one core: `grep -c \" RST \"`, and `rstwatch read --output json`, which judges and prints\n"+
		"each reset; %d rounds in turn. Lines a second of the processor's time, the median.\n\n"+
		"| log | grep -c | rstwatch read | times as long |\n|---|---|---|---|\n", r.Sizes.LogLines, r.Sizes.LogRounds)
	for _, l := range r.Logs {
		fmt.Fprintf(b, "| %s | %s | %s | %.1f |\n", l.Log, thousands(median(l.Grep)), thousands(median(l.Read)), l.Times)
	}
}

func mega(n uint64) float64 { return float64(n) / 1e6 }

func duration(us float64) string {
	if us >= 1000 {
		return fmt.Sprintf("%.1f ms", us/1000)
	}
	return fmt.Sprintf("%.0f µs", us)
}
