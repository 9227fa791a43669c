package checker

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// Format and version of the file, as its header says.
const (
	formatName    = "lockstep-history"
	formatVersion = 1
)

type header struct {
	Format      string           `json:"format"`
	Version     int64            `json:"version"`
	Definitions []fsm.Definition `json:"definitions"`
}

// line is an operation as written. Pointers tell 0 from absent.
type line struct {
	Client   int     `json:"client"`
	ID       string  `json:"id"`
	Machine  string  `json:"machine"`
	Kind     Kind    `json:"kind"`
	Argument string  `json:"argument,omitempty"`
	Call     int64   `json:"call"`
	Return   *int64  `json:"return,omitempty"`
	Outcome  Outcome `json:"outcome"`
	Reason   string  `json:"reason,omitempty"`
	State    string  `json:"state,omitempty"`
	Version  *int64  `json:"version,omitempty"`
}

// Write writes h to w: a header, then a line for each operation in order of
// call. If Read would refuse h, Write still writes all of it (a history is
// evidence), and returns the reason, wrapping ErrFormat. Errors of w end it.
func Write(w io.Writer, h History) error {
	buffered := bufio.NewWriter(w)
	enc := json.NewEncoder(buffered)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(header{formatName, formatVersion, append([]fsm.Definition{}, h.Definitions...)}); err != nil {
		return err
	}
	ops := slices.Clone(h.Operations)
	slices.SortStableFunc(ops, func(x, y Operation) int { return cmp.Compare(x.Call, y.Call) })
	for i := range ops {
		if err := enc.Encode(ops[i].line()); err != nil {
			return err
		}
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	return validate(h.Definitions, ops)
}

func (op *Operation) line() line {
	l := line{
		Client: op.Client, ID: op.ID, Machine: op.Machine, Kind: op.Kind, Argument: op.Argument,
		Call: op.Call, Outcome: op.Outcome, Reason: op.Reason, State: op.State,
	}
	if op.Return != NoReturn {
		l.Return = &op.Return
	}
	if op.Version != NoVersion {
		l.Version = &op.Version
	}
	return l
}

// validate is what Read would say of these operations, line by line.
func validate(definitions []fsm.Definition, ops []Operation) error {
	v, f := newValidator(definitions)
	if f != nil {
		return formatError(1, f)
	}
	for i := range ops {
		if f := v.add(&ops[i]); f != nil {
			return formatError(v.line, f)
		}
	}
	return nil
}

func formatError(line int, err error) error {
	return fmt.Errorf("%w: line %d: %w", ErrFormat, line, err)
}
