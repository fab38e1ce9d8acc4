package config

import (
	"testing"

	"pgregory.net/rapid"
)

func TestByteCountText(t *testing.T) {
	tests := []struct {
		name, text string
		want       ByteCount
		wantErr    bool
	}{
		{name: "bare", text: "192", want: 192},
		{name: "binary", text: "64MiB", want: 64 * MiB},
		{name: "space", text: "10 GiB", want: 10 * GiB},
		{name: "decimal", text: "5GB", want: 5_000_000_000},
		{name: "bytes", text: "7B", want: 7},
		{name: "underscore", text: "1_000", want: 1000},
		{name: "negative", text: "-1KiB", want: -KiB},
		{name: "ambiguous unit", text: "64M", wantErr: true},
		{name: "fraction", text: "1.5GiB", wantErr: true},
		{name: "empty", text: "", wantErr: true},
		{name: "only a unit", text: "MiB", wantErr: true},
		{name: "overflow", text: "8388608TiB", wantErr: true},
		{name: "largest", text: "8388607TiB", want: 8388607 * TiB},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got ByteCount
			err := got.UnmarshalText([]byte(test.text))
			if (err != nil) != test.wantErr || got != test.want {
				t.Errorf("%q reads as %d, %v; want %d, error %v", test.text, got, err, test.want, test.wantErr)
			}
		})
	}
}

func TestUnitsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bytes, span := ByteCount(rapid.Int64().Draw(t, "bytes")), Duration(rapid.Int64().Draw(t, "span"))
		var gotBytes ByteCount
		if err := gotBytes.UnmarshalText([]byte(bytes.String())); err != nil || gotBytes != bytes {
			t.Errorf("%v reads back as %v, %v", bytes, gotBytes, err)
		}
		var gotSpan Duration
		if err := gotSpan.UnmarshalText([]byte(span.String())); err != nil || gotSpan != span {
			t.Errorf("%v reads back as %v, %v", span, gotSpan, err)
		}
	})
}

func TestDurationString(t *testing.T) {
	for text, want := range map[string]string{
		"10m0s": "10m", "1h0m0s": "1h", "1h0m5s": "1h0m5s", "50ms": "50ms", "0s": "0s", "100s": "1m40s", "2h30m": "2h30m",
	} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || d.String() != want {
			t.Errorf("%q is written %q, %v; want %q", text, d, err, want)
		}
	}
}

func TestNearest(t *testing.T) {
	words := []string{"sensor", "filter", "rules", "netns", "ring_bytes"}
	for got, want := range map[string]string{
		"sensr": "sensor", "fliter": "filter", "rule": "rules", "nets": "netns", "ringbytes": "ring_bytes",
		"completely_else": "", "x": "", "": "",
	} {
		if word := nearest(got, words); word != want {
			t.Errorf("nearest to %q is %q, want %q", got, word, want)
		}
	}
}
