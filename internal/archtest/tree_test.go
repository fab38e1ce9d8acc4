package archtest

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// isSource tells whether a file is written by hand in a language that is compiled or run.
func isSource(name string) bool {
	if strings.Contains(name, "testdata/") || strings.HasSuffix(name, "_test.go") ||
		strings.Contains(name, "_bpfel.") || strings.Contains(name, "vendor") {
		return false
	}
	return slices.Contains([]string{".go", ".c", ".h", ".sh", ".js", ".css"}, path.Ext(name))
}

func TestFilesAreShort(t *testing.T) {
	seen := make(map[string]bool)
	walk(t, func(name string) {
		if !isSource(name) {
			return
		}
		lines := strings.Count(read(t, name), "\n")
		reason, excused := longFiles[name]
		seen[name] = true
		switch {
		case lines > maxLines && !excused:
			t.Errorf("%s has %d lines, more than %d: is it two things?", name, lines, maxLines)
		case lines <= maxLines && excused:
			t.Errorf("%s has %d lines: take it out of longFiles", name, lines)
		case excused && reason == "":
			t.Errorf("%s: longFiles gives no reason", name)
		}
	})
	for name := range longFiles {
		if !seen[name] {
			t.Errorf("%s: in longFiles, and not in the tree", name)
		}
	}
}

func TestNoForbiddenWords(t *testing.T) {
	walk(t, func(name string) {
		text := read(t, name)
		if strings.ContainsRune(text, 0) {
			return // not a text
		}
		for _, word := range forbidden {
			if at := strings.Index(text, word); at >= 0 {
				t.Errorf("%s:%d: %q has no place here", name, strings.Count(text[:at], "\n")+1, word)
			}
		}
	})
}

func TestKernelCodeHasItsLicence(t *testing.T) {
	files := 0
	walk(t, func(name string) {
		if !strings.HasPrefix(name, "bpf/") || !slices.Contains([]string{".c", ".h"}, path.Ext(name)) {
			return
		}
		files++
		if first, _, _ := strings.Cut(read(t, name), "\n"); !strings.Contains(first, licence) {
			t.Errorf("%s: the first line is %q, want %q in it", name, first, licence)
		}
	})
	if files == 0 {
		t.Error("no kernel-side C found under bpf/")
	}
}

// TestDependenciesAreListed holds go.mod against docs/dependencies.md and against the fences.
func TestDependenciesAreListed(t *testing.T) {
	page := read(t, "docs/dependencies.md")
	listed := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(page, -1)
	var rows []string
	for _, row := range listed {
		rows = append(rows, row[1])
	}
	required := directRequires(t)
	for _, dependency := range required {
		if !slices.Contains(rows, dependency) {
			t.Errorf("docs/dependencies.md has no row for %s: say why it is needed, and its licence", dependency)
		}
		if !slices.ContainsFunc(fences, func(f fence) bool { return f.path == dependency }) {
			t.Errorf("internal/archtest/rules_test.go has no fence for %s: say where it may be imported", dependency)
		}
	}
	for _, row := range rows {
		if !slices.Contains(required, row) {
			t.Errorf("docs/dependencies.md has a row for %s, which go.mod does not require", row)
		}
	}
}

// directRequires lists the modules that go.mod requires for the project's own imports.
func directRequires(t *testing.T) []string {
	t.Helper()
	var modules []string
	row := regexp.MustCompile(`^(?:require )?\s*([a-z0-9.]+\.[a-z]+/\S+) v\S+$`)
	for line := range strings.Lines(read(t, "go.mod")) {
		if match := row.FindStringSubmatch(strings.TrimRight(line, "\n")); match != nil {
			modules = append(modules, match[1])
		}
	}
	if len(modules) == 0 {
		t.Fatal("go.mod requires nothing, it seems")
	}
	return modules
}
