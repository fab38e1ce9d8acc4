package kernel

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/testkit"
)

const someSymbols = `0000000000000000 A fixed_percpu_data
ffffffff81000000 T _text
ffffffff81000100 T tcp_disconnect
ffffffff81000200 t other
ffffffff81000300 T __tcp_close
ffffffff81000300 T alias_of_it
ffffffff81000400 t tcp_abort.part.0
ffffffff81000500 t tcp_keepalive_timer.cold
ffffffff81000600 D tcp_close
ffffffff81000700 T handle_softirqs
ffffffffc0000000 t tcp_diag_destroy	[tcp_diag]
`

func TestStackNames(t *testing.T) {
	table, err := parseSymbols(strings.NewReader(someSymbols))
	if err != nil {
		t.Fatal(err)
	}
	named := stacks{symbols: table}
	for _, tt := range []struct {
		name   string
		frames []uint64
		want   []string
	}{
		{"nothing of the list", []uint64{0xffffffff81000210, 0xffffffff81000010, 0, ^uint64(0)}, nil},
		{"innermost first", []uint64{0xffffffff81000110, 0xffffffff81000210, 0xffffffff81000310}, []string{"tcp_disconnect", "__tcp_close"}},
		{"a call at a function's end", []uint64{0xffffffff81000200}, []string{"tcp_disconnect"}},
		{"what the compiler split off", []uint64{0xffffffff81000410, 0xffffffff81000510}, []string{"tcp_abort", "tcp_keepalive_timer"}},
		{"no data", []uint64{0xffffffff81000610}, nil},
		{"a module's", []uint64{0xffffffffc0000010}, []string{"tcp_diag_destroy"}},
		{"an interrupt ends it", []uint64{0xffffffff81000510, 0xffffffff81000710, 0xffffffff81000310}, []string{"tcp_keepalive_timer", "handle_softirqs"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 { // made, then remembered
				if diff := cmp.Diff(tt.want, named.names(tt.frames)); diff != "" {
					t.Errorf("names (-want +got):\n%s", diff)
				}
			}
		})
	}
	long := make([]uint64, 100)
	for i := range long {
		long[i] = 0xffffffff81000110
	}
	if got := len(named.names(long)); got != 32 {
		t.Errorf("%d names of a long stack, want 32", got)
	}
}

// TestHiddenSymbols: where addresses are hidden there are no names, and that is said.
func TestHiddenSymbols(t *testing.T) {
	hidden := strings.ReplaceAll(someSymbols, "ffffffff8", "000000000")
	hidden = strings.ReplaceAll(hidden, "ffffffffc", "000000000")
	hidden = strings.Map(func(r rune) rune {
		if r >= '1' && r <= '9' {
			return '0'
		}
		return r
	}, hidden)
	if _, err := parseSymbols(strings.NewReader(hidden)); err == nil {
		t.Error("no error")
	}
	var none stacks
	if got := none.names([]uint64{1, 2}); got != nil {
		t.Errorf("names %v without symbols", got)
	}
}

// TestFunctionsOfThisKernel wants the functions without which causes are not
// told apart in the running kernel.
func TestFunctionsOfThisKernel(t *testing.T) {
	testkit.RequireRoot(t)
	table, err := readSymbols()
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, name := range table.names {
		there[functions[name-1]] = true
	}
	for _, name := range []string{"__tcp_close", "tcp_disconnect", "inet_csk_listen_stop", "tcp_keepalive_timer", "do_exit", "__inet_stream_connect"} {
		if !there[name] {
			t.Errorf("%s is not there", name)
		}
	}
	if len(functions) > 255 {
		t.Errorf("%d functions: more than a byte counts", len(functions))
	}
}

func FuzzParseSymbols(f *testing.F) {
	f.Add(someSymbols)
	f.Fuzz(func(t *testing.T, text string) {
		table, err := parseSymbols(strings.NewReader(text))
		if err != nil {
			return
		}
		named := stacks{symbols: table}
		for i, start := range table.starts {
			if table.ends[i] <= start && start+1<<16 > start {
				t.Errorf("function %d ends at %x before it begins at %x", i, table.ends[i], start)
			}
			named.names([]uint64{start, start + 1, table.ends[i]})
		}
	})
}
