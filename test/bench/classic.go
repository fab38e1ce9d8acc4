package bench

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rstwatch/rstwatch/internal/testkit"
)

const (
	rulesFile   = "testdata/drds_filter.conf" // the two LOG rules, as people have them
	logAllNetns = "/proc/sys/net/netfilter/nf_log_all_netns"
	nflogGroup  = 77
	socketBytes = 64 << 20
)

// The same two rules for nftables, and for a program that reads NFLOG.
const (
	nftTable = "table inet rwbench"
	nftLog   = nftTable + ` {
	chain input { type filter hook input priority filter; tcp sport != 3406 tcp flags & rst == rst log prefix "[drds] " level debug flags tcp sequence,options flags ip options; }
	chain output { type filter hook output priority filter; tcp sport != 3406 tcp flags & rst == rst log prefix "[drds] " level debug flags tcp sequence,options flags ip options; }
}`
	nftGroup = nftTable + ` {
	chain input { type filter hook input priority filter; tcp flags & rst == rst log group 77 queue-threshold 64; }
	chain output { type filter hook output priority filter; tcp flags & rst == rst log group 77 queue-threshold 64; }
}`
)

func (b *Bench) nodes() []*testkit.Node { return []*testkit.Node{b.pair.Source, b.pair.Target} }

// iptablesRules loads the classic rules at both ends, with the program that
// speaks to the old or the new firewall of the kernel.
func iptablesRules(restore string) func(*Bench) (watching, error) {
	return func(b *Bench) (watching, error) {
		for _, n := range b.nodes() {
			if err := inNode(n, rulesFile, restore); err != nil {
				return watching{}, err
			}
		}
		iptables := strings.TrimSuffix(restore, "-restore")
		return watching{stop: func() (err error) {
			for _, n := range b.nodes() {
				err = errors.Join(err, inNode(n, "", iptables, "-w", "-F"), inNode(n, "", iptables, "-w", "-X"))
			}
			return err
		}}, nil
	}
}

// nftablesRules loads a table at both ends.
func nftablesRules(rules string) func(*Bench) (watching, error) {
	return func(b *Bench) (watching, error) {
		file := filepath.Join(b.dir, "rules.nft")
		if err := os.WriteFile(file, []byte(rules+"\n"), 0o600); err != nil {
			return watching{}, err
		}
		for _, n := range b.nodes() {
			if err := inNode(n, "", "nft", "-f", file); err != nil {
				return watching{}, err
			}
		}
		return watching{stop: func() (err error) {
			for _, n := range b.nodes() {
				err = errors.Join(err, inNode(n, "", "nft", "delete", nftTable))
			}
			return err
		}}, nil
	}
}

// rsyslog is the whole classic set-up: the rules, and a rsyslogd of our own
// that puts the kernel's lines into a file.
func rsyslog(b *Bench) (watching, error) {
	old, err := os.ReadFile(logAllNetns)
	if err != nil {
		return watching{}, fmt.Errorf("%w (modprobe nf_log_syslog)", err)
	}
	dir, err := os.MkdirTemp(b.dir, "rsyslog-")
	if err != nil {
		return watching{}, err
	}
	file, config := filepath.Join(dir, "drds-tcp.log"), filepath.Join(dir, "rsyslog.conf")
	text := `global(workDirectory="` + dir + `")
module(load="imklog" permitNonKernelFacility="on")
:msg, contains, "[drds] " -` + file + "\n& stop\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return watching{}, err
	}
	rules, err := iptablesRules("iptables-restore")(b)
	if err != nil {
		return watching{}, err
	}
	if err := os.WriteFile(logAllNetns, []byte("1\n"), 0); err != nil {
		return watching{}, errors.Join(err, rules.stop())
	}
	c, err := start(exec.Command("rsyslogd", "-n", "-i", filepath.Join(dir, "pid"), "-f", config))
	if err != nil {
		return watching{}, errors.Join(err, os.WriteFile(logAllNetns, old, 0), rules.stop())
	}
	// What the kernel's log still held from before must not count.
	count := func() (uint64, error) { return countLines(file, "SRC="+targetAddr+" ") }
	_ = waitStill(file)
	before, _ := count()
	return watching{
		recorded: func() (uint64, error) {
			if err := waitStill(file); err != nil {
				return 0, err
			}
			n, err := count()
			return n - before, err
		},
		stop: func() error {
			return errors.Join(c.end(syscall.SIGTERM, 20*time.Second), os.WriteFile(logAllNetns, old, 0), rules.stop(), os.RemoveAll(dir))
		},
	}, nil
}

