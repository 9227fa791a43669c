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
	return Definition{Name: MetaName, States: []string{Undefined}, Initial: Undefined}
}

// Text is the canonical text of d: JSON without spaces, the fields in the order of
// the type. It returns an error if d is invalid or built in, or the text is longer
// than MaxText.
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
