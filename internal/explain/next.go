package explain

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rstwatch/rstwatch/internal/causes"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// maxNext bounds how many commands are given.
const maxNext = 5

// next are the page's commands with this reset's values in them. One whose
// values are not known, or not safe to type, is left out.
func next(r *reset.Reset, around *Around, page *causes.Page, setting *Setting) []Command {
	var list []Command
	view := viewpoint(r, around)
	inside := enter(view, setting)
	checks := page.ChecksFor(view.Direction)
	if len(checks) == 0 && view.Direction == reset.Forward {
		checks = bystander
	}
	if len(r.CausedBy) > 0 {
		checks = append(checks[:len(checks):len(checks)], together)
	}
	for _, check := range checks {
		command, ok := check.Fill(func(name, program string) string { return value(view, setting, name, program) })
		if !ok || len(list) >= maxNext {
			continue
		}
		if inside != "" && ofNetwork(command) {
			command = inside + command
		}
		command = setting.ofJournal(command)
		list = append(list, Command{Command: command, Question: check.Question})
	}
	return list
}

// bystander is what there is to look at on a host that a RST merely passes,
// where the page has nothing for it.
var bystander = []causes.Check{{
	Command:  "rstwatch journal cat -o text --since {day} 'host {src} and host {dst}'",
	Question: "what else passed between the two?",
}}

// together is for a reset that others brought about, or that came with others.
var together = causes.Check{
	Command:  "rstwatch incidents --since '{before}' --until '{after}'",
	Question: "which other resets have the same first cause?",
}

// viewpoint is the record of the end that sent the RST, where that is on this
// host too: what there is to look at is there.
func viewpoint(r *reset.Reset, around *Around) *reset.Reset {
	if twin := around.twin(r); twin != nil && r.Direction != reset.Out && twin.Direction == reset.Out {
		return twin
	}
	return r
}

// value is what stands for a placeholder in a command of the program, or
// nothing.
func value(r *reset.Reset, setting *Setting, name, program string) string {
	local, remote := r.Src, r.Dst
	if r.Direction == reset.In {
		local, remote = remote, local
	}
	passing := r.Direction != reset.In && r.Direction != reset.Out
	switch name {
	case "src":
		return address(r.Src.Addr(), program)
	case "dst":
		return address(r.Dst.Addr(), program)
	case "src_port":
		return port(r.Src)
	case "dst_port":
		return port(r.Dst)
	case "before":
		return moment(r.Time-reset.Time(time.Minute), program)
	case "after":
		return moment(r.Time+reset.Time(time.Minute), program)
	case "hour":
		return setting.since(r.Time, time.Hour, "-1h")
	case "day":
		return setting.since(r.Time, 24*time.Hour, "-1d")
	case "week":
		return setting.since(r.Time, 7*24*time.Hour, "-7d")
	case "netns":
		return word(r.Netns.Name)
	case "device":
		return word(r.Interface.In + r.Interface.Out)
	case "caused_by":
		if len(r.CausedBy) > 0 {
			return r.CausedBy[0].String()
		}
		return ""
	}
	switch {
	case passing:
		return ""
	case name == "local":
		return address(local.Addr(), program)
	case name == "remote":
		return address(remote.Addr(), program)
	case name == "port":
		return port(local)
	case name == "remote_port":
		return port(remote)
	case r.Process == nil:
		return ""
	case name == "pid" && program != "rstwatch" && program != "journalctl" && r.Process.Exit != nil:
		return "" // it is gone, and its number may be another's
	case name == "pid" && r.Process.PID.V > 0:
		return strconv.FormatUint(uint64(r.Process.PID.V), 10)
	case name == "comm":
		return word(r.Process.Comm)
	}
	return ""
}

// address is as the program wants it: ss takes IPv6 in brackets alone.
func address(a netip.Addr, program string) string {
	if !a.IsValid() {
		return ""
	}
	a = a.Unmap().WithZone("")
	if program == "ss" && a.Is6() {
		return "[" + a.String() + "]"
	}
	return a.String()
}

func port(e reset.Endpoint) string {
	if e.IsZero() {
		return ""
	}
	return strconv.FormatUint(uint64(e.Port()), 10)
}

// moment is a time as the program wants it: older journalctl reads no RFC 3339.
func moment(at reset.Time, program string) string {
	if at <= 0 {
		return ""
	}
	if program == "journalctl" {
		return at.Std().Format("2006-01-02 15:04:05") + " UTC"
	}
	return at.Std().Format("2006-01-02T15:04:05Z")
}

// word lets a name through that has nothing in it which a shell, or a program's
// options, could mistake.
func word(name string) string {
	for i, c := range name {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
		if !letter && (i == 0 || c != '-' && c != '.') {
			return ""
		}
	}
	return name
}

// enter is what a command needs in front of it to see the namespace in which
// the RST was met.
func enter(r *reset.Reset, setting *Setting) string {
	if name := word(r.Netns.Name); name != "" {
		return "nsenter --net=/run/netns/" + name + " "
	}
	alive := r.Process != nil && r.Process.PID.V > 0 && r.Process.Exit == nil
	if r.Netns.Name == "" && r.Host == setting.Host && !setting.own(r.Netns, r.Host) && alive {
		return "nsenter --net --target " + strconv.FormatUint(uint64(r.Process.PID.V), 10) + " "
	}
	return ""
}

// ofJournal names the journal's directory to commands that read it, where it is
// not the usual one.
func (s *Setting) ofJournal(command string) string {
	for _, reader := range []string{"rstwatch journal cat ", "rstwatch explain ", "rstwatch incidents "} {
		if rest, found := strings.CutPrefix(command, reader); found && s.Dir != "" && plainPath.MatchString(s.Dir) {
			return reader + "--dir " + s.Dir + " " + rest
		}
	}
	return command
}

// plainPath is a path that needs no quotes.
var plainPath = regexp.MustCompile(`^[A-Za-z0-9_./][A-Za-z0-9_./-]*$`)

// ofNetwork reports whether a command looks at a network namespace.
func ofNetwork(command string) bool {
	program, rest, _ := strings.Cut(command, " ")
	switch program {
	case "ss", "ip", "nft", "iptables-save", "nstat", "conntrack", "tcpdump", "ping", "arping", "traceroute":
		return true
	case "sysctl":
		return strings.HasPrefix(rest, "net.")
	case "cat":
		return strings.HasPrefix(rest, "/proc/net/")
	}
	return false
}
