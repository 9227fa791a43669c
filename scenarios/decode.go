package scenarios

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/checker/jsonobject"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// ErrPlan is wrapped by every error about a plan.
var ErrPlan = errors.New("invalid plan")

// maxObjects bounds the objects of a plan that is read: empty ones take two bytes in a
// file, and some hundred in memory.
const maxObjects = 4 << 20

// Encode returns the text form of p: indented JSON with a final newline.
func Encode(p *Plan) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(withLists(p)); err != nil {
		panic(fmt.Sprintf("scenarios: a plan that does not encode: %v", err))
	}
	return b.Bytes()
}

// withLists returns p with empty lists in place of nil ones that JSON would write
// as null.
func withLists(p *Plan) *Plan {
	q := *p
	q.Operations = append([]Operation{}, p.Operations...)
	q.Definitions = append([]fsm.Definition{}, p.Definitions...)
	q.Competing = slices.Clone(p.Competing)
	for _, list := range [][]fsm.Definition{q.Definitions, q.Competing} {
		for i := range list {
			list[i].Transitions = append([]fsm.Transition{}, list[i].Transitions...)
		}
	}
	return &q
}

// Decode reads a plan in the text form of Encode, perhaps edited by hand. It
// refuses unknown fields, fields given twice, null, and plans that Validate
// refuses. The error names the path of the place, as in faults[2].at. An empty list
// is nil.
func Decode(data []byte) (*Plan, error) {
	if err := checkHead(data); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPlan, err)
	}
	if n := bytes.Count(data, []byte("{")); n > maxObjects {
		return nil, fmt.Errorf("%w: it has %d objects: want at most %d", ErrPlan, n, maxObjects)
	}
	p := new(Plan)
	if err := decode(data, reflect.ValueOf(p).Elem(), ""); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPlan, err)
	}
	p.update()
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return p, nil
}

// update converts a plan of an older version to this version.
func (p *Plan) update() {
	if p.Version >= 1 {
		p.Version = Version // a newer one was refused by checkHead
	}
	for i := range p.Faults {
		p.Faults[i].Kind = p.Faults[i].Kind.renamed()
	}
}

// checkHead checks the format and the version before anything else: the fields of a
// newer version would be reported as unknown.
func checkHead(data []byte) error {
	var head struct {
		Format  string
		Version int
	}
	var s *json.SyntaxError
	switch err := json.Unmarshal(data, &head); {
	case errors.As(err, &s):
		return syntaxError(data, s)
	case head.Format != Format:
		return fmt.Errorf("format is %q: want %q; is this a plan?", head.Format, Format)
	case head.Version > Version:
		return errVersion(head.Version)
	}
	return nil // the full decoding reports an error of another kind, with its path
}

func errVersion(v int) error {
	return fmt.Errorf("version: %d: this build reads versions 1 to %d; use a build that knows the plan's", v, Version)
}

// syntaxError adds the line number to an error of broken JSON.
func syntaxError(data []byte, s *json.SyntaxError) error {
	line := 1 + bytes.Count(data[:min(int(s.Offset), len(data))], []byte("\n"))
	return fmt.Errorf("line %d: not JSON: %w", line, s)
}

// decode fills v, of any type that plans consist of, from one JSON value, which must be
// valid.
func decode(data []byte, v reflect.Value, path string) error {
	if string(bytes.TrimSpace(data)) == "null" {
		return withPath(path, errors.New("null: give a value or leave the field out"))
	}
	if _, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return decodeLeaf(data, v, path)
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return decode(data, v.Elem(), path)
	case reflect.Struct:
		return decodeObject(data, v, path)
	case reflect.Slice:
		return decodeArray(data, v, path)
	}
	return decodeLeaf(data, v, path)
}

func decodeObject(data []byte, v reflect.Value, path string) error {
	if !jsonobject.Is(data) {
		return withPath(path, errors.New("want an object {...}"))
	}
	seen := map[int]bool{} // by index, since a field may have an earlier name
	return jsonobject.Each(data, func(name string, value []byte) error {
		place := joinPath(path, name)
		i, ok := fieldNamed(v.Type(), name)
		if !ok {
			return withPath(place, fmt.Errorf("unknown field; known are %s", strings.Join(fieldNames(v.Type()), ", ")))
		}
		if seen[i] {
			return withPath(place, errors.New("given twice"))
		}
		seen[i] = true
		return decode(value, v.Field(i), place)
	})
}

func decodeArray(data []byte, v reflect.Value, path string) error {
	var raws []json.RawMessage
	if err := json.Unmarshal(data, &raws); err != nil {
		return withPath(path, errors.New("want a list [...]"))
	}
	if len(raws) == 0 {
		return nil
	}
	v.Set(reflect.MakeSlice(v.Type(), len(raws), len(raws)))
	for i, raw := range raws {
		if err := decode(raw, v.Index(i), fmt.Sprintf("%s[%d]", path, i)); err != nil {
			return err
		}
	}
	return nil
}

func decodeLeaf(data []byte, v reflect.Value, path string) error {
	err := json.Unmarshal(data, v.Addr().Interface())
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		err = fmt.Errorf("%s: want %s", bytes.TrimSpace(data), describeKind(v))
	}
	if err != nil {
		return withPath(path, err)
	}
	return nil
}

// describeKind describes the JSON form of a leaf of v's type.
func describeKind(v reflect.Value) string {
	if _, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return "a string"
	}
	switch v.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fmt.Sprintf("a whole number from 0 to %d", ^uint64(0)>>(64-v.Type().Bits()))
	}
	return "a whole number"
}

// jsonName is the name of a field in JSON.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// fieldNamed returns the index of the field with a name in JSON, or with that name in
// an earlier version. encoding/json would accept names of any case; a plan has one
// spelling.
func fieldNamed(t reflect.Type, name string) (index int, found bool) {
	for i := range t.NumField() {
		if f := t.Field(i); jsonName(f) == name || f.Tag.Get("was") == name {
			return i, true
		}
	}
	return 0, false
}

func fieldNames(t reflect.Type) []string {
	names := make([]string, t.NumField())
	for i := range names {
		names[i] = jsonName(t.Field(i))
	}
	return names
}

func joinPath(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func withPath(path string, err error) error {
	if path == "" {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}
