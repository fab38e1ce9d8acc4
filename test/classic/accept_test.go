package classic

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/classicsetup/write"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// setups are what the programs are asked to accept.
func setups(t *testing.T) map[string]func(*write.Setup) {
	t.Helper()
	many, err := write.ParsePorts("1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,1000-2000")
	if err != nil {
		t.Fatal(err)
	}
	return map[string]func(*write.Setup){
		"plain":  func(*write.Setup) {},
		"except": func(s *write.Setup) { s.Except = many },
		"ports": func(s *write.Setup) {
			s.Ports, s.Forward, s.Namespaces, s.Rate, s.Su = many, true, true, 10_000, "adm"
		},
		"marks": func(s *write.Setup) { s.Prefix, s.Rate = "[](){}<>_-.:/+#=@ab ", 1 },
	}
}

// TestProgramsAccept asks each program whether it understands the file that is for it.
func TestProgramsAccept(t *testing.T) {
	lab := testkit.NewLab(t)
	for name, edit := range setups(t) {
		for _, choice := range choices {
			t.Run(name+" "+string(choice.Firewall), func(t *testing.T) {
				p := newPlace(t, choice, edit)
				file := func(part write.Part) string { return p.at(write.PathOf(part)) }
				if choice.Firewall == write.NFTables {
					within(t, lab.Client, "nft", "-c", "-f", file(write.NFTables))
				} else {
					for _, flavour := range []string{"", "-legacy", "-nft"} {
						within(t, lab.Client, "iptables"+flavour+"-restore", "--noflush", "--test", file(write.IPTables))
						within(t, lab.Client, "ip6tables"+flavour+"-restore", "--noflush", "--test", file(write.IP6Tables))
					}
					run(t, "sh", "-n", file(write.Loader))
				}
				run(t, "rsyslogd", "-N1", "-f", file(write.Rsyslog))
				p.write(p.setup.Path[len(p.dir):], "a line\n")
				said := run(t, "logrotate", "-d", "-f", "-s", p.at("state"), file(write.Logrotate))
				if strings.Contains(said, "error") || !strings.Contains(said, "considering log "+p.setup.Path) {
					t.Errorf("logrotate says %s", said)
				}
				run(t, "systemd-analyze", "verify", file(write.Systemd))
			})
		}
	}
}

// syslogNG returns the program, which cannot be installed beside rsyslog: tools/syslog-ng.sh unpacks it.
func syslogNG(t *testing.T) string {
	t.Helper()
	program := os.Getenv("RSTWATCH_SYSLOG_NG")
	if program == "" {
		program = "../../.cache/syslog-ng/syslog-ng"
	}
	if _, err := os.Stat(program); err == nil {
		return program
	}
	if out, err := exec.Command("../../tools/syslog-ng.sh").CombinedOutput(); err != nil {
		if testkit.Required() {
			t.Fatalf("getting syslog-ng: %v\n%s", err, out)
		}
		t.Skipf("no syslog-ng: %v\n%s", err, out)
	}
	return program
}

// TestSyslogNGAccepts asks syslog-ng whether it understands its file.
func TestSyslogNGAccepts(t *testing.T) {
	program := syslogNG(t)
	for name, edit := range setups(t) {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, write.Choice{Firewall: write.NFTables, Syslog: write.SyslogNG}, edit)
			p.write("syslog-ng.conf", "@version: 3.35\nsource s_src { file(\"/dev/kmsg\" program-override(\"kernel\") flags(kernel)); };\n@include \""+
				p.at(write.PathOf(write.SyslogNG))+"\"\ndestination d_rest { file(\"/dev/null\"); };\nlog { source(s_src); destination(d_rest); };\n")
			run(t, program, "-s", "-f", p.at("syslog-ng.conf"))
		})
	}
}

// counters change while nobody touches the rules.
var counters = regexp.MustCompile(`\[\d+:\d+\]|counter packets \d+ bytes \d+|(?m)^# .*$`)

// TestOthersRulesStay loads and unloads the rules beside those of somebody else, which are as before.
func TestOthersRulesStay(t *testing.T) {
	const foreign = "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:MINE - [0:0]\n" +
		"-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -j MINE\n-A MINE -p tcp -m tcp --tcp-flags RST RST -j LOG --log-prefix \"mine \"\nCOMMIT\n"
	for _, choice := range choices {
		t.Run(string(choice.Firewall), func(t *testing.T) {
			lab := testkit.NewLab(t)
			p := newPlace(t, choice, func(s *write.Setup) { s.Forward = true })
			p.write("foreign", foreign)
			within(t, lab.Client, "iptables-restore", p.at("foreign"))
			within(t, lab.Client, "ip6tables-restore", p.at("foreign"))
			state := func() string {
				text := within(t, lab.Client, "iptables-save") + within(t, lab.Client, "ip6tables-save") + within(t, lab.Client, "nft", "list", "ruleset")
				return counters.ReplaceAllString(text, "")
			}
			before := state()
			p.load(lab.Client)
			once := state()
			if once == before {
				t.Error("loading changed nothing")
			}
			p.load(lab.Client)
			if diff := cmp.Diff(once, state()); diff != "" {
				t.Errorf("a second load (-first +second):\n%s", diff)
			}
			if !strings.Contains(once, "INPUT DROP") {
				t.Error("the policy of INPUT has changed")
			}
			p.unload(lab.Client)
			if diff := cmp.Diff(before, state()); diff != "" {
				t.Errorf("after loading and unloading (-before +after):\n%s", diff)
			}
		})
	}
}
