package netmodel

import (
	"fmt"
	"time"
)

// Duration is a span of virtual time, or a point in it counted from the start
// of a run, in nanoseconds. Its text form is that of time.Duration ("1.5ms")
// and exact in both directions.
type Duration int64

// Units of Duration.
const (
	Nanosecond  Duration = 1
	Microsecond          = 1000 * Nanosecond
	Millisecond          = 1000 * Microsecond
	Second               = 1000 * Millisecond
	Minute               = 60 * Second
)

// String returns the text form, as in "1.5ms".
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It accepts the texts that
// time.ParseDuration accepts.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("duration %q: want a number with a unit, as in \"1.5ms\"", text)
	}
	*d = Duration(v)
	return nil
}
