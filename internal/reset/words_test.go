package reset_test

import (
	"encoding"
	"reflect"
	"strings"
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// wordLists has every closed list. The filler relies on it too.
var wordLists = map[reflect.Type][]string{
	reflect.TypeFor[reset.Direction](): reset.DirectionWords(),
	reflect.TypeFor[reset.Sender]():    reset.SenderWords(),
	reflect.TypeFor[reset.Cause]():     reset.CauseWords(),
	reflect.TypeFor[reset.Level]():     reset.LevelWords(),
	reflect.TypeFor[reset.Harm]():      reset.HarmWords(),
	reflect.TypeFor[reset.Verdict]():   reset.VerdictWords(),
	reflect.TypeFor[reset.Role]():      reset.RoleWords(),
	reflect.TypeFor[reset.Weight]():    reset.WeightWords(),
	reflect.TypeFor[reset.Family]():    reset.FamilyWords(),
	reflect.TypeFor[reset.Baseline]():  reset.BaselineWords(),
	reflect.TypeFor[reset.Source]():    reset.SourceWords(),
}

func TestWordsRoundTrip(t *testing.T) {
	for kind, words := range wordLists {
		t.Run(kind.Name(), func(t *testing.T) {
			seen := map[string]bool{}
			for i, word := range words {
				if word == "" || seen[word] {
					t.Errorf("word %d is %q, empty or twice", i+1, word)
				}
				seen[word] = true
				v := reflect.New(kind)
				if err := v.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(word)); err != nil {
					t.Fatal(err)
				}
				if got := v.Elem().Uint(); got != uint64(i+1) {
					t.Errorf("%q is number %d, want %d", word, got, i+1)
				}
				text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
				if err != nil || string(text) != word {
					t.Errorf("number %d is %q, %v, want %q", i+1, text, err, word)
				}
			}
		})
	}
}

func TestWordsRefuse(t *testing.T) {
	for kind, words := range wordLists {
		for _, wrong := range []string{"", "bogus", " " + words[0], strings.ToUpper(words[0]), "invalid-99"} {
			v := reflect.New(kind)
			err := v.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(wrong))
			if err == nil || !strings.Contains(err.Error(), "not one of the known words") {
				t.Errorf("%s %q: error %v", kind.Name(), wrong, err)
			}
		}
	}
}

// TestWordNumbers pins the numbers that the journal stores.
func TestWordNumbers(t *testing.T) {
	tests := []struct {
		name string
		got  uint8
		want uint8
	}{
		{"transit", uint8(reset.Transit), 4},
		{"path", uint8(reset.Path), 7},
		{"relayed", uint8(reset.Relayed), 36},
		{"firewall-reject", uint8(reset.FirewallReject), 26},
		{"certain", uint8(reset.Certain), 3},
		{"unknown harm", uint8(reset.HarmUnknown), 4},
		{"dropped", uint8(reset.Dropped), 5},
		{"pcap", uint8(reset.Pcap), 8},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s is number %d, want %d", tt.name, tt.got, tt.want)
		}
	}
	if got := reset.Cause(200).String(); got != "invalid-200" {
		t.Errorf("a number beyond the list is %q", got)
	}
}
