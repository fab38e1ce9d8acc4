package config

import (
	_ "embed"
	"fmt"
	"io"
	"strings"
)

// sectionsSource is the text of sections.go: the comments there are the documentation of the settings, so that
// each is written once, beside what it documents.
//
//go:embed sections.go
var sectionsSource string

// documentation reads the comments of sections.go: by "Type" for a section and "Type.key" for a setting. It
// relies on no more than gofmt's layout, and a test holds its outcome against the declared fields.
func documentation() map[string]string {
	docs := make(map[string]string)
	var comment []string
	section := ""
	for line := range strings.SplitSeq(sectionsSource, "\n") {
		trimmed := strings.TrimSpace(line)
		if text, ok := strings.CutPrefix(trimmed, "//"); ok {
			comment = append(comment, strings.TrimSpace(text))
			continue
		}
		if rest, ok := strings.CutPrefix(line, "type "); ok {
			section, _, _ = strings.Cut(rest, " ")
			docs[section] = strings.Join(comment, " ")
		} else if _, tag, ok := strings.Cut(line, "`toml:\""); ok && section != "" {
			key, _, _ := strings.Cut(tag, `"`)
			docs[section+"."+key] = strings.Join(comment, " ")
		}
		comment = nil
	}
	return docs
}

// RenderDefault writes the complete file with every setting at its default, each explained. It reads back as Default.
func RenderDefault(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# The settings of rstwatch, all at their defaults. Delete what you do not change:\n" +
		"# what is absent keeps following the program's own defaults.\n")
	section := ""
	docs := Default().documented()
	for _, d := range docs {
		if d.section != section {
			section = d.section
			b.WriteString("\n" + wrap(d.sectionDoc, "## ", 100) + "[" + section + "]\n")
		}
		b.WriteString("\n" + wrap(d.doc+d.bounds(), "# ", 100))
		fmt.Fprintf(&b, "%s = %s\n", d.key, d.tomlValue())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// RenderReference writes the reference page, in Markdown.
func RenderReference(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Settings\n\n<!-- made by make doc from internal/config/sections.go: edit that -->\n\n" +
		"The file is `" + DefaultPath + "`, or the one that `--config` names; it need not exist. It is\n" +
		"[TOML](https://toml.io). A key that is not listed here is an error. `rstwatch config default` prints a file\n" +
		"with everything in it, `rstwatch config show` what is in force and why, `rstwatch config check` what is wrong.\n\n" +
		"Numbers of bytes are written `\"64MiB\"` (B, KiB, MiB, GiB, TiB; kB, MB, GB and TB are powers of 1000) or as a\n" +
		"plain number; time spans `\"50ms\"`, `\"1s\"`, `\"1h30m\"`.\n")
	section := ""
	for _, d := range Default().documented() {
		if d.section != section {
			section = d.section
			fmt.Fprintf(&b, "\n## [%s]\n\n%s\n\n| key | default | |\n|---|---|---|\n", section, d.sectionDoc)
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s%s |\n", d.key, d.tomlValue(), d.doc, d.bounds())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// documentedField is a setting with its documentation.
type documentedField struct {
	field
	sectionDoc string
	doc        string
}

func (c *Config) documented() []documentedField {
	docs := documentation()
	var list []documentedField
	for _, f := range c.fields() {
		d := documentedField{field: f}
		typeName := sectionType(f.section)
		_, d.sectionDoc, _ = strings.Cut(docs[typeName], " is ")
		if d.sectionDoc != "" {
			d.sectionDoc = strings.ToUpper(d.sectionDoc[:1]) + d.sectionDoc[1:]
		}
		d.doc = docs[typeName+"."+f.key]
		list = append(list, d)
	}
	return list
}

// bounds says in words what the tags oneof, min and max demand.
func (d documentedField) bounds() string {
	if words := d.words(); words != nil {
		return " One of: " + strings.Join(words, ", ") + "."
	}
	least, most := d.bound("min"), d.bound("max")
	switch {
	case least != "" && most != "":
		return fmt.Sprintf(" From %s to %s.", least, most)
	case least != "" && least != "0":
		return fmt.Sprintf(" At least %s.", least)
	}
	return ""
}

func (d documentedField) bound(tag string) string {
	text := d.tag.Get(tag)
	if _, ok := d.value.Interface().(ByteCount); ok && text != "" {
		var n ByteCount
		if n.UnmarshalText([]byte(text)) == nil {
			return n.String()
		}
	}
	return text
}

// wrap breaks a text into comment lines of at most width characters.
func wrap(text, prefix string, width int) string {
	var b strings.Builder
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(prefix)+len(line)+1+len(word) > width {
			b.WriteString(prefix + line + "\n")
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line != "" {
		b.WriteString(prefix + line + "\n")
	}
	return b.String()
}
