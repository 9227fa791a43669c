package fieldtest

import (
	"reflect"
)

// Unset returns the paths of the places that are zero in all samples, by the name
// of the type of the samples, which are pointers to structs. Types without
// samples are not in the result.
func Unset[T any](w Walker, samples []T) map[string][]string {
	byType := map[reflect.Type][]reflect.Value{}
	for _, s := range samples {
		v := reflect.ValueOf(s).Elem()
		byType[v.Type()] = append(byType[v.Type()], v)
	}
	unset := map[string][]string{}
	for typ, values := range byType {
		set := map[string]bool{}
		for _, v := range values {
			w.mark(v, typ.Name(), set)
		}
		for _, p := range w.Places(typ) {
			if !set[p.Path] {
				unset[typ.Name()] = append(unset[typ.Name()], p.Path)
			}
		}
	}
	return unset
}

// mark notes the places below v that are not zero, under the paths of walk. Every
// element of a slice counts as the second.
func (w Walker) mark(v reflect.Value, path string, set map[string]bool) {
	if v.IsZero() {
		return
	}
	switch {
	case w.fill(reflect.New(v.Type()).Elem()):
		set[path] = true
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			w.mark(v.Field(i), path+"."+v.Type().Field(i).Name, set)
		}
	case v.Kind() == reflect.Pointer:
		set[path] = true
		w.mark(v.Elem(), path, set)
	case v.Kind() == reflect.Slice:
		set[path] = true
		for i := range v.Len() {
			w.mark(v.Index(i), path+"[1]", set)
		}
	}
}