// targetAddr is the address from which the storm is answered.
var targetAddr = stormTarget()

// ulogd is nftables rules with a log group and ulogd2, which writes the lines
// that the kernel would.
func ulogd(b *Bench) (watching, error) {
	dir, err := os.MkdirTemp(b.dir, "ulogd-")
	if err != nil {
		return watching{}, err
	}
	plugins, err := filepath.Glob("/usr/lib/*/ulogd")
	if err != nil || len(plugins) == 0 {
		return watching{}, errors.New("ulogd2 is not installed")
	}
	var config bytes.Buffer
	file, said := filepath.Join(dir, "syslogemu.log"), filepath.Join(dir, "ulogd.log")
	fmt.Fprintf(&config, "[global]\nlogfile=%q\nloglevel=5\n", said)
	for _, p := range []string{"inppkt_NFLOG", "raw2packet_BASE", "filter_IFINDEX", "filter_IP2STR", "filter_PRINTPKT", "output_LOGEMU"} {
		fmt.Fprintf(&config, "plugin=%q\n", filepath.Join(plugins[0], "ulogd_"+p+".so"))
	}
	fmt.Fprintf(&config, "stack=log1:NFLOG,base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,print1:PRINTPKT,emu1:LOGEMU\n"+
		"[log1]\ngroup=%d\nnetlink_socket_buffer_size=%d\nnetlink_socket_buffer_maxsize=%d\n"+
		"[emu1]\nfile=%q\nsync=0\n", nflogGroup, socketBytes, socketBytes, file)
	path := filepath.Join(dir, "ulogd.conf")
	if err := os.WriteFile(path, config.Bytes(), 0o600); err != nil {
		return watching{}, err
	}
	rules, err := nftablesRules(nftGroup)(b)
	if err != nil {
		return watching{}, err
	}
	var c *child
	err = b.pair.Target.Do(func() (err error) {
		c, err = start(exec.Command("ulogd", "-c", path))
		return err
	})
	if err != nil {
		return watching{}, errors.Join(err, rules.stop())
	}
	end := sync.OnceValue(func() error { return c.end(syscall.SIGTERM, 20*time.Second) })
	w := watching{
		recorded: func() (uint64, error) {
			if err := waitStill(file); err != nil {
				return 0, err
			}
			if err := end(); err != nil { // it writes the last lines at its end
				return 0, err
			}
			return countLines(file, "SRC="+targetAddr+" ")
		},
		stop: func() error { return errors.Join(end(), rules.stop(), os.RemoveAll(dir)) },
	}
	return w, w.ready(c, func() bool { _, err := os.Stat(file); return err == nil })
}

// tcpdump writes the RSTs of the target's device to a file.
func tcpdump(b *Bench) (watching, error) {
	dir, err := os.MkdirTemp(b.dir, "tcpdump-")
	if err != nil {
		return watching{}, err
	}
	file, said := filepath.Join(dir, "rst.pcap"), &output{}
	var c *child
	err = b.pair.Target.Do(func() (err error) {
		cmd := exec.Command("tcpdump", "-Z", "root", "-n", "-i", "l0", "-w", file, "-B", "65536", "tcp[tcpflags] & tcp-rst != 0")
		cmd.Stderr = said
		c, err = start(cmd)
		return err
	})
	if err != nil {
		return watching{}, err
	}
	end := sync.OnceValue(func() error { return c.end(syscall.SIGINT, 20*time.Second) })
	w := watching{
		recorded: func() (uint64, error) {
			if err := waitStill(file); err != nil {
				return 0, err
			}
			if err := end(); err != nil {
				return 0, fmt.Errorf("%w: %s", err, said)
			}
			return countPackets(file)
		},
		stop: func() error { return errors.Join(end(), os.RemoveAll(dir)) },
	}
	return w, w.ready(c, func() bool { return said.has("listening on") })
}

// ready waits until the program works; if it ends instead, it is stopped.
func (w *watching) ready(c *child, works func() bool) error {
	deadline := time.Now().Add(20 * time.Second)
	for !works() {
		select {
		case err := <-c.done:
			c.done <- err
			return errors.Join(fmt.Errorf("it ended: %v", err), w.stop())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return errors.Join(errors.New("it does not start"), w.stop())
		}
	}
	return nil
}
