package report

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// Limits of the fields that are shown of a process.
const (
	maxDepth  = 6
	maxFields = 400
	maxText   = 200
)

// fieldsOf returns the fields of a process by path, for systems that show no state: those
// that are not zero. It looks at them by reflection and calls none of their methods, so it
// changes nothing.
func fieldsOf(p sim.Process) map[string]string {
	f := fields{values: map[string]string{}, visiting: map[uintptr]bool{}}
	f.add("", reflect.ValueOf(p), 0)
	return f.values
}

// fields are the fields of a process.
type fields struct {
	values   map[string]string
	visiting map[uintptr]bool // pointers on the way to the current value: no circle is followed
}

// add adds a value, or the values that it consists of.
func (f *fields) add(path string, v reflect.Value, depth int) {
	if len(f.values) >= maxFields {
		return
	}
	switch v.Kind() {
	case reflect.Invalid, reflect.Func, reflect.Chan, reflect.UnsafePointer, reflect.Uintptr:
		return
	case reflect.Pointer, reflect.Interface:
		f.addTarget(path, v, depth)
	case reflect.Struct:
		f.addStruct(path, v, depth)
	case reflect.Map:
		f.addMap(path, v, depth)
	case reflect.Slice, reflect.Array:
		f.addList(path, v, depth)
	default:
		if !v.IsZero() {
			f.set(path, scalar(v))
		}
	}
}

// isMachinery reports whether a type is part of how a program works, and not of the state
// of a protocol: locks, loggers, descriptions of types; and the plan, which is the same for
// all processes.
func isMachinery(t reflect.Type) bool {
	switch root, _, _ := strings.Cut(t.PkgPath(), "/"); root {
	case "sync", "log", "reflect", "internal", "runtime", "context", "bufio", "io", "os":
		return true
	}
	return t == reflect.TypeFor[scenarios.Plan]() || strings.HasPrefix(t.PkgPath(), "google.golang.org/protobuf/")
}

func (f *fields) set(path, value string) {
	if r := []rune(value); len(r) > maxText {
		value = string(r[:maxText]) + " ..."
	}
	f.values[path] = value
}

// scalar is the text of a value without parts.
func scalar(v reflect.Value) string {
	switch {
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10)
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10)
	case v.CanFloat():
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case v.Kind() == reflect.Bool:
		return strconv.FormatBool(v.Bool())
	}
	return v.String()
}

// addTarget adds the target of a pointer or an interface.
func (f *fields) addTarget(path string, v reflect.Value, depth int) {
	if v.IsNil() {
		return
	}
	if v.Kind() == reflect.Pointer {
		if f.visiting[v.Pointer()] {
			return
		}
		f.visiting[v.Pointer()] = true
		defer delete(f.visiting, v.Pointer())
	}
	f.add(path, v.Elem(), depth)
}

func (f *fields) addStruct(path string, v reflect.Value, depth int) {
	if depth == maxDepth || isMachinery(v.Type()) {
		return
	}
	for i := range v.NumField() {
		f.add(join(path, v.Type().Field(i).Name), v.Field(i), depth+1)
	}
}

// addMap adds a map in the order of the texts of its keys.
func (f *fields) addMap(path string, v reflect.Value, depth int) {
	if depth == maxDepth {
		return
	}
	type entry struct {
		name  string
		value reflect.Value
	}
	var entries []entry
	for it := v.MapRange(); it.Next(); {
		entries = append(entries, entry{keyText(it.Key()), it.Value()})
	}
	slices.SortFunc(entries, func(a, b entry) int { return compareNames(a.name, b.name) })
	for _, e := range entries {
		if e.value.IsZero() && len(f.values) < maxFields { // that it is there tells something
			f.set(join(path, e.name), zeroText(e.value))
			continue
		}
		f.add(join(path, e.name), e.value, depth+1)
	}
}

// zeroText is the text of a zero value of a map.
func zeroText(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Struct, reflect.Array, reflect.Slice, reflect.Map, reflect.Pointer, reflect.Interface, reflect.Func, reflect.Chan:
		return ""
	}
	return scalar(v)
}

// addList adds a list, or bytes as text.
func (f *fields) addList(path string, v reflect.Value, depth int) {
	if v.Type().Elem().Kind() == reflect.Uint8 && v.Kind() == reflect.Slice {
		if v.Len() == 0 {
			return
		}
		f.set(path, strconv.Quote(string(v.Bytes()[:min(v.Len(), maxText)])))
		return
	}
	if depth == maxDepth {
		return
	}
	for i := range v.Len() {
		f.add(join(path, strconv.Itoa(i)), v.Index(i), depth+1)
	}
}

// keyText is the text of a key of a map.
func keyText(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Struct, reflect.Array, reflect.Pointer, reflect.Interface:
		part := fields{values: map[string]string{}, visiting: map[uintptr]bool{}}
		part.add("", v, 0)
		return fmt.Sprint(part.values) // fmt sorts the keys
	}
	return scalar(v)
}

// compareNames orders numbers by value, and other names as texts.
func compareNames(a, b string) int {
	m, errA := strconv.ParseInt(a, 10, 64)
	n, errB := strconv.ParseInt(b, 10, 64)
	switch {
	case errA == nil && errB == nil && m < n:
		return -1
	case errA == nil && errB == nil && m > n:
		return 1
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// join is the path of a part.
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "/" + name
}
