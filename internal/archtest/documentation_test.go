package archtest

import (
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

func TestPackagesAreDocumented(t *testing.T) {
	type state struct {
		documented []string
		hasCode    bool
	}
	packages := make(map[string]*state)
	for _, file := range goFiles(t) {
		if file.test {
			continue
		}
		found := packages[file.pkg]
		if found == nil {
			found = &state{}
			packages[file.pkg] = found
		}
		found.hasCode = true
		if file.syntax.Doc == nil {
			continue
		}
		found.documented = append(found.documented, file.name)
		want := "Package " + file.syntax.Name.Name + " "
		if file.syntax.Name.Name == "main" {
			want = "" // a command is described, in whatever words
		}
		if text := file.syntax.Doc.Text(); !strings.HasPrefix(text, want) {
			t.Errorf("%s: the package comment begins with %q, want %q", file.name, strings.SplitN(text, "\n", 2)[0], want)
		}
	}
	for name, found := range packages {
		if len(found.documented) != 1 {
			t.Errorf("%s: one file must have a package comment, %d have one %v", name, len(found.documented), found.documented)
		}
	}
}

func TestExportedNamesAreDocumented(t *testing.T) {
	for _, file := range goFiles(t) {
		if file.test || file.generated || file.syntax.Name.Name == "main" {
			continue
		}
		for _, declaration := range file.syntax.Decls {
			switch d := declaration.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && receiverIsExported(d) && !ofErrors(d) {
					t.Errorf("%s: %s has no comment", file.at(d), d.Name.Name)
				}
			case *ast.GenDecl:
				for _, name := range undocumented(d) {
					t.Errorf("%s: %s has no comment", file.at(name), name.Name)
				}
			}
		}
	}
}

// ofErrors tells whether it is a method whose meaning package errors fixes, so that a comment could only repeat it.
func ofErrors(d *ast.FuncDecl) bool {
	return d.Recv != nil && (d.Name.Name == "Error" || d.Name.Name == "Unwrap" || d.Name.Name == "Is")
}

func receiverIsExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	kind := d.Recv.List[0].Type
	for {
		switch k := kind.(type) {
		case *ast.StarExpr:
			kind = k.X
		case *ast.IndexExpr:
			kind = k.X
		case *ast.IndexListExpr:
			kind = k.X
		case *ast.Ident:
			return k.IsExported()
		default:
			return false
		}
	}
}

// undocumented lists the exported names of a declaration that no comment speaks of. In a group of constants or
// variables one comment above the group speaks for all.
func undocumented(d *ast.GenDecl) []*ast.Ident {
	var names []*ast.Ident
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && s.Doc == nil && (d.Doc == nil || d.Lparen.IsValid()) {
				names = append(names, s.Name)
			}
		case *ast.ValueSpec:
			if d.Tok == token.IMPORT || s.Doc != nil || s.Comment != nil || d.Doc != nil {
				continue
			}
			for _, name := range s.Names {
				if name.IsExported() {
					names = append(names, name)
				}
			}
		}
	}
	return names
}
