package listener

import (
	"strings"
	"testing"
)

const heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

func TestFindListener(t *testing.T) {
	tests := []struct {
		name, text string
		want, fail bool
	}{
		{"none", heading, false, false},
		{"empty", "", false, false},
		{"IPv4", heading + "   0: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1234\n", true, false},
		{"IPv6", heading + "   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 1\n", true, false},
		{"another port", heading + "   0: 0100007F:0051 00000000:0000 0A 0:0\n", false, false},
		{"the second", heading + "   0: 0100007F:0051 00000000:0000 0A 0:0\n   1: 0100007F:0050 00000000:0000 0A 0:0\n", true, false},
		{"a connection only", heading + "   0: 0100007F:0050 0100007F:9999 01 0:0\n", false, false},
		{"torn", heading + "   0: 0100\n", false, true},
		{"no port", heading + "   0: 0100007F 00000000:0000 0A\n", false, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := findListener(strings.NewReader(test.text), 80)
			if got != test.want || (err != nil) != test.fail {
				t.Errorf("found %v, error %v", got, err)
			}
		})
	}
}

// FuzzFindListener: no text makes it fail in another way than with an error.
func FuzzFindListener(f *testing.F) {
	f.Add(heading + "   0: 0100007F:0050 00000000:0000 0A 0:0\n")
	f.Fuzz(func(t *testing.T, text string) {
		if found, err := findListener(strings.NewReader(text), 80); found && err != nil {
			t.Errorf("found, and error %v", err)
		}
	})
}
