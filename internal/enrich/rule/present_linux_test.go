package rule

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPresence(t *testing.T) {
	for _, tt := range []struct {
		name, symbols string
		loaded, want  bool
	}{
		{"a module", "", true, true},
		{"built in", "ffffffff81000000 T _stext\nffffffff81000001 t nf_tables_getrule\n", false, true},
		{"neither", "ffffffff81000000 T _stext\n", false, false},
		{"of a module that is about to go", "ffffffffc0000000 t nf_tables_getrule\t[nf_tables]\n", false, false},
		{"rubbish", "\x00\x00\n\n nf_tables_ \n", false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			if err := os.MkdirAll(filepath.Join(root, "proc"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, "proc/kallsyms"), []byte(tt.symbols), 0o644); err != nil {
				t.Fatal(err)
			}
			if tt.loaded {
				if err := os.MkdirAll(filepath.Join(root, "sys/module/nf_tables"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if got := newPresence(root).here(); got != tt.want {
				t.Errorf("here: %v, want %v", got, tt.want)
			}
		})
	}
}
