package lockstep_test

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/lockstep-dst/lockstep"

// pureStandard lists the standard packages that pure packages may import. They are
// functions of their arguments, except for the names in impure.
var pureStandard = fields(`
	bufio bytes cmp container/heap container/list crypto/sha256 crypto/sha512 crypto/subtle
	embed encoding encoding/base64 encoding/binary encoding/hex encoding/json errors fmt hash hash/crc32 hash/crc64 hash/fnv
	io iter maps math/big math/bits net/url reflect slices sort strconv strings text/tabwriter time unicode unicode/utf16 unicode/utf8`)

// impure lists the names of pureStandard that pure packages may not use, with the
// reason.
var impure = perName(map[string]string{
	"time.Now time.Since time.Until":                                                            "it reads the machine's clock; time comes in with events",
	"time.Sleep time.After time.Tick time.NewTimer time.NewTicker time.AfterFunc":               "it waits for the machine's clock; time comes in with events",
	"time.Local time.LoadLocation (time.Time).Local":                                            "it depends on the machine's settings",
	"fmt.Print fmt.Printf fmt.Println fmt.Scan fmt.Scanf fmt.Scanln":                            "it does I/O",
	"maps.Keys maps.Values maps.All":                                                            "its order is random; use slices.Sorted(maps.Keys(m))",
	"(reflect.Value).MapKeys (reflect.Value).MapRange (reflect.Value).Seq (reflect.Value).Seq2": "its order is random",
	"reflect.Select reflect.MakeChan":                                                           "it hides channels",
})

// sharedReadOnly lists package-level tables that functions take by address and only
// read.
var sharedReadOnly = fields("netmodel.exponentialTable netmodel.heavyTable")

// violation is a place that breaks a rule.
type violation struct {
	at        token.Position
	what, why string
}

func (v violation) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", v.at.Filename, v.at.Line, v.what, v.why)
}

// imports checks the imports of a file in dir against its layer.
func (s *typeChecker) imports(dir string, l layer, f *ast.File) (found []violation) {
	for _, spec := range f.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		ours, inModule := strings.CutPrefix(path, module+"/")
		first, _, _ := strings.Cut(path, "/")
		why := ""
		switch {
		case inModule:
			if !slices.Contains(l.internal, ours) && !slices.Contains(l.internal, "...") {
				why = fmt.Sprintf("layers allows %s no such import; see docs/ARCHITECTURE.md", dir)
			}
		case strings.Contains(first, "."):
			if !slices.Contains(l.external, path) {
				why = fmt.Sprintf("layers allows %s no such import from another module", dir)
			}
		case l.pure && !slices.Contains(pureStandard, path):
			why = fmt.Sprintf("%s is pure, and this is not in pureStandard", dir)
		}
		if why != "" {
			found = append(found, violation{s.fset.Position(spec.Pos()), "imports " + path, why})
		}
	}
	return found
}

// purity finds the code that keeps a package from being a function of its input:
// clocks, concurrency, random order, floating point, variables that outlive a call.
func (s *typeChecker) purity(c *checkedPackage) (found []violation) {
	seen := map[violation]bool{}
	add := func(n ast.Node, what, why string) {
		at := s.fset.Position(n.Pos())
		v := violation{token.Position{Filename: at.Filename, Line: at.Line}, what, why}
		if !seen[v] {
			seen[v] = true
			found = append(found, v)
		}
	}
	for _, err := range c.errors {
		found = append(found, violation{s.fset.Position(err.Pos), "does not type-check", err.Msg})
	}
	for _, f := range c.files {
		sorted := map[*ast.Ident]bool{} // function names in calls whose result slices.Sorted takes
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				add(n, "go statement", "the order of goroutines is not ours")
			case *ast.SelectStmt:
				add(n, "select statement", "its choice is random")
			case *ast.RangeStmt:
				if isMap(c.info.TypeOf(n.X)) {
					add(n, "range over a map", "its order is random; range over slices.Sorted(maps.Keys(m)), or keep a slice")
				}
				c.reportWrites(add, n.Key, n.Value)
			case *ast.CallExpr:
				if fun := c.objectOf(n.Fun); fun != nil && qualifiedName(fun) == "slices.Sorted" {
					if inner, ok := n.Args[0].(*ast.CallExpr); ok {
						sorted[ident(inner.Fun)] = true
					}
				}
				c.reportMutatingCall(add, n)
			case *ast.AssignStmt:
				if n.Tok != token.DEFINE {
					c.reportWrites(add, n.Lhs...)
				}
			case *ast.IncDecStmt:
				c.reportWrites(add, n.X)
			case *ast.UnaryExpr:
				if v := c.globalVar(n.X); n.Op == token.AND && v != nil && !slices.Contains(sharedReadOnly, qualifiedName(v)) {
					add(n, "takes the address of package-level variable "+v.Name(), "it could be changed there; if it is not, list it in sharedReadOnly")
				}
			case *ast.Ident:
				if o := c.info.Uses[n]; o != nil && !sorted[n] && impure[qualifiedName(o)] != "" {
					add(n, "uses "+qualifiedName(o), impure[qualifiedName(o)])
				}
			}
			if e, ok := n.(ast.Expr); ok {
				if t := c.info.TypeOf(e); anyType(t, isFloat) {
					add(e, "floating point", "results differ between processors; use integers")
				} else if anyType(t, isChan) {
					add(e, "channel", "what is said on it comes in an order that is not ours")
				}
			}
			return true
		})
	}
	return found
}

