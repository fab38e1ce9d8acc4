package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the path of the project's module.
const module = "github.com/rstwatch/rstwatch"

// root is where the module begins, as seen from this package.
const root = "../.."

// goFile is one parsed Go file.
type goFile struct {
	name      string // from the root
	pkg       string // its folder, from the root
	test      bool   // its name ends in _test.go
	generated bool
	syntax    *ast.File
	positions *token.FileSet
}

// walk calls visit with the name of each file of the tree, from the root: what is built, cached or of another module
// is left out.
func walk(t *testing.T, visit func(name string)) {
	t.Helper()
	skipped := []string{".git", ".cache", "bin"}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name = filepath.ToSlash(strings.TrimPrefix(strings.TrimPrefix(name, root), "/"))
		if entry.IsDir() {
			if slices.Contains(skipped, name) || entry.Name() == "node_modules" {
				return fs.SkipDir
			}
			return nil
		}
		if entry.Type().IsRegular() {
			visit(name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// goFiles parses every Go file of the module.
func goFiles(t *testing.T) []goFile {
	t.Helper()
	var files []goFile
	walk(t, func(name string) {
		if path.Ext(name) != ".go" || strings.Contains(name, "testdata/") || strings.HasPrefix(name, "tools/") {
			return
		}
		positions := token.NewFileSet()
		syntax, err := parser.ParseFile(positions, filepath.Join(root, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Errorf("%v", err)
			return
		}
		files = append(files, goFile{
			name: name, pkg: path.Dir(name), test: strings.HasSuffix(name, "_test.go"),
			generated: ast.IsGenerated(syntax), syntax: syntax, positions: positions,
		})
	})
	if len(files) < 20 {
		t.Fatalf("only %d Go files found below %s", len(files), root)
	}
	return files
}

// imports returns the paths that the file imports.
func (f goFile) imports(t *testing.T) []string {
	t.Helper()
	var paths []string
	for _, spec := range f.syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		paths = append(paths, imported)
	}
	return paths
}

// at tells where a node of the file stands.
func (f goFile) at(node ast.Node) string {
	return f.name + ":" + strconv.Itoa(f.positions.Position(node.Pos()).Line)
}

// matches tells whether a package is the pattern or, where that ends in "/*", directly or deeper in its folder.
func matches(pattern, pkg string) bool {
	if folder, ok := strings.CutSuffix(pattern, "/*"); ok {
		return strings.HasPrefix(pkg, folder+"/")
	}
	return pattern == pkg
}

// read returns the content of a file, by its name from the root.
func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
