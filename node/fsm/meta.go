package fsm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Definitions that users create are kept like any other machine: the machine
// "definition/NAME" goes from Undefined to the text of the definition, once, and
// nothing leaves that state.
const (
	MetaName  = "definition"  // the name of the definition of definitions
	Undefined = "(undefined)" // its initial state
)

// MaxText is the longest text of a definition, in bytes.
const MaxText = 16 << 10

// MetaDefinition is the definition of the machines that hold definitions.
func MetaDefinition() Definition {
	return Definition{Name: MetaName, States: []string{Undefined}, Initial: Undefined}
}

// Text is the canonical text of a definition: JSON, without spaces, the fields
// in the order of the type. The error says what is wrong with it or that it is
// too long.
func (d *Definition) Text() (string, error) {
	if err := d.Validate(); err != nil {
		return "", err
	}
	if d.Name == MetaName || d.Name == Lifecycle().Name {
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

// Parse reads a canonical text.
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

// isDefinition reports whether a state of a Meta machine is a definition.
func isDefinition(state string) bool {
	_, err := Parse(state)
	return err == nil
}
