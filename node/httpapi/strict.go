package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// transitionFields lists the fields of a Transition.
var transitionFields = []string{"to", "operation", "first", "expect_version", "attempt", "base", "retry"}

// ReadTransition reads a body, strictly: what one reader might take for something else
// than another is refused.
func ReadTransition(body io.Reader) (Transition, error) {
	var t Transition
	text, err := io.ReadAll(body)
	if err != nil {
		return t, fmt.Errorf("body: %w", err)
	}
	if err := checkObject(text, transitionFields); err != nil {
		return t, fmt.Errorf("body: %w: want {\"to\":STATE,...}", err)
	}
	if err := json.Unmarshal(text, &t); err != nil {
		return t, fmt.Errorf("body: %w: want {\"to\":STATE,...}", ExplainJSON(err))
	}
	return t, nil
}

// ExplainJSON describes an error of package json about a wrong type without Go's names of
// types.
func ExplainJSON(err error) error {
	var wrong *json.UnmarshalTypeError
	switch {
	case !errors.As(err, &wrong):
		return err
	case wrong.Field == "":
		return fmt.Errorf("%s: want an object {...}", wrong.Value)
	}
	return fmt.Errorf("%s: %s is of the wrong type or out of range", wrong.Field, wrong.Value)
}

// Errors of checkObject without a field to name.
var (
	errNotUTF8   = errors.New("it is not UTF-8")
	errNotObject = errors.New("it is not an object")
	errMore      = errors.New("more than one value")
)

// checkObject refuses JSON that encoding/json accepts for a struct of plain values: a
// field that is unknown, given twice or written in other letters, null, an empty string,
// text that is not Unicode, and anything after the object.
func checkObject(text []byte, fields []string) error {
	if !utf8.Valid(text) {
		return errNotUTF8
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	begin, err := d.Token()
	if err != nil {
		return err
	}
	if begin != json.Delim('{') {
		return errNotObject
	}
	var given []string
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		field, _ := name.(string) // the decoder takes nothing else for a name
		if err := checkName(field, fields, given); err != nil {
			return err
		}
		given = append(given, field)
		value, err := d.Token()
		if err != nil {
			return err
		}
		if err := checkValue(field, value); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil { // the end of the object
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errMore
	}
	return nil
}

// checkName returns an error if a field is unknown, or was given before.
func checkName(field string, fields, given []string) error {
	if slices.Contains(given, field) {
		return fmt.Errorf("field %q given twice", field)
	}
	if slices.Contains(fields, field) {
		return nil
	}
	for _, known := range fields {
		if strings.EqualFold(field, known) {
			return fmt.Errorf("unknown field %.64q: write it %q", field, known)
		}
	}
	return fmt.Errorf("unknown field %.64q", field)
}

// checkValue returns an error if a value is no plain one. A value that is there says
// something: a client that has none leaves the field out.
func checkValue(field string, value json.Token) error {
	text, isText := value.(string)
	switch _, nested := value.(json.Delim); {
	case nested:
		return fmt.Errorf("%s: want a plain value", field)
	case value == nil:
		return fmt.Errorf("%s: null: give a value or leave the field out", field)
	case isText && text == "":
		return fmt.Errorf("%s: empty: give a value or leave the field out", field)
	case isText && strings.ContainsRune(text, utf8.RuneError): // half of a surrogate pair becomes one
		return fmt.Errorf("%s: it has a character that is not Unicode", field)
	}
	return nil
}
