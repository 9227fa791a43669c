package shrink

import (
	"encoding"
	"reflect"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// path leads to a value within a plan: the indices of fields and of elements, from
// the outside in. A pointer is followed without an index.
type path []int

// value is the value at that place of p.
func (at path) value(p *scenarios.Plan) reflect.Value {
	v := reflect.ValueOf(p).Elem()
	for _, i := range at {
		v = reflect.Indirect(v)
		if v.Kind() == reflect.Slice {
			v = v.Index(i)
		} else {
			v = v.Field(i)
		}
	}
	return v
}

// exists reports whether p has that place.
func (at path) exists(p *scenarios.Plan) bool {
	v := reflect.ValueOf(p).Elem()
	for _, i := range at {
		v = reflect.Indirect(v)
		if !v.IsValid() || v.Kind() == reflect.Slice && i >= v.Len() {
			return false
		}
		if v.Kind() == reflect.Slice {
			v = v.Index(i)
		} else {
			v = v.Field(i)
		}
	}
	return true
}

// topField is the name of the plan's field that contains a place.
func topField(at path) string { return reflect.TypeFor[scenarios.Plan]().Field(at[0]).Name }

// paths lists all places of p with a wanted value, outer ones first.
func paths(p *scenarios.Plan, wanted func(v reflect.Value) bool) []path {
	var found []path
	var walk func(v reflect.Value, at path)
	walk = func(v reflect.Value, at path) {
		if len(at) > 0 && wanted(v) {
			found = append(found, slices.Clone(at))
		}
		v = reflect.Indirect(v)
		if !v.IsValid() || opaque(v.Type()) {
			return
		}
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				walk(v.Field(i), append(at, i))
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i), append(at, i))
			}
		}
	}
	walk(reflect.ValueOf(p).Elem(), nil)
	return found
}

// opaque reports whether values of type t are kept whole: names, and definitions of
// machines, without which the operations would mean something else.
func opaque(t reflect.Type) bool {
	return t == reflect.TypeFor[fsm.Definition]() || reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// edit is a copy of p with a change at one place.
func edit(p *scenarios.Plan, at path, change func(v reflect.Value)) *scenarios.Plan {
	q := clone(p)
	change(at.value(q))
	return q
}

// clone is a copy of p that shares nothing with it but definitions, which are
// immutable. Empty lists become nil, as in Decode.
func clone(p *scenarios.Plan) *scenarios.Plan {
	q := *p
	deepCopy(reflect.ValueOf(&q).Elem())
	return &q
}

func deepCopy(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			inner := reflect.New(v.Type().Elem())
			inner.Elem().Set(v.Elem())
			v.Set(inner)
			deepCopy(inner.Elem())
		}
	case reflect.Slice:
		if v.Len() == 0 {
			v.SetZero()
		} else {
			own := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			reflect.Copy(own, v)
			v.Set(own)
		}
		for i := range v.Len() {
			deepCopy(v.Index(i))
		}
	case reflect.Struct:
		if opaque(v.Type()) {
			return
		}
		for i := range v.NumField() {
			deepCopy(v.Field(i))
		}
	}
}

// remap gives every process that v names another id, and removes processes without
// one from its lists. It reports whether v still makes sense: it names no removed
// process, and no list of it has become empty.
func remap(v reflect.Value, to func(sim.ID) (sim.ID, bool)) (sound bool) {
	switch x := v.Addr().Interface().(type) {
	case *sim.ID:
		*x, sound = to(*x)
		return sound
	case *netmodel.Link:
		var from, end bool
		x.From, from = to(x.From)
		x.To, end = to(x.To)
		return from && end && x.From != x.To
	case *sim.Address:
		return remap(v.FieldByName("Link"), to)
	case *fsm.Definition:
		return true
	}
	sound = true
	switch v.Kind() {
	case reflect.Pointer:
		return v.IsNil() || remap(v.Elem(), to)
	case reflect.Struct:
		for i := range v.NumField() {
			sound = remap(v.Field(i), to) && sound
		}
	case reflect.Slice:
		return remapList(v, to)
	}
	return sound
}

func remapList(v reflect.Value, to func(sim.ID) (sim.ID, bool)) (sound bool) {
	n := 0
	for i := range v.Len() {
		if e := v.Index(i); remap(e, to) && !contains(v.Slice(0, n), e) {
			v.Index(n).Set(e)
			n++
		}
	}
	sound = n > 0 || v.Len() == 0
	if v.SetLen(n); n == 0 {
		v.SetZero()
	}
	return sound
}

// contains reports whether list has x already, a process or a link.
func contains(list, x reflect.Value) bool {
	switch x.Interface().(type) {
	case sim.ID, netmodel.Link:
		for i := range list.Len() {
			if list.Index(i).Interface() == x.Interface() {
				return true
			}
		}
	}
	return false
}
