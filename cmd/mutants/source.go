package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
)

// source is the text of a Go file, and its syntax tree.
type source struct {
	text string
	fset *token.FileSet
	file *ast.File
}

func parseSource(path, text string) (*source, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, path, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	return &source{text, fset, f}, nil
}

// offset is the place of a position in the text.
func (s *source) offset(p token.Pos) int { return s.fset.PositionFor(p, false).Offset }

// slice is the text between two positions.
func (s *source) slice(from, to token.Pos) string { return s.text[s.offset(from):s.offset(to)] }

// line is the number of the line of a position, from 1.
func (s *source) line(p token.Pos) int { return s.fset.PositionFor(p, false).Line }

// signature is the text of a function's head: receiver, name, parameters and results.
func (s *source) signature(f *ast.FuncDecl) string { return s.slice(f.Pos(), f.Body.Lbrace) }

// function is a function in a file, by the text of its receiver's type and its name:
// "*Node.step", or "encode".
func (s *source) function(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	t := f.Recv.List[0].Type
	return s.slice(t.Pos(), t.End()) + "." + f.Name.Name
}

// functions returns the functions with a body, by the names that function gives, and
// the text of all other declarations.
func (s *source) functions() (byName map[string]*ast.FuncDecl, others []string) {
	byName = map[string]*ast.FuncDecl{}
	for _, d := range s.file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil || f.Recv == nil && (f.Name.Name == "init" || f.Name.Name == "main") {
			others = append(others, s.slice(d.Pos(), d.End()))
			continue
		}
		byName[s.function(f)] = f
	}
	return byName, others
}

// change is the functions in which a mutated file differs from the original.
type change struct {
	original, mutated *source
	bodies            []string        // functions whose bodies differ, in the order of the mutated file
	added             []*ast.FuncDecl // functions, without a receiver, that the original does not have
}

// errApart is the reason why a mutant cannot be woven, and needs a build of its own.
type errApart string

func (e errApart) Error() string { return string(e) }

// compare returns the change from one file to another. An errApart says that it is
// not only in bodies of functions.
func compare(original, mutated *source) (*change, error) {
	before, othersBefore := original.functions()
	after, othersAfter := mutated.functions()
	if !slices.Equal(othersBefore, othersAfter) {
		return nil, errApart("it changes a declaration that is not a function's")
	}
	c := &change{original: original, mutated: mutated}
	for _, d := range mutated.file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || after[mutated.function(f)] != f {
			continue
		}
		if err := c.add(f, before[mutated.function(f)]); err != nil {
			return nil, err
		}
	}
	for name, f := range before {
		if after[name] == nil && f.Recv != nil {
			return nil, errApart("it removes the method " + f.Name.Name)
		}
	}
	if len(c.bodies) == 0 {
		return nil, errApart("it changes no function")
	}
	return c, nil
}

// add adds a function of the mutated file, which is was in the original; nil: it was
// not there.
func (c *change) add(is, was *ast.FuncDecl) error {
	switch {
	case was == nil && is.Recv != nil:
		return errApart("it adds the method " + is.Name.Name)
	case was == nil:
		c.added = append(c.added, is)
	case c.original.slice(was.Pos(), was.End()) == c.mutated.slice(is.Pos(), is.End()):
	case c.original.signature(was) != c.mutated.signature(is):
		return errApart("it changes the signature of " + is.Name.Name)
	case recovers(is) || recovers(was):
		return errApart(is.Name.Name + " recovers from panics, which only the function that was deferred can")
	default:
		c.bodies = append(c.bodies, c.mutated.function(is))
	}
	return nil
}

// recovers reports whether a function calls the builtin recover.
func recovers(f *ast.FuncDecl) (found bool) {
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			id, ok := call.Fun.(*ast.Ident)
			found = found || ok && id.Name == "recover"
		}
		return !found
	})
	return found
}

// edit is text to put in place of a part of another.
type edit struct {
	from, to int // offsets
	text     string
}

// apply returns text with edits, which do not overlap.
func apply(text string, edits []edit) string {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b edit) int { return a.from - b.from })
	var b strings.Builder
	at := 0
	for _, e := range edits {
		b.WriteString(text[at:e.from])
		b.WriteString(e.text)
		at = e.to
	}
	b.WriteString(text[at:])
	return b.String()
}

// nameParameters returns the names of a list of parameters or of a receiver, and the
// edits that name the parameters that have none.
func (s *source) nameParameters(list *ast.FieldList, prefix string) (names []string, edits []edit) {
	if list == nil {
		return nil, nil
	}
	for _, field := range list.List {
		if len(field.Names) == 0 {
			name := fmt.Sprintf("%s%d", prefix, len(names)+1)
			at := s.offset(field.Type.Pos())
			names, edits = append(names, name), append(edits, edit{at, at, name + " "})
		}
		for _, id := range field.Names {
			name := id.Name
			if name == "_" {
				name = fmt.Sprintf("%s%d", prefix, len(names)+1)
				edits = append(edits, edit{s.offset(id.Pos()), s.offset(id.End()), name})
			}
			names = append(names, name)
		}
	}
	return names, edits
}
