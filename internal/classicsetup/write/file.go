package write

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Part names one of the files.
type Part string

// The parts. A set-up has the rules of one firewall, one syslog daemon's, and the rest.
const (
	IPTables  Part = "iptables"
	IP6Tables Part = "ip6tables"
	NFTables  Part = "nftables"
	Loader    Part = "loader" // loads and unloads the two iptables files
	Rsyslog   Part = "rsyslog"
	SyslogNG  Part = "syslog-ng"
	Logrotate Part = "logrotate"
	Systemd   Part = "systemd"
	Sysctl    Part = "sysctl"
)

// Parts are all of them.
func Parts() []Part {
	return []Part{IPTables, IP6Tables, NFTables, Loader, Rsyslog, SyslogNG, Logrotate, Systemd, Sysctl}
}

// Dir is where the files lie that no other program has a place for.
const Dir = "/etc/rstwatch-classic"

// paths is where each file belongs. Rsyslog's must sort before those that write everything to the default logs.
var paths = map[Part]string{
	IPTables:  Dir + "/rules.v4",
	IP6Tables: Dir + "/rules.v6",
	NFTables:  Dir + "/rules.nft",
	Loader:    Dir + "/rules.sh",
	Rsyslog:   "/etc/rsyslog.d/00-rstwatch-classic.conf",
	SyslogNG:  "/etc/syslog-ng/rstwatch-classic.conf",
	Logrotate: "/etc/logrotate.d/rstwatch-classic",
	Systemd:   "/etc/systemd/system/" + Unit,
	Sysctl:    "/etc/sysctl.d/60-rstwatch-classic.conf",
}

// Unit is the name of the systemd unit.
const Unit = "rstwatch-classic.service"

// PathOf returns where a part belongs.
func PathOf(part Part) string { return paths[part] }

// File is one file of a set-up.
type File struct {
	Part Part
	Path string
	Mode fs.FileMode
	Text string
}

// Choice says which programs a set-up is for.
type Choice struct {
	Firewall Part // IPTables or NFTables
	Syslog   Part // Rsyslog or SyslogNG
}

// Parts returns what a set-up for these programs consists of.
func (s *Setup) Parts(c Choice) []Part {
	parts := []Part{IPTables, IP6Tables, Loader}
	if c.Firewall == NFTables {
		parts = []Part{NFTables}
	}
	parts = append(parts, c.Syslog, Logrotate, Systemd)
	if s.Namespaces {
		parts = append(parts, Sysctl)
	}
	return parts
}

// File makes one file. The set-up must be valid.
func (s *Setup) File(part Part, c Choice) (File, error) {
	makers := map[Part]func(Choice) string{
		IPTables:  func(Choice) string { return s.iptables(false) },
		IP6Tables: func(Choice) string { return s.iptables(true) },
		NFTables:  func(Choice) string { return s.nftables() },
		Loader:    func(Choice) string { return loader },
		Rsyslog:   func(Choice) string { return s.rsyslog() },
		SyslogNG:  func(Choice) string { return s.syslogNG() },
		Logrotate: s.logrotate,
		Systemd:   s.systemd,
		Sysctl:    func(Choice) string { return sysctl },
	}
	makeText, ok := makers[part]
	if !ok {
		return File{}, fmt.Errorf("%q is none of the files: %v", part, Parts())
	}
	if !slices.Contains([]Part{IPTables, NFTables}, c.Firewall) || !slices.Contains([]Part{Rsyslog, SyslogNG}, c.Syslog) {
		return File{}, fmt.Errorf("a set-up for %q and %q: known are iptables or nftables, and rsyslog or syslog-ng", c.Firewall, c.Syslog)
	}
	return File{Part: part, Path: paths[part], Mode: 0o644, Text: Mark(makeText(c))}, nil
}

// Files makes the whole set-up.
func (s *Setup) Files(c Choice) ([]File, error) {
	var files []File
	for _, part := range s.Parts(c) {
		file, err := s.File(part, c)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// The mark's halves, around the first half of the SHA-256 of all other lines.
const (
	markBegin = "# Written by rstwatch classic ("
	markEnd   = "); \"rstwatch classic uninstall\" removes it while it is unchanged."
)

// Mark puts the line into a text that says whose it is: the first or, behind "#!", the second.
func Mark(text string) string {
	line := markBegin + digest(text) + markEnd + "\n"
	if strings.HasPrefix(text, "#!") {
		first, rest, _ := strings.Cut(text, "\n")
		return first + "\n" + line + rest
	}
	return line + text
}

// IsMarked tells whether a text bears our mark, and whether it is still as it was written.
func IsMarked(text string) (marked, unchanged bool) {
	head := ""
	if strings.HasPrefix(text, "#!") {
		first, rest, _ := strings.Cut(text, "\n")
		head, text = first+"\n", rest
	}
	line, rest, _ := strings.Cut(text, "\n")
	hash, begins := strings.CutPrefix(line, markBegin)
	hash, ends := strings.CutSuffix(hash, markEnd)
	return begins && ends, begins && ends && hash == digest(head+rest)
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}
