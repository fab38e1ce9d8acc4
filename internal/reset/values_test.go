package reset_test

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/reset"
)

func endpoint(text string) reset.Endpoint {
	return reset.Endpoint{AddrPort: netip.MustParseAddrPort(text)}
}

func TestTimeAppendTo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := reset.Time(rapid.Int64().Draw(t, "time"))
		want := at.Std().Format("2006-01-02T15:04:05.000000000Z07:00")
		if got := string(at.AppendTo(nil)); got != want {
			t.Fatalf("%d is %s, want %s", int64(at), got, want)
		}
	})
}

func TestTimeAppendToEveryDay(t *testing.T) {
	for day := time.Date(1678, 1, 1, 23, 59, 59, 0, time.UTC); day.Year() < 2262; day = day.AddDate(0, 0, 1) {
		want := day.Format("2006-01-02T15:04:05.000000000Z07:00")
		if got := string(reset.TimeOf(day).AppendTo(nil)); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
}

func TestTimeUnmarshal(t *testing.T) {
	tests := []struct {
		name, text string
		want       reset.Time
		ok         bool
	}{
		{"nine digits", "2024-08-24T11:46:40.123456789Z", 1724500000123456789, true},
		{"another zone", "2024-08-24T13:46:40.5+02:00", 1724500000500000000, true},
		{"no fraction", "1970-01-01T00:00:01Z", 1e9, true},
		{"first year", "1678-01-01T00:00:00Z", -9214560000000000000, true},
		{"before 64 bits", "1600-01-01T00:00:00Z", 0, false},
		{"after 64 bits", "2300-01-01T00:00:00Z", 0, false},
		{"no zone", "2024-08-24T11:46:40", 0, false},
		{"nothing", "", 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got reset.Time
			err := got.UnmarshalText([]byte(tt.text))
			if (err == nil) != tt.ok || got != tt.want {
				t.Errorf("%d, error %v, want %d", got, err, tt.want)
			}
		})
	}
}

func TestFlags(t *testing.T) {
	for f := range 256 {
		want := reset.Flags(f)
		text, _ := want.MarshalText()
		got := reset.Flags(0xff)
		if err := got.UnmarshalText(text); err != nil || got != want {
			t.Errorf("%q is %v, error %v, want %d", text, got, err, f)
		}
	}
	if got := (reset.RST | reset.ACK | reset.FIN).String(); got != "RST,FIN,ACK" {
		t.Errorf("flags %q, want RST first", got)
	}
	for _, wrong := range []string{"rst", "RST,", ",", "RST ACK", "NS"} {
		var f reset.Flags
		if err := f.UnmarshalText([]byte(wrong)); err == nil {
			t.Errorf("flags %q are taken for %v", wrong, f)
		}
	}
}

func TestEndpoint(t *testing.T) {
	mapped := netip.MustParseAddr("::ffff:192.0.2.1")
	if got := reset.EndpointFrom(mapped, 80); got != endpoint("192.0.2.1:80") {
		t.Errorf("EndpointFrom keeps a mapped address: %v", got)
	}
	if endpoint("192.0.2.1:80").Equal(reset.Endpoint{AddrPort: netip.AddrPortFrom(mapped, 80)}) {
		t.Error("an address equals its mapped form")
	}
	tests := []struct {
		name, text string
		want       reset.Endpoint
		ok         bool
	}{
		{"IPv4", `{"ip":"192.0.2.1","port":80}`, endpoint("192.0.2.1:80"), true},
		{"IPv6", `{"ip":"2001:db8::1","port":0}`, endpoint("[2001:db8::1]:0"), true},
		{"mapped stays", `{"ip":"::ffff:192.0.2.1","port":1}`, reset.Endpoint{AddrPort: netip.AddrPortFrom(mapped, 1)}, true},
		{"no ip", `{"port":80}`, reset.Endpoint{}, false},
		{"empty ip", `{"ip":"","port":80}`, reset.Endpoint{}, false},
		{"a name", `{"ip":"localhost","port":80}`, reset.Endpoint{}, false},
		{"port too large", `{"ip":"192.0.2.1","port":65536}`, reset.Endpoint{}, false},
		{"negative port", `{"ip":"192.0.2.1","port":-1}`, reset.Endpoint{}, false},
		{"a string", `"192.0.2.1:80"`, reset.Endpoint{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got reset.Endpoint
			err := json.Unmarshal([]byte(tt.text), &got)
			if (err == nil) != tt.ok || got != tt.want {
				t.Fatalf("%v, error %v, want %v", got, err, tt.want)
			}
			if !tt.ok {
				return
			}
			text, err := json.Marshal(got)
			if diff := cmp.Diff(tt.text, string(text)); diff != "" || err != nil {
				t.Errorf("error %v, JSON (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestSourceSet(t *testing.T) {
	var all reset.SourceSet
	for source := reset.TCPSendReset; int(source) < reset.NumSources; source++ {
		if all.Has(source) {
			t.Errorf("%v is a member before it was added", source)
		}
		all = all.With(source)
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	const want = `["tcp_send_reset","tcp_receive_reset","kfree_skb","wire","af_packet","nflog","klog","pcap"]`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
	var again reset.SourceSet
	if err := json.Unmarshal(text, &again); err != nil || again != all {
		t.Errorf("sources %b, error %v, want %b", again, err, all)
	}
	if err := json.Unmarshal([]byte(`["tea_leaves"]`), &again); err == nil {
		t.Error("an unknown source is taken")
	}
}

func TestMACAndHash(t *testing.T) {
	var m reset.MAC
	if err := m.UnmarshalText([]byte("52:54:00:aa:01:fe")); err != nil || m.String() != "52:54:00:aa:01:fe" {
		t.Errorf("MAC %v, error %v", m, err)
	}
	if err := m.UnmarshalText([]byte("52:54:0")); err == nil {
		t.Errorf("half a byte is taken: %v", m)
	}
	var h reset.Hash
	if err := h.UnmarshalText([]byte("0123456789abcdef")); err != nil || h != 0x0123456789abcdef {
		t.Errorf("hash %x, error %v", uint64(h), err)
	}
	if err := h.UnmarshalText([]byte("10123456789abcdef")); err == nil {
		t.Error("a hash of 17 digits is taken")
	}
}
