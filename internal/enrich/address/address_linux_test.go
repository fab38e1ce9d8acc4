package address

import (
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/clock"
	"github.com/rstwatch/rstwatch/internal/netns"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// known are namespaces that the test made.
type known map[uint64]netns.Namespace

func (k known) Get(id uint64) (netns.Namespace, bool) { n, ok := k[id]; return n, ok }

// TestCame gives addresses to a device one after the other and asks since when
// each is there.
func TestCame(t *testing.T) {
	testkit.RequireRoot(t)
	lab := testkit.NewLab(t)
	n, err := lab.NewNode("moved")
	if err != nil {
		t.Fatal(err)
	}
	space, err := netns.At(n.Path)
	if err != nil {
		t.Fatal(err)
	}
	add := func(addresses ...string) {
		t.Helper()
		for _, a := range addresses {
			err := n.Do(func() error {
				if out, err := exec.Command("ip", strings.Fields("addr add "+a+" dev lo nodad")...).CombinedOutput(); err != nil {
					return fmt.Errorf("adding %s: %w: %s", a, err, out)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	f, err := New(known{n.Inode: space})
	if err != nil {
		t.Fatal(err)
	}
	f.apart = 50 * time.Millisecond
	// The kernel counts ticks from a little after its clock's begin.
	begin := clock.Now().Mono - int64(time.Second)
	f.since = begin
	passed := func(d time.Duration) { // the kernel's own clock is what is waited for
		for from := clock.Now().Mono; clock.Now().Mono-from < int64(d); time.Sleep(time.Millisecond) {
		}
	}
	passed(100 * time.Millisecond)
	add("10.9.0.1/32", "fd09::1/128")
	late := clock.Now().Mono
	for _, tt := range []struct {
		address string
		want    bool
	}{
		{"10.9.0.1", true}, // 127.0.0.1 was there before
		{"fd09::1", true},
		{"127.0.0.1", false},
		{"10.9.0.2", false},
	} {
		a := f.ask(t.Context(), place{n.Inode, netip.MustParseAddr(tt.address)})
		if a.Found != tt.want {
			t.Errorf("%s: %+v, want %v", tt.address, a, tt.want)
		}
		if a.Found && (a.Value < begin || a.Value > late+int64(time.Second)) {
			t.Errorf("%s came at %d, not between %d and %d", tt.address, a.Value, begin, late)
		}
	}
	f.since = late + int64(time.Hour)
	if a := f.ask(t.Context(), place{n.Inode, netip.MustParseAddr("10.9.0.1")}); a.Found {
		t.Errorf("an address of before the watch is found: %+v", a)
	}
	r := reset.Reset{Netns: reset.Netns{ID: 7}, Src: reset.EndpointFrom(netip.MustParseAddr("10.9.0.1"), 80), MonoNS: reset.Some[int64](1)}
	if _, ok := f.Came(&r); ok {
		t.Error("something is known before it was asked for")
	}
}

// TestFind: an address counts by its device's others alone.
func TestFind(t *testing.T) {
	a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	now := int64(1000 * time.Second)
	for _, tt := range []struct {
		name string
		all  []held
		want time.Duration
	}{
		{"later than another", []held{{a, 1, 100}, {b, 1, 90000}}, 900 * time.Second},
		{"of the same start", []held{{a, 1, 89500}, {b, 1, 90000}}, 0},
		{"another device's", []held{{a, 2, 100}, {b, 1, 90000}}, 0},
		{"before another", []held{{a, 1, 95000}, {b, 1, 90000}}, 0},
		{"alone", []held{{b, 1, 90000}}, 0},
		{"none", nil, 0},
		{"the count has begun anew", []held{{a, 1, 1<<32 - 90000}, {b, 1, 90000}}, 900 * time.Second},
	} {
		came, ok := find(tt.all, b, now, apart)
		if ok != (tt.want != 0) || ok && came != int64(tt.want) {
			t.Errorf("%s: %v, %v; want %v", tt.name, time.Duration(came), ok, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	if answer, err := syscall.NetlinkRIB(syscall.RTM_GETADDR, syscall.AF_UNSPEC); err == nil {
		f.Add(answer)
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		all, err := parse(answer)
		if err == nil && len(all)*headSize > len(answer) {
			t.Errorf("%d addresses in %d bytes", len(all), len(answer))
		}
	})
}
