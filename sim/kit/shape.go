package kit

import (
	"fmt"
	"reflect"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/sim/internal/memo"
)

// shape describes a type: how its values are hashed and written as text.
type shape struct {
	typ     reflect.Type
	name    string // in kebab case; empty for a type without a name
	hash    uint64 // of the type's name
	fields  []field
	elem    *shape // of a pointer, a slice or an array
	digests bool   // its values have a method Digest
	errs    bool   // its values are errors, and count with their text
	prints  bool   // its values have a method String
	fate    fate
}

// field is an exported field of a struct.
type field struct {
	index int
	name  string
	tag   string // fate tag
	shape *shape
}

type digester interface{ Digest() uint64 }

var (
	digesterType = reflect.TypeFor[digester]()
	errorType    = reflect.TypeFor[error]()
	stringerType = reflect.TypeFor[fmt.Stringer]()
)

// shapes has the shape of each type in use.
var shapes = memo.New(func(t reflect.Type) *shape {
	return (&describer{root: t, known: map[reflect.Type]*shape{}}).describe(t, "")
})

// describer makes the shape of a type, and of all types in it.
type describer struct {
	root  reflect.Type
	known map[reflect.Type]*shape // types may refer to themselves
}

// refuse panics: the type has a part that cannot be a part of a message or fact.
func (d *describer) refuse(path, reason string) {
	if path != "" {
		path = " field " + path + ":"
	}
	panic(fmt.Sprintf("kit: type %v:%s %s", d.root, path, reason))
}

// remedies are the reasons for which kinds of types are refused, with what to do.
var remedies = map[reflect.Kind]string{
	reflect.Map:           "is a map, which has no order: use a sorted slice of pairs",
	reflect.Float32:       "is a floating point number, which processors may round differently: use an integer in a smaller unit",
	reflect.Float64:       "is a floating point number, which processors may round differently: use an integer in a smaller unit",
	reflect.Complex64:     "is a complex number: use integers",
	reflect.Complex128:    "is a complex number: use integers",
	reflect.Chan:          "is a channel: a process gets all news as events",
	reflect.Func:          "is a function, which has no content to hash: use data",
	reflect.Uintptr:       "is an address, which differs from run to run: use a number of your own",
	reflect.UnsafePointer: "is an address, which differs from run to run: use a number of your own",
}

// describe returns the shape of t, which is found at path in the root.
func (d *describer) describe(t reflect.Type, path string) *shape {
	if s := d.known[t]; s != nil {
		return s
	}
	s := &shape{typ: t, name: kebab(t.Name()), hash: keyed.String(t.String()), prints: t.Implements(stringerType)}
	d.known[t] = s
	kind := t.Kind()
	switch {
	case kind == reflect.Interface: // its values tell
	case t.Implements(digesterType):
		s.digests = true
	case t.Implements(errorType):
		s.errs = true
	case remedies[kind] != "":
		d.refuse(path, remedies[kind])
	case kind == reflect.Pointer || kind == reflect.Slice || kind == reflect.Array:
		s.elem = d.describe(t.Elem(), path)
	case kind == reflect.Struct:
		d.describeFields(s, path)
	}
	if path == "" {
		s.fate = d.fateOf(s)
	}
	return s
}

func (d *describer) describeFields(s *shape, path string) {
	for i := range s.typ.NumField() {
		f := s.typ.Field(i)
		at := f.Name
		if path != "" {
			at = path + "." + f.Name
		}
		switch {
		case f.Name == "_":
			continue
		case !f.IsExported() && !(f.Anonymous && f.Type.Kind() == reflect.Struct && !f.Type.Implements(digesterType) && !f.Type.Implements(errorType)):
			d.refuse(at, fmt.Sprintf("is unexported, so it would be missing in the digest: export it, or give %v a method Digest() uint64", s.typ))
		}
		s.fields = append(s.fields, field{i, f.Name, f.Tag.Get("fate"), d.describe(f.Type, at)})
	}
}
