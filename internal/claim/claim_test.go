package claim

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// bytesOf joins hexadecimal digits, spaces aside, and a text.
func bytesOf(t *testing.T, digits, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return append(b, text...)
}

func TestDecode(t *testing.T) {
	for _, tt := range []struct {
		name   string
		digits string
		text   string
		length int // of the payload, where less was captured
		want   Claim
	}{
		{"no payload", "", "", 0, Claim{}},
		{"nothing captured of it", "", "", 8, Claim{Kind: Cut}},

		{"the draft's example of a vendor", "33aa 04d2 00007ed9", "", 0, Claim{Diagnostic, "diagnostic code 1234 of enterprise 32473"}},
		{"a code that never moved", "33aa 0001 00000000", "", 0, Claim{Diagnostic, "diagnostic code 1: illegal option length"}},
		{
			"a code that was renumbered", "33aa 000e 00000000", "", 0,
			Claim{Diagnostic, "diagnostic code 14: connection timeout (drafts to ietf-02), or reset received from the peer (draft ietf-03)"},
		},
		{
			"a code of the latest draft alone", "33aa 0013 00000000", "", 0,
			Claim{Diagnostic, "diagnostic code 19: nothing (drafts to ietf-02), or middlebox interference (draft ietf-03)"},
		},
		{"a code of no draft", "33aa 0400 00000000", "", 0, Claim{Diagnostic, "diagnostic code 1024, which no draft lists"}},
		{"the reserved code", "33aa 0000 00000000", "", 0, Claim{Kind: Malformed}},
		{"too short", "33aa 0001", "", 0, Claim{Kind: Malformed}},
		{"too long", "33aa 0001 00000000 00", "", 0, Claim{Kind: Malformed}},
		{"captured in part", "33aa 0001", "", 8, Claim{Kind: Cut}},
		{"the magic alone", "33aa", "", 0, Claim{Kind: Malformed}},

		{"a description", "f317", "maintenance", 0, Claim{Description, `diagnostic text: "maintenance"`}},
		{"a description that obeys nobody", "f317", "a\x1b[2J\u202eb\x00c", 0, Claim{Description, `diagnostic text: "a?[2J?b?c"`}},
		{"an empty description", "f317", "", 0, Claim{Kind: Malformed}},

		{"CBOR: the draft's example", "193039 a1 01 02", "", 0, Claim{CBOR, "diagnostic code 2: ACK received in LISTEN (early drafts), or desynchronized state (drafts to ietf-02)"}},
		{"CBOR: within an array", "82 193039 a1 01 18 63", "", 0, Claim{CBOR, "diagnostic code 99, which no draft lists"}},
		{"CBOR: a vendor", "193039 a2 01 1904d2 02 197ed9", "", 0, Claim{CBOR, "diagnostic code 1234 of enterprise 32473"}},
		{"CBOR: a description", "193039 a1 03 6b", "maintenance", 0, Claim{CBOR, `diagnostic text: "maintenance"`}},
		{"CBOR: a description captured in part", "193039 a1 03 78 ff", "maintenance", 262, Claim{CBOR, `diagnostic text: "maintenance…"`}},
		{"CBOR: a key of the future", "193039 a2 04 42 0102 01 02", "", 0, Claim{CBOR, "diagnostic code 2: ACK received in LISTEN (early drafts), or desynchronized state (drafts to ietf-02)"}},
		{"CBOR: no map", "193039 01", "", 0, Claim{Kind: Malformed}},
		{"CBOR: nothing behind the magic", "193039", "", 0, Claim{Kind: Malformed}},
		{"CBOR: captured in part", "193039 a2 01", "", 9, Claim{Kind: Cut}},
		{"CBOR: a key twice", "193039 a2 01 02 01 03", "", 0, Claim{Kind: Malformed}},
		{"CBOR: neither code nor text", "193039 a1 02 05", "", 0, Claim{Kind: Malformed}},
		{"CBOR: something behind it", "193039 a1 01 02 00", "", 0, Claim{Kind: Malformed}},
		{"CBOR: a length beyond the end", "193039 a1 03 7b ffffffffffffffff", "abc", 0, Claim{Kind: Malformed}},
		{"CBOR: a map of unknown length", "193039 bf 01 02 ff", "", 0, Claim{Kind: Malformed}},
		{"CBOR: far too many pairs", "193039 bb ffffffffffffffff", "", 0, Claim{Kind: Malformed}},
		{"CBOR: an array in the map", "193039 a1 07 9f", "", 0, Claim{Kind: Malformed}},

		{"plain text", "", "Go away, we're not home", 0, Claim{Text, `text: "Go away, we're not home"`}},
		{"lines become one", "", "  HTTP/1.1 403\r\n\r\n\tblocked\n", 0, Claim{Text, `text: "HTTP/1.1 403 blocked"`}},
		{"a C string", "", "tcp_close, during connect\x00\x00", 0, Claim{Text, `text: "tcp_close, during connect"`}},
		{"quotation marks", "", `said "no"`, 0, Claim{Text, `text: "said 'no'"`}},
		{"letters of other alphabets", "", "соединение закрыто", 0, Claim{Text, `text: "соединение закрыто"`}},
		{"captured in part, within a letter", "", "закры\xd1", 20, Claim{Text, `text: "закры…"`}},
		{"long text", "", strings.Repeat("x", 200), 0, Claim{Text, `text: "` + strings.Repeat("x", maxText) + `…"`}},
		{"long words", "", strings.Repeat("x", maxText) + " y", 0, Claim{Text, `text: "` + strings.Repeat("x", maxText) + ` …"`}},
		{"a terminal's commands are no text", "", "abc\x1b[31m", 0, Claim{Kind: Other}},
		{"too short for text", "", "abc", 0, Claim{Kind: Other}},
		{"white space", "", "        ", 0, Claim{Kind: Other}},
		{"zeros", "00000000 00000000", "", 0, Claim{Kind: Other}},
		{"not UTF-8", "ff", "abcdef", 0, Claim{Kind: Other}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			payload := bytesOf(t, tt.digits, tt.text)
			got := Decode(payload, max(tt.length, len(payload)))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("claim (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKindNames(t *testing.T) {
	for k := range Kind(NumKinds) {
		if k.String() == "" || k.String() == "unknown" {
			t.Errorf("kind %d has no name", k)
		}
	}
	if got := Kind(NumKinds).String(); got != "unknown" {
		t.Errorf("a kind that is none: %q", got)
	}
}

// FuzzDecode: whatever a stranger sends, the claim is short, on one line and
// for every terminal.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"\x33\xaa\x00\x0e\x00\x00\x00\x00", "\xf3\x17closed", "\x190\x39\xa1\x01\x02", "\x82\x190\x39\xa1\x03\x63abc", "go away", "",
	} {
		f.Add([]byte(seed), len(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte, length int) {
		before := bytes.Clone(payload)
		c := Decode(payload, length)
		if !bytes.Equal(before, payload) {
			t.Fatal("the payload was changed")
		}
		if int(c.Kind) >= NumKinds {
			t.Fatalf("kind %d", c.Kind)
		}
		silent := c.Kind == None || c.Kind == Malformed || c.Kind == Cut || c.Kind == Other
		if silent != (c.Text == "") {
			t.Fatalf("kind %s says %q", c.Kind, c.Text)
		}
		if n := utf8.RuneCountInString(c.Text); n > 160 {
			t.Fatalf("%d characters: %q", n, c.Text)
		}
		for _, r := range c.Text {
			if !unicode.IsPrint(r) || r == utf8.RuneError {
				t.Fatalf("%U in %q", r, c.Text)
			}
		}
	})
}