// reportWrites reports the places that belong to package-level variables.
func (c *checkedPackage) reportWrites(add func(ast.Node, string, string), places ...ast.Expr) {
	for _, p := range places {
		if v := c.globalVar(p); v != nil {
			add(p, "changes package-level variable "+v.Name(), "all worlds share it, so it must keep its first value")
		}
	}
}

// reportMutatingCall reports a call that changes a package-level variable: by a
// builtin, or by a method with a pointer receiver.
func (c *checkedPackage) reportMutatingCall(add func(ast.Node, string, string), call *ast.CallExpr) {
	if o, ok := c.objectOf(call.Fun).(*types.Builtin); ok {
		switch o.Name() {
		case "delete", "clear", "copy":
			c.reportWrites(add, call.Args[0])
		case "print", "println":
			add(call, "uses "+o.Name(), "it does I/O")
		}
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return
	}
	if m := c.info.Selections[sel]; m != nil && m.Kind() == types.MethodVal {
		if recv := m.Obj().(*types.Func).Signature().Recv(); recv != nil && isPointer(recv.Type()) && !isPointer(m.Recv()) {
			c.reportWrites(add, sel.X)
		}
	}
}

// globalVar returns the package-level variable that e is a part of, or nil.
func (c *checkedPackage) globalVar(e ast.Expr) *types.Var {
	for {
		if v, ok := c.objectOf(e).(*types.Var); ok && !v.IsField() {
			if v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
				return v
			}
			return nil
		}
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// objectOf returns the object that e names, or nil.
func (c *checkedPackage) objectOf(e ast.Expr) types.Object { return c.info.Uses[ident(e)] }

// ident returns the identifier in e, which may be qualified, or nil.
func ident(e ast.Expr) *ast.Ident {
	switch x := e.(type) {
	case *ast.Ident:
		return x
	case *ast.SelectorExpr:
		return x.Sel
	}
	return nil
}

// qualifiedName returns the name of o, spelt as in impure.
func qualifiedName(o types.Object) string {
	if f, ok := o.(*types.Func); ok {
		return f.Origin().FullName()
	}
	if o.Pkg() == nil {
		return o.Name()
	}
	return strings.TrimPrefix(o.Pkg().Path(), module+"/") + "." + o.Name()
}

// isMap reports whether t is a map, or a type parameter that may be one.
func isMap(t types.Type) bool {
	if t == nil {
		return false
	}
	switch u := t.Underlying().(type) {
	case *types.Map:
		return true
	case *types.Interface:
		for i := range u.NumEmbeddeds() {
			switch e := types.Unalias(u.EmbeddedType(i)).(type) {
			case *types.Union:
				for j := range e.Len() {
					if isMap(e.Term(j).Type()) {
						return true
					}
				}
			default:
				if isMap(e) {
					return true
				}
			}
		}
	}
	return false
}

// anyType reports whether t satisfies is, or one of its types if t is a tuple of
// results.
func anyType(t types.Type, is func(types.Type) bool) bool {
	if results, ok := t.(*types.Tuple); ok {
		for v := range results.Variables() {
			if is(v.Type()) {
				return true
			}
		}
		return false
	}
	return t != nil && is(t)
}

func isFloat(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&(types.IsFloat|types.IsComplex) != 0
}

func isChan(t types.Type) bool {
	_, ok := t.Underlying().(*types.Chan)
	return ok
}

func isPointer(t types.Type) bool {
	_, ok := t.Underlying().(*types.Pointer)
	return ok
}

// typeChecker type-checks packages from source alone, this module's and the standard
// library's, so that the result cannot be stale.
type typeChecker struct {
	fset       *token.FileSet
	build      build.Context
	cache      map[string]*checkedPackage
	signatures bool // skip the bodies of all functions
}

// checkedPackage is a type-checked package.
type checkedPackage struct {
	pkg          *types.Package
	files        []*ast.File
	info         *types.Info
	errors       []types.Error
	ignoredFiles []string // files that are not built on this platform
}

func newTypeChecker() *typeChecker {
	s := &typeChecker{fset: token.NewFileSet(), build: build.Default, cache: map[string]*checkedPackage{}}
	s.build.CgoEnabled = false
	return s
}

// Import implements types.Importer. A package of a third module comes from the
// module cache. It is empty if the cache does not have it.
func (s *typeChecker) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	dir := filepath.Join(s.build.GOROOT, "src", path)
	if ours, ok := strings.CutPrefix(path, module+"/"); ok {
		dir = ours
	} else if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") {
		dir = filepath.Join(s.build.GOROOT, "src", "vendor", path)
		if cached, ok := moduleDir(path); ok {
			dir = cached
		}
		if _, err := os.Stat(dir); err != nil {
			p := types.NewPackage(path, filepath.Base(path))
			p.MarkComplete()
			return p, nil
		}
	}
	c, err := s.load(path, dir)
	if err != nil {
		return nil, err
	}
	return c.pkg, nil
}

