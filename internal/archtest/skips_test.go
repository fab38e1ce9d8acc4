package archtest

import (
	"go/ast"
	"testing"
)

// maySkip are functions that skip although they do not ask, each with the reason.
var maySkip = map[string]string{
	"MustMake": "a kernel without a feature (kernel matrix) cannot be made to make that kind of reset",
	// The same of a kind of device: make kernels runs it on kernels that have them.
	"TestBehindStackedDevices": "a kernel without 802.1Q, macvlan or ipvlan (kernel matrix) has no such device",
}

// TestNoTestCanHide looks for tests that skip themselves. Where everything must run (RSTWATCH_TEST_REQUIRE=1, CI),
// one that cannot must fail: so whoever skips also asks testkit.Required, or skips on -short only, which CI does not set.
func TestNoTestCanHide(t *testing.T) {
	for _, file := range goFiles(t) {
		if !file.test && file.pkg != "internal/testkit" {
			continue
		}
		for _, declaration := range file.syntax.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || function.Body == nil {
				continue
			}
			calls, skip := skipsAndCalls(function.Body)
			if skip != nil && maySkip[function.Name.Name] == "" && !calls["Required"] && !calls["RequireRoot"] && !calls["Short"] && !calls["Getenv"] {
				t.Errorf("%s: %s skips, and does not ask testkit.Required first", file.at(skip), function.Name.Name)
			}
		}
	}
}

// skipsAndCalls returns the names of everything that is called, and the first skip. A skip of a rapid.T discards one
// drawn example and hides nothing.
func skipsAndCalls(body ast.Node) (calls map[string]bool, skip ast.Node) {
	calls = make(map[string]bool)
	ast.Inspect(body, func(node ast.Node) bool {
		if function, ok := node.(*ast.FuncLit); ok && takesRapid(function) {
			return false
		}
		call, ok := node.(*ast.CallExpr)
		if !ok {
			return true
		}
		name := ""
		switch called := call.Fun.(type) {
		case *ast.Ident:
			name = called.Name
		case *ast.SelectorExpr:
			name = called.Sel.Name
		}
		calls[name] = true
		if name == "Skip" || name == "Skipf" || name == "SkipNow" {
			skip = call
		}
		return true
	})
	return calls, skip
}

// takesRapid tells whether a function is run by rapid: its parameter is a *rapid.T.
func takesRapid(function *ast.FuncLit) bool {
	for _, parameter := range function.Type.Params.List {
		if pointer, ok := parameter.Type.(*ast.StarExpr); ok {
			if selector, ok := pointer.X.(*ast.SelectorExpr); ok {
				if pkg, ok := selector.X.(*ast.Ident); ok && pkg.Name == "rapid" {
					return true
				}
			}
		}
	}
	return false
}
