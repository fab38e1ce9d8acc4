package install

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
)

// recordVersion is the version of the record's form.
const recordVersion = 1

// record is what an install has added to the machine, kept as JSON so that a removal, perhaps by a later version of
// the program, undoes exactly that. It is written before the changes that it tells of.
type record struct {
	Version     int               `json:"version"`
	Init        Init              `json:"init,omitempty"`        // absent: uninstalled, and the data stays
	Files       map[string]string `json:"files,omitempty"`       // path to SHA-256, of files that we made
	Directories []string          `json:"directories,omitempty"` // that we made
	Group       string            `json:"group,omitempty"`
	Enabled     bool              `json:"enabled,omitempty"` // the unit, by us
	RCLocal     *rcLocalRecord    `json:"rc_local,omitempty"`
}

// rcLocalRecord is what was done to rc.local besides the block.
type rcLocalRecord struct {
	Path    string      `json:"path"`
	Created bool        `json:"created,omitempty"`
	Mode    fs.FileMode `json:"mode,omitempty"` // before, if it was not executable
}

func (r record) clone() record {
	r.Files = maps.Clone(r.Files)
	if r.Files == nil {
		r.Files = make(map[string]string)
	}
	r.Directories = slices.Clone(r.Directories)
	if r.RCLocal != nil {
		block := *r.RCLocal
		r.RCLocal = &block
	}
	return r
}

func (r record) equal(other record) bool { return reflect.DeepEqual(r.clone(), other.clone()) }

// readRecord reads the record of an install; os.ErrNotExist if there is none.
func readRecord(path string) (record, error) {
	var r record
	text, err := os.ReadFile(path)
	if err != nil {
		return r, fmt.Errorf("reading the record of the install: %w", err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("reading the record of the install %q: %w", path, err)
	}
	if r.Version != recordVersion {
		return r, fmt.Errorf("reading the record of the install %q: version %d, and this program knows %d",
			path, r.Version, recordVersion)
	}
	return r, nil
}

// writeRecord is the Change that writes the new record. The directories on its way are noted as ours already.
func (i *installation) writeRecord() Change {
	action := "replace"
	if i.isNew {
		action = "create"
	}
	return Change{
		Action: action, Path: recordPath, Detail: "what this install adds, for the uninstall",
		apply: func(context.Context) error {
			text, err := json.MarshalIndent(i.new, "", "  ")
			if err != nil {
				return err
			}
			if err := os.MkdirAll(i.at(dataDir), 0o750); err != nil {
				return err
			}
			return replaceFile(i.at(recordPath), strings.NewReader(string(text)+"\n"), 0o644)
		},
	}
}
