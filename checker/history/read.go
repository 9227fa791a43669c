package history

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// Read reads a history in the format of Write. It is strict: it refuses a
// history that is truncated, that contradicts itself, or that has a field which
// is unknown, missing or repeated. Such an error wraps ErrFormat and names
// lines, fields and remedies. If the header is bad the error is about it alone;
// otherwise it lists bad lines, see BadLines, and reads no further than to the
// twentieth. More has the grammars of models
// that are not known here.
func Read(r io.Reader, more ...Grammar) (History, error) {
	return ReadOn(1, serially, r, more...)
}

// Header is the first line of a history.
type Header struct {
	Version     int64 // of the format
	Model       Model
	Definitions []fsm.Definition // of ModelMachine only
	Initial     string           // from version 3 on
	Annotations []Annotation     // from version 4 on
}

// Reader reads a history operation by operation. It keeps only the id of each
// operation and the last operation of each client, to check later ones.
type Reader struct {
	Header Header
	lines  lineReader
	fast   scanner
	valid  *validator
}

// NewReader reads the header and returns a Reader of the operations. More is as
// for Read.
func NewReader(r io.Reader, more ...Grammar) (*Reader, error) {
	in := &Reader{lines: newLineReader(r)}
	text, err := in.lines.next()
	if err == io.EOF {
		return nil, formatError(1, errors.New("the file is empty: the first line must be the header"))
	}
	if err != nil {
		return nil, err
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // a byte order mark
	if in.Header, err = parseHeader(text, more); err != nil {
		return nil, formatError(1, err)
	}
	g, _ := findGrammar(in.Header.Model, more)
	v, f := newValidator(g.WithInitial(in.Header.Initial), in.Header.Definitions)
	if f != nil {
		return nil, formatError(1, f)
	}
	in.valid = v
	in.fast = scanner{required: requiredOf(in.Header.Version, g.Named)}
	return in, nil
}

// Next returns the next operation; io.EOF after the last. An error that wraps
// ErrFormat is about one line, which counts as absent: Next may be called
// again, for the lines after it.
func (in *Reader) Next() (Operation, error) {
	text, err := in.lines.next()
	if err != nil {
		return Operation{}, err
	}
	op, err := in.parse(text, &in.fast, in.lines.number)
	if err == nil {
		err = in.check(&op, in.lines.number)
	}
	if err != nil {
		return Operation{}, err
	}
	return op, nil
}

// parse parses a line, if possible with fast.
func (in *Reader) parse(text []byte, fast *scanner, line int) (Operation, error) {
	op := Operation{Return: NoReturn, Version: NoVersion}
	if fast.parse(text, &op) {
		return op, nil
	}
	op, err := parseOperation(text, in.Header.Version, in.valid.grammar.Named)
	if err != nil {
		return Operation{}, formatError(line, err)
	}
	return op, nil
}

// check checks the operation of a line against the ones before it.
func (in *Reader) check(op *Operation, line int) error {
	in.valid.line = line
	if f := in.valid.add(op); f != nil {
		return formatError(line, f)
	}
	return nil
}

// parseHeader checks format and version first, because a newer version may have
// fields that are unknown here.
func parseHeader(text []byte, more []Grammar) (Header, error) {
	var format string
	var h Header
	var annotations []annotationJSON
	known := jsonFields{
		{"format", &format, true}, {"version", &h.Version, true},
		{"definitions", &h.Definitions, true}, {"model", &h.Model, true}, {"initial", &h.Initial, false},
		{"annotations", &annotations, false},
	}
	err := known[:2].parse(text, true)
	switch {
	case err != nil:
		return h, fmt.Errorf("header: %w", err)
	case format != formatName:
		return h, fieldErrorf("format", "%q: this is not a history: want %q", format, formatName)
	case h.Version > formatVersion:
		return h, fieldErrorf("version", "%d is newer than %d, the newest known here: use a newer lockstep", h.Version, formatVersion)
	case h.Version < 1:
		return h, fieldErrorf("version", "%d: versions begin at 1", h.Version)
	case h.Version == 1: // has machines only
		h.Model = ModelMachine
		return h, known[:3].parse(text, false)
	}
	switch h.Version {
	case 2:
		known = known[:4]
	case 3:
		known = known[:5]
	}
	known[2].required = false // depends on the model
	if err := known.parse(text, false); err != nil {
		return h, err
	}
	g, found := findGrammar(h.Model, more)
	switch {
	case !found || h.Model == "":
		return h, unknownModel(h.Model, more)
	case h.Model == ModelMachine && h.Definitions == nil:
		return h, fieldErrorf("definitions", "missing: add it")
	}
	if h.Annotations, err = annotationsOf(annotations); err != nil {
		return h, err
	}
	return h, g.CheckInitial(h.Initial)
}

// findGrammar returns the grammar of a model among those known here and more.
func findGrammar(m Model, more []Grammar) (Grammar, bool) {
	if i := slices.IndexFunc(more, func(g Grammar) bool { return g.Name == m }); i >= 0 {
		return more[i], true
	}
	return GrammarOf(m)
}

func unknownModel(m Model, more []Grammar) *fieldError {
	return fieldErrorf("model", "%q is none of %s", m, modelNames(append(Grammars(), more...)))
}

// parseOperation is the strict parser of operations. It is slow and reports the
// reason of an error.
func parseOperation(text []byte, version int64, named bool) (Operation, error) {
	op := Operation{Return: NoReturn, Version: NoVersion}
	fields := jsonFields{
		{"client", &op.Client, true}, {"id", &op.ID, true}, {"machine", &op.Machine, named}, {"kind", &op.Kind, true},
		{"argument", &op.Argument, false}, {"call", &op.Call, true}, {"return", &op.Return, false},
		{"outcome", &op.Outcome, true}, {"reason", &op.Reason, false}, {"state", &op.State, false},
		{"version", &op.Version, false}, {"expected", &op.Expected, false},
	}
	if version == 1 {
		fields = fields[:len(fields)-1]
	}
	return op, fields.parse(text, false)
}

// chunks gathers operations without repeated copying.
type chunks struct {
	full   [][]Operation
	last   []Operation
	expect func() int // the number of operations in all, as far as one can tell after a chunk; nil: there is no telling
}

const chunk = 4096

func (c *chunks) add(op Operation) {
	if len(c.last) == cap(c.last) {
		c.grow()
	}
	c.last = append(c.last, op)
}

// grow makes room: for all operations that are expected, once there is a chunk of them, so
// that a large history is never in memory twice.
func (c *chunks) grow() {
	if len(c.last) > 0 {
		c.full = append(c.full, c.last)
	}
	if cap(c.last) < chunk || c.expect == nil {
		c.last = make([]Operation, 0, min(chunk, 2*cap(c.last)+16))
		return
	}
	sofar := slices.Concat(c.full...)
	c.last = append(make([]Operation, 0, max(c.expect(), 2*len(sofar))), sofar...)
	c.full, c.expect = nil, nil
}

func (c *chunks) join() []Operation {
	if len(c.full) == 0 {
		return c.last
	}
	return slices.Concat(append(c.full, c.last)...)
}
