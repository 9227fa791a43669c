// Package fieldtest sets the fields of a type one by one by reflection. A test
// sees so which fields an encoder, a decoder or a hash leaves out.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package fieldtest

import (
	"fmt"
	"reflect"
)

// Walker enumerates the places of a type: its fields, the fields of these, and so
// on through structs, pointers and slices. The zero Walker knows Go's basic
// types.
type Walker struct {
	// Fill, if not nil, sets a place to a value that is neither zero nor the one
	// in the test's sample, and reports whether it knows the type of the place.
	// It is called first.
	Fill func(place reflect.Value) bool
	// Prepare, if not nil, changes a struct to a state in which the named field
	// may be set.
	Prepare func(owner reflect.Value, field string)
}

// Place is one place of a type.
type Place struct {
	Path string // as in Value.Recent[1].ID
	set  func(reflect.Value)
}

// Set fills the place in *to, a value of the type in which the place was found.
// It allocates the pointers and slices on the way.
func (p Place) Set(to any) { p.set(reflect.ValueOf(to).Elem()) }

// Places returns the places of a type, in the order of its fields. Unexported fields are
// none: nothing encodes them. A slice has
// the places of its second element. Bytes are one place. A pointer or slice is also a
// place by itself, with nothing in it but zeros. Places panics on a type that neither the Walker nor Fill can
// fill.
func (w Walker) Places(typ reflect.Type) []Place {
	var all []Place
	w.walk(typ, typ.Name(), func(v reflect.Value) reflect.Value { return v }, &all)
	return all
}

// walk adds the places below typ; find leads from a value of the root type to the
// value of typ.
func (w Walker) walk(typ reflect.Type, path string, find func(reflect.Value) reflect.Value, all *[]Place) {
	whole := reflect.New(typ).Elem()
	switch {
	case w.fill(whole):
		*all = append(*all, Place{path, func(v reflect.Value) { w.fill(find(v)) }})
	case typ.Kind() == reflect.Struct:
		for i := range typ.NumField() {
			name := typ.Field(i).Name
			if !typ.Field(i).IsExported() {
				continue
			}
			w.walk(typ.Field(i).Type, path+"."+name, func(v reflect.Value) reflect.Value {
				owner := find(v)
				if w.Prepare != nil {
					w.Prepare(owner, name)
				}
				return owner.Field(i)
			}, all)
		}
	case typ.Kind() == reflect.Pointer:
		w.walk(typ.Elem(), path, func(v reflect.Value) reflect.Value {
			p := find(v)
			if p.IsNil() {
				p.Set(reflect.New(typ.Elem()))
			}
			return p.Elem()
		}, all)
		*all = append(*all, Place{path, func(v reflect.Value) { find(v).Set(reflect.New(typ.Elem())) }})
	case typ.Kind() == reflect.Slice:
		w.walk(typ.Elem(), path+"[1]", func(v reflect.Value) reflect.Value {
			list := find(v)
			if list.Len() == 0 {
				list.Set(reflect.MakeSlice(typ, 2, 2))
			}
			return list.Index(1)
		}, all)
		*all = append(*all, Place{path, func(v reflect.Value) { find(v).Set(reflect.MakeSlice(typ, 2, 2)) }})
	default:
		panic(fmt.Sprintf("fieldtest: %s: add how a %v is filled", path, typ))
	}
}

// fill sets a place, and reports false if its type consists of further places.
func (w Walker) fill(place reflect.Value) bool {
	if w.Fill != nil && w.Fill(place) {
		return true
	}
	switch {
	case place.Kind() == reflect.Bool:
		place.SetBool(true)
	case place.Kind() == reflect.String:
		place.SetString("filled")
	case place.CanUint():
		place.SetUint(4)
	case place.CanInt():
		place.SetInt(4)
	case bytes(place.Type()):
		if place.Kind() == reflect.Slice {
			place.Set(reflect.MakeSlice(place.Type(), 2, 2))
		}
		place.Index(0).SetUint(4)
	default:
		return false
	}
	return true
}

func bytes(t reflect.Type) bool {
	return (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) && t.Elem().Kind() == reflect.Uint8
}
