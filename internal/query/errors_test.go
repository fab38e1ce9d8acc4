package query

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSyntaxErrors(t *testing.T) {
	deep := strings.Repeat("(", 200) + "ip" + strings.Repeat(")", 200)
	tests := []struct {
		name, filter  string
		offset        int
		message, hint string
	}{
		{"name of a host", "host example.org", 5, "names are not resolved", "use an address"},
		{"address alone", "192.0.2.1", 0, "no keyword before it", "host 192.0.2.1"},
		{"network alone", "ip and 10.0.0.0/8", 7, "no keyword before it", "net 10.0.0.0/8"},
		{"word alone", "refused", 0, "no keyword before it", "cause refused"},
		{"typing error", "prot 80", 0, "no keyword", "did you mean port?"},
		{"typing error in a word", "cause no-listner", 6, "is no cause", "did you mean no-listener?"},
		{"wrong word", "harm terrible", 5, "is no harm", "harm is one of: none, failed-connect, lost-data, unknown"},
		{"two primitives without and", "ip port80", 3, "after a complete filter", "and or or"},
		{"in parentheses", "(ip ip6)", 4, "where ) or an operator is expected", "and or or"},
		{"not closed", "not (ip", 4, "not closed", ""},
		{"not opened", "ip)", 2, "not opened", ""},
		{"ends early", "ip and", 6, "ends where", ""},
		{"operator first", "and ip", 0, `"and" stands where`, ""},
		{"value missing", "port", 4, "value for port", ""},
		{"network for host", "host 10.0.0.0/8", 5, "is a network", "net 10.0.0.0/8"},
		{"MAC for host", "host 02:00:00:00:00:01", 5, "hardware address", "ether host"},
		{"zone", "host fe80::1%eth0", 5, "no zone", "host fe80::1 and interface eth0"},
		{"ip and IPv6", "ip host ::1", 8, "ip cannot stand before ::1", ""},
		{"ip6 and IPv4", "ip6 net 10", 8, "ip6 cannot stand before 10", ""},
		{"tcp host", "tcp host 192.0.2.1", 0, "tcp cannot stand before host", "leave tcp out"},
		{"ip port", "ip port 80", 0, "ip cannot stand before port", "ip and port"},
		{"ether net", "ether net 10", 0, "ether cannot stand before net", ""},
		{"ether alone", "ether or ip", 6, "after ether", ""},
		{"bits beyond the length", "net 192.0.2.1/24", 4, "beyond its length", "net 192.0.2.0/24"},
		{"bits beyond the mask", "net 192.0.2.1 mask 255.255.255.0", 4, "beyond its mask", ""},
		{"IPv6 mask", "net 2001:db8:: mask ffff::", 20, "mask goes with", ""},
		{"length too long", "net 10.0.0.0/33", 4, `"33" is no length`, ""},
		{"a single 0", "net 0", 4, "is no network", ""},
		{"port too large", "port 65536", 5, "more than 65535", ""},
		{"service", "port htps", 5, "neither a port nor a known service", "ftps"},
		{"range for port", "port 80-90", 5, "takes one port", "portrange 80-90"},
		{"another protocol", "udp port 53", 0, "not available here", "only TCP resets"},
		{"ip proto", "ip proto 6", 3, "ip proto of pcap-filter", "ip, ip6 or tcp"},
		{"inbound", "inbound", 0, "not available here", "direction in"},
		{"tunnel", "geneve", 0, "not available here", "tunnels"},
		{"vlan number", "vlan 4096", 5, "more than 4095", ""},
		{"length", "less ip", 5, "takes a number", ""},
		{"negative pid", "pid -1", 4, "takes a number", ""},
		{"netns 0", "netns 0", 6, "no namespace", ""},
		{"empty name", `comm ""`, 5, "takes a name", "comm *"},
		{"quote", `comm "nginx`, 5, "not closed", ""},
		{"character", "ip ; ip6", 3, `";" is not expected`, ""},
		{"no comparison", "tcp[13] & 4", 11, "comparison is missing", "tcp[tcpflags]"},
		{"no number", "tcp[13] = bogus", 10, `"bogus" is no number`, "tcp-ack"},
		{"number too large", "tcp[13] = 4294967296", 10, "32 bits", ""},
		{"division by zero", "len / 0 = 1", 4, "division by zero", ""},
		{"byte that is not kept", "ip[6] & 0x40 != 0", 0, "byte 6 of the ip header", "a record has"},
		{"bytes beyond", "tcp[18:4] = 0", 0, "byte 20 of the tcp header", "a record has"},
		{"huge offset", "tcp[4294967295] = 0", 0, "of the tcp header", ""},
		{"size", "ip[2:3] = 0", 5, "1, 2 or 4", ""},
		{"offset that is no number", "ip[ip[0]] = 0", 0, "must be a number", ""},
		{"other header", "udp[0] = 0", 0, "udp[…]", "only TCP resets"},
		{"bytes of the link layer", "ether[0] & 1 = 0", 0, "link layer", "ether host"},
		{"too deep", deep, 100, "levels deep", ""},
		{"too many", "ip" + strings.Repeat(" or ip", 5000), 4096 * 6, "more than 4096", ""},
		{"too long", strings.Repeat(" ", 70000), 0, "longer than 64 kB", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Parse(tt.filter)
			var e *SyntaxError
			if !errors.As(err, &e) {
				t.Fatalf("%q is taken for %q, error %v", tt.filter, f, err)
			}
			if e.Offset != tt.offset {
				t.Errorf("offset %d, want %d", e.Offset, tt.offset)
			}
			if !strings.Contains(e.Message, tt.message) || !strings.Contains(e.Hint, tt.hint) {
				t.Errorf("message %q, hint %q, want %q, %q", e.Message, e.Hint, tt.message, tt.hint)
			}
		})
	}
}

func TestSyntaxErrorText(t *testing.T) {
	tests := []struct{ name, filter, want string }{
		{"hint", "ip and prot 80", "filter: \"prot\" is no keyword of a filter\n    ip and prot 80\n           ^\nhint: did you mean port?"},
		{"no hint", "(ip", "filter: this parenthesis is not closed\n    (ip\n    ^"},
		{"wide characters and escapes", "comm nö\x1b[2J\tor (", "filter: \"\\x1b\" is not expected here\n    comm nö?[2J or (\n           ^"},
		{
			"long", strings.Repeat("ip or ", 40) + "x" + strings.Repeat(" or ip", 40),
			"filter: \"x\" is no keyword of a filter\n    ..." + strings.Repeat("ip or ", 10) + "x" + strings.Repeat(" or ip", 9) + " or i...\n" + strings.Repeat(" ", 67) + "^\nhint: ",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(tt.filter)
			if err == nil {
				t.Fatal("no error")
			}
			got := err.Error()
			if strings.HasSuffix(tt.want, "hint: ") {
				got = got[:min(len(got), len(tt.want))]
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}