// moduleDir returns the directory of a package in the module cache, if go.mod
// requires its module.
func moduleDir(path string) (string, bool) {
	gomod, err := os.ReadFile("go.mod")
	if err != nil {
		return "", false
	}
	cache := os.Getenv("GOMODCACHE")
	if cache == "" {
		cache = filepath.Join(build.Default.GOPATH, "pkg", "mod")
	}
	for line := range strings.Lines(string(gomod)) {
		f := fields(strings.TrimPrefix(line, "require "))
		if len(f) < 2 {
			continue
		}
		if rest, ok := strings.CutPrefix(path+"/", f[0]+"/"); ok {
			return filepath.Join(cache, f[0]+"@"+f[1], rest), true
		}
	}
	return "", false
}

func (s *typeChecker) load(path, dir string) (*checkedPackage, error) {
	if c := s.cache[path]; c != nil {
		return c, nil
	}
	found, err := s.build.ImportDir(dir, 0)
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	for _, name := range found.GoFiles {
		f, err := parser.ParseFile(s.fset, filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	c := s.check(path, files...)
	c.ignoredFiles = slices.DeleteFunc(slices.Concat(found.IgnoredGoFiles, found.IgnoredOtherFiles, found.SFiles),
		func(name string) bool { return strings.HasSuffix(name, "_test.go") })
	s.cache[path] = c
	return c, nil
}

// check type-checks a package. For packages of other modules, and of all if only
// signatures are wanted, it skips function bodies.
func (s *typeChecker) check(path string, files ...*ast.File) *checkedPackage {
	c := &checkedPackage{files: files, info: &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{},
		Selections: map[*ast.SelectorExpr]*types.Selection{},
	}}
	conf := types.Config{
		Importer:         s,
		IgnoreFuncBodies: s.signatures || path != "planted" && path != module && !strings.HasPrefix(path, module+"/"),
		Error:            func(err error) { c.errors = append(c.errors, err.(types.Error)) },
	}
	c.pkg, _ = conf.Check(path, s.fset, files, c.info)
	return c
}

// walkPackages visits the directories with Go files that are not tests.
func walkPackages(tree fs.FS, visit func(dir string)) error {
	return fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if base := d.Name(); path != "." && (base[0] == '.' || base[0] == '_' || base == "testdata") {
			return fs.SkipDir
		}
		if _, err := fs.Stat(tree, pathIn(path, "go.mod")); path != "." && err == nil {
			return fs.SkipDir // a module of its own
		}
		files, err := fs.Glob(tree, pathIn(path, "*.go"))
		if slices.ContainsFunc(files, func(f string) bool { return !strings.HasSuffix(f, "_test.go") }) {
			visit(path)
		}
		return err
	})
}

// pathIn returns a pattern of fs.Glob below dir.
func pathIn(dir, pattern string) string {
	if dir == "." {
		return pattern
	}
	return dir + "/" + pattern
}

// goFiles lists the Go files of dir that are not tests, for all platforms.
func goFiles(t *testing.T, dir string) []string {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	return slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, "_test.go") })
}

func fields(s string) []string { return strings.Fields(s) }

// perName expands a table from lists of names to reasons into one from each name to
// its reason.
func perName(grouped map[string]string) map[string]string {
	each := map[string]string{}
	for names, why := range grouped {
		for _, n := range fields(names) {
			each[n] = why
		}
	}
	return each
}
