package reset_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// standard is what encoding/json makes of the struct tags, with the type put
// in front, and what has no glyph escaped.
func standard(t interface{ Fatal(...any) }, e reset.Entry) string {
	kind, value := "reset", any(e.Reset)
	switch {
	case e.Coverage != nil:
		kind, value = "coverage", e.Coverage
	case e.Control != nil:
		kind, value = "control", e.Control
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		t.Fatal(err)
	}
	return `{"type":"` + kind + `",` + strings.TrimSuffix(string(reset.EscapeJSON(nil, b.Bytes())), "\n")[1:]
}

func TestAppendJSONEqualsTheStructTags(t *testing.T) {
	for _, f := range []struct {
		name string
		full bool
	}{{"every field set", true}, {"any fields set", false}} {
		t.Run(f.name, rapid.MakeCheck(func(t *rapid.T) {
			e := filler{t: t, full: f.full}.entry()
			got := string(reset.AppendJSON([]byte("before "), &e))
			if diff := cmp.Diff("before "+standard(t, e), got); diff != "" {
				t.Fatalf("line (-encoding/json +AppendJSON):\n%s", diff)
			}
			if !json.Valid([]byte(got)[len("before "):]) || !utf8.ValidString(got) {
				t.Fatalf("not valid JSON: %s", got)
			}
			if strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Fatalf("what a terminal does not show as itself is in the line: %q", got)
			}
		}))
	}
}

func TestJSONRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := filler{t: t, valid: true}.entry()
		line := reset.AppendJSON(nil, &want)
		got, err := reset.ParseJSON(line)
		if err != nil {
			t.Fatalf("%v\n%s", err, line)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("entry (-want +got):\n%s\n%s", diff, line)
		}
	})
}

func TestAppendJSONKnownLine(t *testing.T) {
	id, err := reset.ParseID("01J5Z0QJ3KT9W2M6XN4C8D7E5F")
	if err != nil {
		t.Fatal(err)
	}
	e := reset.Entry{Reset: &reset.Reset{
		ID: id, Revision: 1, Final: true, Time: 1724500000123456789, Host: "db1",
		Netns: reset.Netns{ID: 4026531840}, Direction: reset.In, Interface: reset.Interface{In: "eth0"},
		Src: endpoint("192.0.2.1:443"), Dst: endpoint("[2001:db8::2]:51000"),
		Packet: reset.Packet{
			Family: reset.IPv4, TTL: reset.Some[uint8](64), Seq: reset.Some[uint32](0),
			Flags: reset.RST | reset.ACK, TCPOptions: reset.Hex{0xab, 1}, MACSrc: reset.MAC{2, 0, 0, 0, 0, 0xff}, Raw: []byte("E\x00"),
		},
		Flow: 0xabc, Sender: reset.Peer, Cause: reset.Refused, Sources: 0, Process: &reset.Process{Comm: "a\x1b\xffb"},
	}}
	e.Reset.Sources = e.Reset.Sources.With(reset.Wire).With(reset.TCPReceiveReset)
	const want = `{"type":"reset","id":"01J5Z0QJ3KT9W2M6XN4C8D7E5F","revision":1,"final":true,` +
		`"time":"2024-08-24T11:46:40.123456789Z","host":"db1","netns":{"id":4026531840},"direction":"in","interface":{"in":"eth0"},` +
		`"src":{"ip":"192.0.2.1","port":443},"dst":{"ip":"2001:db8::2","port":51000},` +
		`"packet":{"family":"ipv4","ttl":64,"seq":0,"flags":"RST,ACK","tcp_options":"AB01","mac_src":"02:00:00:00:00:ff","raw":"RQA="},` +
		`"flow":"0000000000000abc","sender":"peer","cause":"refused","process":{"comm":"a\u001b\ufffdb"},` +
		`"sources":["tcp_receive_reset","wire"]}`
	if diff := cmp.Diff(want, string(reset.AppendJSON(nil, &e))); diff != "" {
		t.Errorf("line (-want +got):\n%s", diff)
	}
}

