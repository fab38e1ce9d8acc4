package query

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestPrefilterPassesWhatMatches(t *testing.T) {
	matched := 0
	rapid.Check(t, func(t *rapid.T) {
		text := writer{t: t}.filter(3)
		f, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		condition := f.Prefilter()
		for range 10 {
			r := drawReset(t)
			if f.Match(r) {
				matched++
				if !condition.Pass(r) {
					t.Fatalf("%q matches and its prefilter stops %s", text, describe(r))
				}
			}
		}
	})
	if matched < 50 {
		t.Errorf("only %d resets matched", matched)
	}
}

func TestPrefilterIsOfUse(t *testing.T) {
	tests := []struct {
		name, filter string
		want         Prefilter
		ports        []uint16
	}{
		{"everything", "", Prefilter{Directions: 31, Families: 7}, nil},
		{"direction", "direction in or out", Prefilter{Directions: 6, Families: 7}, nil},
		{"no direction", "not direction in", Prefilter{Directions: 29, Families: 7}, nil},
		{"none", "direction in and direction out", Prefilter{Families: 7}, nil},
		{"family", "ip", Prefilter{Directions: 31, Families: 2}, nil},
		{"family of an address", "host ::1 or net 2001:db8::/32", Prefilter{Directions: 31, Families: 4}, nil},
		{"family of a relation", "ip[8] > 64", Prefilter{Directions: 31, Families: 2}, nil},
		{"ports", "tcp port 80 or 443", Prefilter{Directions: 31, Families: 7}, []uint16{80, 443}},
		{"the smaller set of ports", "port 80 and portrange 1-1000", Prefilter{Directions: 31, Families: 7}, []uint16{80}},
		{"ports or else", "port 80 or cause scan", Prefilter{Directions: 31, Families: 7}, nil},
		{"not ports", "not port 80", Prefilter{Directions: 31, Families: 7}, nil},
		{"netns", "netns 5 or 6", Prefilter{Directions: 31, Families: 7, NetnsIDs: []uint64{5, 6}}, nil},
		{"two at once", "netns 5 and netns 6", Prefilter{Directions: 31, Families: 7, NetnsIDs: []uint64{}}, nil},
		{"De Morgan", "not (not direction in or not port 80)", Prefilter{Directions: 2, Families: 7}, []uint16{80}},
		{"tcp never false", "not tcp", Prefilter{Directions: 31}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Parse(tt.filter)
			if err != nil {
				t.Fatal(err)
			}
			got := f.Prefilter()
			var ports []uint16
			if got.Ports != nil {
				for port := range 1 << 16 {
					if got.Ports.Has(uint16(port)) {
						ports = append(ports, uint16(port))
					}
				}
			}
			got.Ports = nil
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("prefilter (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.ports, ports); diff != "" {
				t.Errorf("ports (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPortSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		edge := rapid.SampledFrom([]uint16{0, 1, 63, 64, 65, 127, 128, 65471, 65472, 65534, 65535})
		draw := rapid.OneOf(edge, rapid.Uint16())
		from, to := draw.Draw(t, "from"), draw.Draw(t, "to")
		from, to = min(from, to), max(from, to)
		var s PortSet
		s.add(from, to)
		for port := range 1 << 16 {
			if want := int(from) <= port && port <= int(to); s.Has(uint16(port)) != want {
				t.Fatalf("%d in %d-%d is %v", port, from, to, !want)
			}
		}
		if s.Len() != int(to)-int(from)+1 {
			t.Fatalf("%d ports in %d-%d", s.Len(), from, to)
		}
	})
}
