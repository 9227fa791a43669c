package history

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"

	"github.com/lockstep-dst/lockstep/checker/jsonobject"
)

// jsonFields lists the fields that a JSON object may have. It parses more
// strictly than encoding/json: names match exactly, no field comes twice, none
// is null, and numbers are not negative.
type jsonFields []jsonField

type jsonField struct {
	name     string
	target   any // pointer
	required bool
}

// parse reads text, which must be one object. An unknown field is an error
// unless lenient is set.
func (o jsonFields) parse(text []byte, lenient bool) error {
	if err := jsonobject.CheckLine(text); err != nil {
		return err
	}
	seen := make([]bool, len(o))
	if err := jsonobject.Each(text, func(name string, value []byte) error {
		i := slices.IndexFunc(o, func(f jsonField) bool { return f.name == name })
		switch {
		case i < 0 && lenient:
			return nil
		case i < 0:
			return fieldErrorf(name, "unknown field: remove it; lines are described in docs/HISTORY.md")
		case seen[i]:
			return fieldErrorf(name, "is there twice: remove one")
		}
		seen[i] = true
		return o[i].set(value)
	}); err != nil {
		return err
	}
	return o.checkRequired(seen)
}

func (o jsonFields) checkRequired(seen []bool) error {
	for i, f := range o {
		if f.required && !seen[i] {
			return fieldErrorf(f.name, "missing: add it")
		}
	}
	return nil
}

func (f jsonField) set(value []byte) error {
	dec := json.NewDecoder(bytes.NewReader(value))
	dec.DisallowUnknownFields()
	err := dec.Decode(f.target)
	if string(value) == "null" {
		err = errors.New("null")
	}
	if err == nil && value[0] == '-' {
		return fieldErrorf(f.name, "%s: negative: omit it if there is none", value)
	}
	if err == nil {
		return nil
	}
	switch f.target.(type) {
	case *int, *int64:
		return fieldErrorf(f.name, "%s: want a whole number, without quotes or fraction", value)
	case *string, *Kind, *Outcome, *Model:
		return fieldErrorf(f.name, "%s: want a text in double quotes", value)
	case *[]annotationJSON:
		return fieldErrorf(f.name, "%v: want a list of objects with from, to and text, as docs/HISTORY.md has it", err)
	default:
		return fieldErrorf(f.name, "%v: want a list of definitions, as docs/HISTORY.md has it", err)
	}
}
