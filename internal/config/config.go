// Package config is every setting of rstwatch: the file that holds them (TOML), their defaults, their bounds,
// their documentation, and where each value came from.
//
// It is plain data and imports no other package of the project: the daemon turns its sections into the
// settings of the packages that do the work.
//
// A file is read strictly. A key that is not known, a value of the wrong kind and a value out of bounds are
// errors that name file and line, show the line, and suggest a near word where there is one: see Error.
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// DefaultPath is the file that is read where none is named; it need not exist.
const DefaultPath = "/etc/rstwatch/rstwatch.toml"

// maxFileBytes bounds what Load reads: far above any real file, and far below what would hurt.
const maxFileBytes = 1 << 20

// OriginDefault is the Origin of a value that neither file nor flag has set.
const OriginDefault = "default"

// Load reads the file at path over the defaults and validates the outcome. Its errors are an *Error each,
// joined, except where the file cannot be read at all.
func Load(path string) (*Config, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading the configuration %q: %w", path, err)
	}
	if len(text) > maxFileBytes {
		return nil, fmt.Errorf("reading the configuration %q: larger than %v", path, ByteCount(maxFileBytes))
	}
	return Parse(path, text)
}

// Find loads the file at path or, where path is empty, the one at DefaultPath if there is one, else the defaults.
func Find(path string) (*Config, error) {
	if path != "" {
		return Load(path)
	}
	c, err := Load(DefaultPath)
	if errors.Is(err, fs.ErrNotExist) {
		return Default(), nil
	}
	return c, err
}

// Parse reads the text of a file over the defaults and validates the outcome. The name is only for messages.
func Parse(name string, text []byte) (*Config, error) {
	source, err := scan(name, text)
	if err != nil {
		return nil, err
	}
	c := Default()
	if err := source.decode(c); err != nil {
		return nil, err
	}
	c.origins = make(map[string]string, len(source.keys))
	for _, k := range source.keys {
		if !k.table {
			c.origins[k.name] = fmt.Sprintf("%s:%d", name, k.line)
		}
	}
	if err := source.locate(c.problems()); err != nil {
		return nil, err
	}
	return c, nil
}

// Origin tells where the value of a key ("journal.dir") came from: OriginDefault, FILE:LINE, or what Set was told.
func (c *Config) Origin(key string) string {
	if origin, ok := c.origins[key]; ok {
		return origin
	}
	return OriginDefault
}
