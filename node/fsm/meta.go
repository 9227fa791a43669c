package fsm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Definitions that users create are kept in machines: the machine
// "definition/NAME" goes once from Undefined to the text of the definition, and no
// transition leaves that state.
const (
	MetaName  = "definition"  // the name of MetaDefinition
	Undefined = "(undefined)" // its initial state
)

// MaxText is the longest text of a definition, in bytes.
const MaxText = 16 << 10

// MetaDefinition is the definition of the machines that hold definitions. Any text
// of a definition is one of their states.
func MetaDefinition() Definition {
	return OfTexts(MetaName, Undefined, isDefinition, func(from, to string) bool { return from == Undefined && isDefinition(to) })
}

// texts are the states of a definition that lists none but the initial one.
type texts struct {
	is      func(text string) bool
	follows func(from, to string) bool
}

// OfTexts returns a definition whose states are the initial one and all texts for which
// is reports true. A machine may step from one to another if follows reports so. Both
// must always report the same.
func OfTexts(name, initial string, is func(text string) bool, follows func(from, to string) bool) Definition {
	return Definition{Name: name, States: []string{initial}, Initial: initial, texts: &texts{is, follows}}
}

// membershipName is the name of the definition of the machine that holds the cluster's
// configuration: see package configuration.
const membershipName = "membership"

// IsBuiltIn reports whether a name is that of a definition for machines that the cluster uses
// itself: no user can have one of that name.
func IsBuiltIn(name string) bool { return name == MetaName || name == membershipName }

// Text is the canonical text of d: JSON without spaces, the fields in the order of
// the type. It returns an error if d is invalid or built in, or the text is longer
// than MaxText.
func (d *Definition) Text() (string, error) {
	if err := d.Validate(); err != nil {
		return "", err
	}
	if IsBuiltIn(d.Name) || d.Name == Lifecycle().Name {
		return "", d.errorf("the name is taken by a definition that is built in: choose another")
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(d); err != nil {
		return "", d.errorf("%w", err)
	}
	text := strings.TrimSuffix(b.String(), "\n")
	if len(text) > MaxText {
		return "", d.errorf("its text has %d bytes: want at most %d", len(text), MaxText)
	}
	return text, nil
}

// Parse parses a canonical text.
func Parse(text string) (Definition, error) {
	var d Definition
	if len(text) > MaxText {
		return d, fmt.Errorf("%w: text of %d bytes: want at most %d", ErrInvalid, len(text), MaxText)
	}
	j := json.NewDecoder(strings.NewReader(text))
	j.DisallowUnknownFields()
	if err := j.Decode(&d); err != nil {
		return d, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	canonical, err := d.Text()
	if err == nil && canonical != text {
		err = d.errorf("the text is not in canonical form")
	}
	return d, err
}

// isDefinition reports whether state is the text of a definition.
func isDefinition(state string) bool {
	_, err := Parse(state)
	return err == nil
}
