package checker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
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
	if !utf8.Valid(text) {
		return errors.New("not UTF-8: save it as such")
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	if token, err := dec.Token(); err != nil || token != json.Delim('{') {
		return notJSON(err)
	}
	seen := make([]bool, len(o))
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return notJSON(err)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return notJSON(err)
		}
		i := slices.IndexFunc(o, func(f jsonField) bool { return f.name == name })
		if i < 0 && lenient {
			continue
		}
		if i < 0 {
			return fieldErrorf(fmt.Sprint(name), "unknown field: remove it; lines are described in docs/HISTORY.md")
		}
		if seen[i] {
			return fieldErrorf(o[i].name, "is there twice: remove one")
		}
		seen[i] = true
		if err := o[i].set(value); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return notJSON(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("has text after the object: give each its own line")
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

func (f jsonField) set(value json.RawMessage) error {
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
	default:
		return fieldErrorf(f.name, "%v: want a list of definitions, as docs/HISTORY.md has it", err)
	}
}

func notJSON(err error) error {
	if err == nil {
		err = errors.New("want an object, in braces")
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("not a JSON object, so the line is damaged or cut off: delete it, or mend it: %w", err)
}
