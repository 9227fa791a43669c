package guarantee

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/lockstep-dst/lockstep/checker/jsonobject"
)

// observationJSON is an observation as written. Pointers distinguish 0 from
// absent.
type observationJSON struct {
	Kind      Kind   `json:"observe"`
	Source    string `json:"source"`
	Time      int64  `json:"time"`
	Machine   string `json:"machine,omitempty"`
	First     int64  `json:"first,omitempty"`
	Version   *int64 `json:"version,omitempty"`
	From      string `json:"from,omitempty"`
	State     string `json:"state,omitempty"`
	Operation string `json:"operation,omitempty"`
}

// AppendLine appends o as one line of JSON, including its newline. It also
// writes an observation that ParseLine would refuse: it is evidence.
func AppendLine(b []byte, o Observation) []byte {
	l := observationJSON{o.Kind, o.Source, o.Time, o.Machine, o.First, &o.Version, o.From, o.State, o.Operation}
	if o.Kind == Resume || o.Kind == End {
		l.Version = nil
	}
	buffer := bytes.NewBuffer(b)
	enc := json.NewEncoder(buffer)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(l); err != nil {
		panic("guarantee: numbers and texts cannot be encoded: " + err.Error())
	}
	return buffer.Bytes()
}

// fields are the names that a line may have, see Observation.field.
var fields = [...]string{"observe", "source", "time", "machine", "first", "version", "from", "state", "operation"}

// ParseLine parses one line, with or without its newline. It is strict: it
// refuses a field that is unknown, repeated, null, missing or out of place. The
// error names the field and the remedy and wraps ErrObservation.
func ParseLine(text []byte) (Observation, error) {
	var o Observation
	if err := jsonobject.CheckLine(text); err != nil {
		return o, fmt.Errorf("%w: %w", ErrObservation, err)
	}
	var seen [len(fields)]bool
	if err := jsonobject.Each(text, func(name string, value []byte) error {
		i := slices.Index(fields[:], name)
		if i < 0 {
			return fieldErrorf(name, "unknown field: remove it; lines are described in docs/GUARANTEES.md")
		}
		if seen[i] {
			return fieldErrorf(name, "is there twice: remove one")
		}
		seen[i] = true
		return o.set(name, value)
	}); err != nil {
		return o, err
	}
	return o, o.complete(func(name string) bool { return seen[slices.Index(fields[:], name)] })
}

// set sets a field of o, which must exist, to a value.
func (o *Observation) set(name string, value []byte) error {
	text, number := o.field(name)
	if number != nil {
		n, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil {
			return fieldErrorf(name, "%s: want a whole number, without quotes or fraction", value)
		}
		*number = n
		return nil
	}
	if len(value) < 3 || value[0] != '"' {
		return fieldErrorf(name, "%s: want a text in double quotes, not empty", value)
	}
	*text = jsonobject.Text(value)
	return nil
}

// field returns the address of a field of o: one of text and number.
func (o *Observation) field(name string) (text *string, number *int64) {
	switch name {
	case "observe":
		return (*string)(&o.Kind), nil
	case "source":
		return &o.Source, nil
	case "time":
		return nil, &o.Time
	case "machine":
		return &o.Machine, nil
	case "first":
		return nil, &o.First
	case "version":
		return nil, &o.Version
	case "from":
		return &o.From, nil
	case "state":
		return &o.State, nil
	default:
		return &o.Operation, nil
	}
}

// complete returns an error for numbers that are missing or out of place, which
// the zero value cannot show, and the error of Validate.
func (o *Observation) complete(seen func(field string) bool) error {
	versioned := o.Kind != Resume && o.Kind != End
	if err := o.Validate(); err != nil && seen("observe") {
		return err
	}
	switch {
	case !seen("observe"):
		return fieldErrorf("observe", "missing: add it")
	case !seen("time"):
		return fieldErrorf("time", "missing: add it")
	case versioned && !seen("version"):
		return fieldErrorf("version", "missing: add it")
	case !versioned && seen("version"):
		return fieldErrorf("version", "%d: %s has none: remove it", o.Version, o.Kind)
	case o.Kind != Gap && seen("first"):
		return fieldErrorf("first", "%d: only a gap has one: remove it", o.First)
	}
	return nil
}
