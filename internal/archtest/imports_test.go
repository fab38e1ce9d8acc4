package archtest

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// allowed returns what pkg may import of the project: of the table's rows that match, the longest.
func allowed(pkg string) []string {
	best := ""
	for pattern := range mayImport {
		if matches(pattern, pkg) && len(pattern) > len(best) {
			best = pattern
		}
	}
	if best == "" {
		return []string{"internal/reset", "internal/clock"}
	}
	return mayImport[best]
}

func mayImportPackage(pkg, imported string) bool {
	list := allowed(pkg)
	if slices.Contains(list, everything) {
		return !slices.Contains(testsOnly, imported) || strings.HasPrefix(pkg, "test/")
	}
	return slices.ContainsFunc(list, func(pattern string) bool { return matches(pattern, imported) })
}

func TestImportsOfTheProject(t *testing.T) {
	for _, file := range goFiles(t) {
		for _, path := range file.imports(t) {
			imported, ours := strings.CutPrefix(path, module+"/")
			if !ours || imported == file.pkg || file.test {
				continue
			}
			if !mayImportPackage(file.pkg, imported) {
				t.Errorf("%s imports %s: %s may import %v of the project.\n"+
					"hint: let the daemon join the two or, if it must be, change the table in internal/archtest/rules_test.go and say why",
					file.name, imported, file.pkg, allowed(file.pkg))
			}
		}
	}
}

func TestImportsFromOutside(t *testing.T) {
	for _, file := range goFiles(t) {
		for _, path := range file.imports(t) {
			for _, fence := range fences {
				if path != fence.path && !strings.HasPrefix(path, fence.path+"/") || exempt(fence.path, path) {
					continue
				}
				inside := slices.ContainsFunc(fence.in, func(pattern string) bool { return matches(pattern, file.pkg) })
				if !inside && !(fence.tests && file.test) {
					t.Errorf("%s imports %s, which belongs in %v: %s", file.name, path, fence.in, fence.reason)
				}
			}
		}
	}
}

// exempt tells which packages below a fenced one are not meant.
func exempt(fenced, path string) bool {
	switch fenced {
	case "log", "testing":
		return path != fenced && path != "testing/quick"
	case "math/rand":
		return path == "math/rand/v2"
	}
	return false
}

// TestTheRulesBite shows that the table forbids what it should: a rule that allows everything is no rule.
func TestTheRulesBite(t *testing.T) {
	tests := []struct {
		name, pkg, imported string
		want                bool
	}{
		{"the vocabulary knows nobody", "internal/reset", "internal/packet", false},
		{"a sensor knows no other", "internal/sense/wire", "internal/sense/kernel", false},
		{"a sensor does not know the journal", "internal/sense/wire", "internal/journal", false},
		{"a sensor decodes", "internal/sense/wire", "internal/packet", true},
		{"siblings do not know each other", "internal/correlate", "internal/attribute", false},
		{"a new package knows the vocabulary", "internal/something", "internal/reset", true},
		{"a new package knows nothing else", "internal/something", "internal/packet", false},
		{"the wiring knows everyone", "internal/daemon", "internal/sense/wire", true},
		{"the wiring does not know the tests' kit", "internal/daemon", "internal/testkit", false},
		{"only klog reads classic lines", "internal/sense/klog", "internal/classic", true},
		{"no other sensor reads them", "internal/sense/kernel", "internal/classic", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := mayImportPackage(test.pkg, test.imported); got != test.want {
				t.Errorf("%s may import %s: %v, want %v", test.pkg, test.imported, got, test.want)
			}
		})
	}
}

// TestNoImportCycleInTheTable follows the table: what it allows must have an order.
func TestNoImportCycleInTheTable(t *testing.T) {
	var visit func(pkg string, path []string)
	visit = func(pkg string, path []string) {
		if slices.Contains(path, pkg) {
			t.Fatalf("the table allows a cycle: %v", append(path, pkg))
		}
		for _, next := range mayImport[pkg] {
			if next != everything {
				visit(next, append(slices.Clone(path), pkg))
			}
		}
	}
	for _, pkg := range slices.Sorted(maps.Keys(mayImport)) {
		visit(pkg, nil)
	}
}
