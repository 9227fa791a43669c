package history

import (
	"bufio"
	"cmp"
	"encoding/json"
	"io"
	"slices"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// Name of the format and its newest version, as in the header.
const (
	formatName    = "lockstep-history"
	formatVersion = 4
)

// header is the first line as written, in the oldest version that has its
// fields: version 1 has ModelMachine only, version 2 no initial states, and version 3
// no annotations.
type header struct {
	Format      string           `json:"format"`
	Version     int64            `json:"version"`
	Model       Model            `json:"model,omitempty"`
	Definitions []fsm.Definition `json:"definitions,omitzero"`
	Initial     string           `json:"initial,omitempty"`
	Annotations []Annotation     `json:"annotations,omitempty"`
}

func headerOf(h History) header {
	model, definitions, machines := h.Model, h.Definitions, h.Model == ModelMachine || h.Model == ""
	if machines {
		model, definitions = ModelMachine, append([]fsm.Definition{}, h.Definitions...)
	}
	version := int64(2)
	switch {
	case len(h.Annotations) > 0:
		version = 4
	case machines:
		model, version = "", 1
	case h.Initial != "":
		version = 3
	}
	return header{formatName, version, model, definitions, h.Initial, h.Annotations}
}

// operationJSON is an operation as written. Pointers distinguish empty from
// absent.
type operationJSON struct {
	Client   int     `json:"client"`
	ID       string  `json:"id"`
	Machine  *string `json:"machine,omitempty"`
	Kind     Kind    `json:"kind"`
	Argument string  `json:"argument,omitempty"`
	Expected string  `json:"expected,omitempty"`
	Call     int64   `json:"call"`
	Return   *int64  `json:"return,omitempty"`
	Outcome  Outcome `json:"outcome"`
	Reason   string  `json:"reason,omitempty"`
	State    string  `json:"state,omitempty"`
	Version  *int64  `json:"version,omitempty"`
}

// Write writes h to w: a header, then a line for each operation in order of
// call. If Read would refuse h, Write still writes all of it, because a history
// is evidence, and returns the reason, which wraps ErrFormat. It stops at the
// first error of w. More has the grammars of models that are not known here.
func Write(w io.Writer, h History, more ...Grammar) error {
	g, known := findGrammar(h.Model, more)
	buffered := bufio.NewWriter(w)
	enc := json.NewEncoder(buffered)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(headerOf(h)); err != nil {
		return err
	}
	ops := slices.Clone(h.Operations)
	slices.SortStableFunc(ops, func(x, y Operation) int { return cmp.Compare(x.Call, y.Call) })
	for i := range ops {
		if err := enc.Encode(ops[i].toJSON(&g)); err != nil {
			return err
		}
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	if !known {
		return formatError(1, unknownModel(h.Model, more))
	}
	if err := g.CheckInitial(h.Initial); err != nil {
		return formatError(1, err)
	}
	return validate(g.WithInitial(h.Initial), h.Definitions, ops)
}

func (op *Operation) toJSON(g *Grammar) operationJSON {
	l := operationJSON{
		Client: op.Client, ID: op.ID, Kind: op.Kind, Argument: op.Argument, Expected: op.Expected,
		Call: op.Call, Outcome: op.Outcome, Reason: op.Reason, State: op.State,
	}
	if g.Named || op.Machine != "" {
		l.Machine = &op.Machine
	}
	if op.Return != NoReturn {
		l.Return = &op.Return
	}
	if op.Version != NoVersion {
		l.Version = &op.Version
	}
	return l
}

// validate returns Read's error about the first of these operations that it
// refuses.
func validate(g Grammar, definitions []fsm.Definition, ops []Operation) error {
	v, f := newValidator(g, definitions)
	if f != nil {
		return formatError(1, f)
	}
	for i := range ops {
		v.line++
		if f := v.add(&ops[i]); f != nil {
			return formatError(v.line, f)
		}
	}
	return nil
}
