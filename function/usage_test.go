package main

import (
	"go/ast"
	"go/build"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"testing"
)

// TestUsage holds the code in the packages' comments, which no compiler sees, to what the
// packages declare: a function or method that it calls takes as many arguments.
func TestUsage(t *testing.T) {
	calls := 0
	for name := range layers(t) {
		if name == "main" || name == "local" { // commands, whose comments show a shell
			continue
		}
		comments, takes := declared(t, name)
		for _, block := range new(comment.Parser).Parse(comments).Content {
			code, isCode := block.(*comment.Code)
			if !isCode {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, "package p\nfunc f() {\n"+code.Text+"\n}\n", 0)
			if err != nil {
				t.Errorf("the comment of %s: %v", name, err)
				continue
			}
			for node := range ast.Preorder(file) {
				call, isCall := node.(*ast.CallExpr)
				if !isCall {
					continue
				}
				called, isSelector := call.Fun.(*ast.SelectorExpr)
				if !isSelector || takes[called.Sel.Name] == nil {
					continue
				}
				calls++
				if !slices.Contains(takes[called.Sel.Name], len(call.Args)) {
					t.Errorf("the comment of %s calls %s with %d arguments, it takes %d", name, called.Sel.Name, len(call.Args), takes[called.Sel.Name])
				}
			}
		}
	}
	if calls < 30 {
		t.Errorf("the packages' comments call %d functions only", calls)
	}
}

// declared returns the comment of a package, and how many arguments its functions and
// methods of a name take.
func declared(t *testing.T, folder string) (comments string, takes map[string][]int) {
	t.Helper()
	found, err := build.ImportDir(folder, 0)
	if err != nil {
		t.Fatal(err)
	}
	takes = map[string][]int{}
	for _, name := range found.GoFiles {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(folder, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		comments += file.Doc.Text()
		for _, each := range file.Decls {
			if function, isFunction := each.(*ast.FuncDecl); isFunction {
				takes[function.Name.Name] = append(takes[function.Name.Name], function.Type.Params.NumFields())
			}
		}
	}
	return comments, takes
}
