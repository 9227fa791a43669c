package lockstep_test

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/types"
	"slices"
	"strings"
)

// apiText renders exported API as text, a line for each symbol, field and method, and
// collects the named types of this module that it meets on the way.
//
// A line has no names of parameters, which may change, and of a typed integer no
// value: enumerations grow in their middle.
type apiText struct {
	pkg     *types.Package // the package that is rendered
	lines   []string
	reached map[*types.TypeName]bool
}

// packageAPI returns the sorted lines of the exported API of a package.
func packageAPI(pkg *types.Package, reached map[*types.TypeName]bool) []string {
	a := &apiText{pkg: pkg, reached: reached}
	for _, name := range pkg.Scope().Names() {
		if ast.IsExported(name) {
			a.object(pkg.Scope().Lookup(name))
		}
	}
	slices.Sort(a.lines)
	return a.lines
}

// typeAPI returns the sorted lines of one type.
func typeAPI(t *types.TypeName, reached map[*types.TypeName]bool) []string {
	a := &apiText{pkg: t.Pkg(), reached: reached}
	a.object(t)
	slices.Sort(a.lines)
	return a.lines
}

func (a *apiText) add(format string, args ...any) {
	a.lines = append(a.lines, fmt.Sprintf(format, args...))
}

func (a *apiText) object(o types.Object) {
	switch o := o.(type) {
	case *types.Const:
		a.constant(o)
	case *types.Var:
		a.add("var %s %s", o.Name(), a.text(o.Type()))
	case *types.Func:
		a.add("func %s%s", o.Name(), a.signature(o.Signature()))
	case *types.TypeName:
		if o.IsAlias() {
			a.add("type %s = %s", o.Name(), a.text(types.Unalias(o.Type())))
			return
		}
		a.defined(o)
	}
}

func (a *apiText) constant(c *types.Const) {
	_, named := c.Type().(*types.Named)
	if named && c.Val().Kind() == constant.Int {
		a.add("const %s %s", c.Name(), a.text(c.Type()))
		return
	}
	a.add("const %s %s = %s", c.Name(), a.text(c.Type()), c.Val().ExactString())
}

// defined adds a type that is not an alias, with its fields and methods.
func (a *apiText) defined(o *types.TypeName) {
	t := o.Type().(*types.Named)
	params := a.typeParams(t.TypeParams())
	switch u := t.Underlying().(type) {
	case *types.Struct:
		a.add("type %s%s struct", o.Name(), params)
		a.fields(o.Name(), u)
	case *types.Interface:
		a.interfaceType(o.Name(), params, u)
		return
	default:
		a.add("type %s%s %s", o.Name(), params, a.text(u))
	}
	a.methods(t)
}

// fields adds the exported fields of a struct, and those that an unexported embedded
// struct lends it.
func (a *apiText) fields(name string, s *types.Struct) {
	for f := range s.Fields() {
		inner, isStruct := f.Type().Underlying().(*types.Struct)
		switch {
		case f.Embedded() && !f.Exported() && isStruct:
			a.fields(name, inner)
		case f.Embedded() && f.Exported():
			a.add("type %s struct, embedded %s", name, a.text(f.Type()))
		case f.Exported():
			a.add("type %s struct, %s %s", name, f.Name(), a.text(f.Type()))
		}
	}
}

func (a *apiText) interfaceType(name, params string, t *types.Interface) {
	if !t.IsMethodSet() { // a constraint
		a.add("type %s%s %s", name, params, a.text(t))
		return
	}
	a.add("type %s%s interface", name, params)
	for m := range t.Methods() {
		if m.Exported() {
			a.add("type %s interface, %s%s", name, m.Name(), a.signature(m.Signature()))
		} else {
			a.add("type %s interface, unexported methods", name)
		}
	}
}

// methods adds the exported methods of a type, except those that an exported embedded
// type lends it.
func (a *apiText) methods(t *types.Named) {
	byValue := types.NewMethodSet(t)
	for m := range types.NewMethodSet(types.NewPointer(t)).Methods() {
		if !m.Obj().Exported() || lentByExported(t, m.Index()) {
			continue
		}
		star := "*"
		if byValue.Lookup(a.pkg, m.Obj().Name()) != nil {
			star = ""
		}
		a.add("method (%s%s) %s%s", star, t.Obj().Name(), m.Obj().Name(), a.signature(m.Type().(*types.Signature)))
	}
}

// lentByExported reports whether the path of a selection leads through an exported
// embedded field.
func lentByExported(t types.Type, path []int) bool {
	for _, i := range path[:len(path)-1] {
		if p, ok := t.Underlying().(*types.Pointer); ok {
			t = p.Elem()
		}
		f := t.Underlying().(*types.Struct).Field(i)
		if f.Exported() {
			return true
		}
		t = f.Type()
	}
	return false
}

// signature returns the text of a function's type, without "func".
func (a *apiText) signature(s *types.Signature) string {
	bare := a.bare(s).(*types.Signature)
	text := strings.TrimPrefix(types.TypeString(bare, a.qualifier), "func")
	return a.typeParams(s.TypeParams()) + text
}

func (a *apiText) typeParams(list *types.TypeParamList) string {
	if list.Len() == 0 {
		return ""
	}
	var each []string
	for p := range list.TypeParams() {
		each = append(each, p.Obj().Name()+" "+a.text(p.Constraint()))
	}
	return "[" + strings.Join(each, ", ") + "]"
}

func (a *apiText) text(t types.Type) string { return types.TypeString(a.bare(t), a.qualifier) }

// qualifier names the packages of other types.
func (a *apiText) qualifier(p *types.Package) string {
	if p == a.pkg {
		return ""
	}
	return p.Name()
}

// bare returns a type without the names of parameters, and notes the named types in it.
func (a *apiText) bare(t types.Type) types.Type {
	switch t := t.(type) {
	case *types.Alias:
		a.note(t.Obj())
		a.bare(t.Rhs())
		return t
	case *types.Named:
		a.note(t.Obj())
		for arg := range t.TypeArgs().Types() {
			a.bare(arg)
		}
		return t
	case *types.Pointer:
		return types.NewPointer(a.bare(t.Elem()))
	case *types.Slice:
		return types.NewSlice(a.bare(t.Elem()))
	case *types.Array:
		return types.NewArray(a.bare(t.Elem()), t.Len())
	case *types.Map:
		return types.NewMap(a.bare(t.Key()), a.bare(t.Elem()))
	case *types.Chan:
		return types.NewChan(t.Dir(), a.bare(t.Elem()))
	case *types.Signature:
		return types.NewSignatureType(nil, nil, nil, a.bareTuple(t.Params()), a.bareTuple(t.Results()), t.Variadic())
	}
	return t
}

func (a *apiText) bareTuple(t *types.Tuple) *types.Tuple {
	var vars []*types.Var
	for v := range t.Variables() {
		vars = append(vars, types.NewParam(v.Pos(), nil, "", a.bare(v.Type())))
	}
	return types.NewTuple(vars...)
}

func (a *apiText) note(o *types.TypeName) {
	if o.Pkg() != nil && strings.HasPrefix(o.Pkg().Path(), module+"/") {
		a.reached[o] = true
	}
}