func TestParseJSON(t *testing.T) {
	tests := []struct {
		name string
		line string
		want string // the line that AppendJSON makes of it, or a part of the error
	}{
		{
			"unknown names are ignored", `{"type":"control","time":"2026-01-01T00:00:00Z","event":"start","colour":{"a":[1]}}`,
			`{"type":"control","time":"2026-01-01T00:00:00.000000000Z","event":"start"}`,
		},
		{
			"type may stand anywhere", ` {"event":"stop","time":"2026-01-01T01:00:00+01:00","type":"control"} ` + "\n",
			`{"type":"control","time":"2026-01-01T00:00:00.000000000Z","event":"stop"}`,
		},
		{
			"null is absent", `{"type":"reset","mono_ns":null,"src":null,"packet":null,"trigger":null,"cause":null}`,
			`{"type":"reset","id":"00000000000000000000000000","revision":0,"final":false}`,
		},
		{"no type", `{"event":"stop"}`, `type ""`},
		{"another type", `{"type":"packet"}`, `type "packet"`},
		{"a longer type", `{"type":"resets"}`, `type "resets"`},
		{"type of the wrong kind", `{"type":7}`, "reading a line of JSON"},
		{"unknown word", `{"type":"reset","cause":"bad-luck"}`, `cause "bad-luck"`},
		{"number too large", `{"type":"reset","packet":{"ttl":256}}`, "reading a line of type reset"},
		{"time beyond 64 bits", `{"type":"reset","time":"2400-01-01T00:00:00Z"}`, "beyond"},
		{"endpoint without ip", `{"type":"reset","src":{"port":1}}`, "endpoint without an ip"},
		{"two objects", `{"type":"reset"}{"type":"reset"}`, "reading a line of type reset"},
		{"cut short", `{"type":"reset","id":"01J5`, "reading a line of type reset"},
		{"no object", `null`, `type ""`},
		{"nothing", ``, "reading a line of JSON"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, err := reset.ParseJSON([]byte(tt.line))
			if err != nil {
				if !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error %q, want one with %q", err, tt.want)
				}
				return
			}
			if diff := cmp.Diff(tt.want, string(reset.AppendJSON(nil, &e))); diff != "" {
				t.Errorf("line (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEntryInOtherJSON(t *testing.T) {
	const text = `[{"type":"control","time":"2026-01-01T00:00:00.000000000Z","event":"<start>"}]`
	var list []reset.Entry
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(list); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text+"\n", b.String()); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	if _, err := json.Marshal(reset.Entry{}); err == nil {
		t.Error("an entry with nothing set has no error")
	}
	if got := string(reset.AppendJSON(nil, &reset.Entry{})); got != "null" {
		t.Errorf("an entry with nothing set is %s, want null", got)
	}
}

func FuzzParseJSON(f *testing.F) {
	for _, seed := range []string{
		`{"type":"reset","id":"01J5Z0QJ3KT9W2M6XN4C8D7E5F","revision":1,"final":true,"src":{"ip":"192.0.2.1","port":443},"packet":{"flags":"RST,ACK","mac_src":"02:00:00:00:00:ff","raw":"RQA="},"flow":"0000000000000abc","evidence":[{"fact":"ttl","for":"sender=path","weight":"weak"}],"sources":["wire"]}`,
		`{"type":"coverage","time":"2026-01-01T00:00:00Z","from":"2026-01-01T00:00:00.5Z","until":"1970-01-01T00:00:00+23:59","sensors":["wire",""],"lost":1}`,
		`{"event":"ledger","type":"control","time":"2026-01-01T00:00:00Z","ledger":{"sensors":[{"sensor":"wire"}],"host":{}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := reset.ParseJSON(line)
		if err != nil {
			return
		}
		first := reset.AppendJSON(nil, &e)
		if got := standard(t, e); got != string(first) {
			t.Fatalf("AppendJSON %s, encoding/json %s", first, got)
		}
		if e.Reset != nil && e.Reset.NAT != nil {
			return // its endpoints are written even if they are unknown, which is not read
		}
		again, err := reset.ParseJSON(first)
		if err != nil {
			if strings.Contains(err.Error(), `weight ""`) {
				return
			}
			t.Fatalf("own line is not read: %v\n%s", err, first)
		}
		if second := reset.AppendJSON(nil, &again); !bytes.Equal(first, second) {
			t.Fatalf("a second reading differs:\n%s\n%s", first, second)
		}
	})
}
