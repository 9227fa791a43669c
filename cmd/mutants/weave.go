package main

import (
	"errors"
	"fmt"
	"go/ast"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// selector is the environment variable with the number of the mutant that a woven
// program is; 0 is the original. A woven program without it panics.
const selector = "LOCKSTEP_MUTANT"

// selectorFile is the name of the file, in each package with woven functions, of the
// variable with that number.
const selectorFile = "mutant_selected.go"

// selectorText is that file, but for its package clause. The variable is set when the
// package is initialised, before any function that reads it can run.
const selectorText = `
import (
	"os"
	"strconv"
)

var mutantSelected = func() int {
	n, err := strconv.Atoi(os.Getenv("` + selector + `"))
	if err != nil {
		panic("` + selector + `: " + err.Error())
	}
	return n
}()
`

// weaving is many mutants in one program. Each function that a mutant changes stands
// beside the original, under the name that copyName gives, and the original begins
// with a switch that calls it if its mutant is selected.
type weaving struct {
	root    string
	numbers map[*mutant]int // of the woven mutants, from 1
	apart   map[*mutant]string
	files   map[string]*wovenFile // by path from the root
	added   map[string]bool       // functions that mutants have added, by package and name
}

// wovenFile is a file in which functions have been woven.
type wovenFile struct {
	original *source
	cases    map[string]string // of the switch, by function
	order    []string          // the functions, in the order in which they were first woven
	copies   strings.Builder
}

// weave puts all mutants that allow it into one program. apart has the reason for
// each of the others, which needs a build of its own; those that it names from the
// start stay there. An error is about the tree.
func weave(root string, all []*mutant, apart map[*mutant]string) (*weaving, error) {
	w := &weaving{root: root, numbers: map[*mutant]int{}, apart: apart, files: map[string]*wovenFile{}, added: map[string]bool{}}
	for i, m := range all {
		if apart[m] != "" {
			continue
		}
		changes, err := w.changes(m)
		if why := errApart(""); errors.As(err, &why) {
			apart[m] = string(why)
			continue
		}
		if err != nil {
			return nil, err
		}
		w.numbers[m] = i + 1
		for _, file := range sortedKeys(changes) {
			w.file(file, changes[file].original).add(i+1, changes[file])
		}
	}
	return w, nil
}

// changes returns the changes of a mutant, by file.
func (w *weaving) changes(m *mutant) (map[string]*change, error) {
	changed, err := m.apply(w.root)
	if err != nil {
		return nil, err
	}
	all := map[string]*change{}
	var added []string
	for file, text := range changed {
		if !strings.HasSuffix(file, ".go") {
			return nil, errApart(file + " is not a Go file")
		}
		before, err := os.ReadFile(filepath.Join(w.root, file))
		if err != nil {
			return nil, err
		}
		original, err := parseSource(file, string(before))
		if err != nil {
			return nil, fmt.Errorf("the tree: %w", err)
		}
		mutated, err := parseSource(file, text)
		if err != nil {
			return nil, errApart("it does not parse")
		}
		c, err := compare(original, mutated)
		if err != nil {
			return nil, err
		}
		for _, f := range c.added {
			added = append(added, path.Dir(file)+"."+f.Name.Name)
		}
		all[file] = c
	}
	if slices.ContainsFunc(added, func(name string) bool { return w.added[name] }) {
		return nil, errApart("it adds a function that another mutant adds as well")
	}
	for _, name := range added {
		w.added[name] = true
	}
	return all, nil
}

func (w *weaving) file(name string, original *source) *wovenFile {
	f := w.files[name]
	if f == nil {
		f = &wovenFile{original: original, cases: map[string]string{}}
		w.files[name] = f
	}
	return f
}

// copyName is the name of the function that mutant number has in place of name.
func copyName(number int, name string) string { return fmt.Sprintf("mutant%d_%s", number, name) }

// add weaves one change in.
func (f *wovenFile) add(number int, c *change) {
	after, _ := c.mutated.functions()
	for _, name := range c.bodies {
		is := after[name]
		if f.cases[name] == "" {
			f.order = append(f.order, name)
		}
		f.cases[name] += f.call(number, name)
		text := c.mutated.slice(is.Pos(), is.Name.Pos()) + copyName(number, is.Name.Name) + c.mutated.slice(is.Name.End(), is.End())
		f.addCopy(number, c.mutated.line(is.Pos()), text)
	}
	for _, is := range c.added {
		f.addCopy(number, c.mutated.line(is.Pos()), c.mutated.slice(is.Pos(), is.End()))
	}
}

// addCopy adds the text of a function to the end of the file. The compiler takes it
// for a line of a file that mutantOf knows, and keeps it a function by itself, so that
// the linker's table tells whether a program contains it.
func (f *wovenFile) addCopy(number, line int, text string) {
	fmt.Fprintf(&f.copies, "\n//line mutant%d.txt:%d\n//go:noinline\n%s\n", number, line-1, text)
}

// call is the case of the switch that calls a mutant's copy of a function.
func (f *wovenFile) call(number int, name string) string {
	byName, _ := f.original.functions()
	is := byName[name]
	receiver, _ := f.original.nameParameters(is.Recv, "mutantReceiver")
	arguments, _ := f.original.nameParameters(is.Type.Params, "mutantArgument")
	called := copyName(number, is.Name.Name)
	if len(receiver) > 0 {
		called = receiver[0] + "." + called
	}
	if types, _ := f.original.nameParameters(is.Type.TypeParams, ""); len(types) > 0 {
		called += "[" + strings.Join(types, ", ") + "]"
	}
	called += "(" + strings.Join(arguments, ", ")
	if isVariadic(is) {
		called += "..."
	}
	called += ")"
	if is.Type.Results == nil {
		return fmt.Sprintf(" case %d: %s; return;", number, called)
	}
	return fmt.Sprintf(" case %d: return %s;", number, called)
}

func isVariadic(f *ast.FuncDecl) bool {
	list := f.Type.Params.List
	if len(list) == 0 {
		return false
	}
	_, ok := list[len(list)-1].Type.(*ast.Ellipsis)
	return ok
}

// text is the file with its functions woven in. Its own lines keep their numbers.
func (f *wovenFile) text() string {
	byName, _ := f.original.functions()
	var edits []edit
	for _, name := range f.order {
		is := byName[name]
		_, receiver := f.original.nameParameters(is.Recv, "mutantReceiver")
		_, arguments := f.original.nameParameters(is.Type.Params, "mutantArgument")
		begin := f.original.offset(is.Body.Lbrace) + 1
		edits = slices.Concat(edits, receiver, arguments,
			[]edit{{begin, begin, " switch mutantSelected {" + f.cases[name] + " };"}})
	}
	return apply(f.original.text, edits) + f.copies.String()
}

// texts are the files of the overlay, by path from the root.
func (w *weaving) texts() map[string]string {
	all := map[string]string{}
	for name, f := range w.files {
		all[name] = f.text()
		all[path.Join(path.Dir(name), selectorFile)] = "package " + f.original.file.Name.Name + "\n" + selectorText
	}
	return all
}
