package jepsen

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// Options are properties of a history that its file does not contain.
type Options struct {
	// Model of the history; empty is history.ModelCASRegister. Operations of
	// history.ModelKV have values [key value], as in jepsen.independent, and so
	// have those of other models with several objects if Independent is set.
	// Operations of history.ModelMachine, :propose and :read, have values
	// [machine state]; keywords and strings stand for their plain names.
	Model history.Model
	// Definition of the machines, of checker.ModelMachine only.
	Definition fsm.Definition
	// FailedIllegal makes an operation that failed, without :error, claim that it
	// was illegal, if it can be: of a :cas, that the register did not hold the
	// expected value. Otherwise it claims no more than any :fail, that it had no
	// effect; Knossos reads it like that.
	FailedIllegal bool
	Independent   bool // values are [key value]
}

// Validate returns an error if o is inconsistent.
func (o *Options) Validate() error {
	g, known := history.GrammarOf(o.Model)
	switch {
	case o.Model == history.ModelMachine:
		return o.Definition.Validate()
	case o.Model != "" && !known:
		return fmt.Errorf("unknown model %q", o.Model)
	case o.Independent && (o.Model == "" || g.Single):
		return fmt.Errorf("model %s is one object, so values have no keys: for registers with keys the model is %s", cmp.Or(o.Model, history.ModelCASRegister), history.ModelKV)
	}
	return nil
}

// Read reads a history and the annotations of its nemesis. Errors about the
// contents wrap checker.ErrFormat and list up to twenty bad lines. Read refuses
// files that are cut off and events that contradict each other.
func Read(r io.Reader, o Options) (history.History, []history.Annotation, error) {
	if err := o.Validate(); err != nil {
		return history.History{}, nil, err
	}
	if o.Model == "" {
		o.Model = history.ModelCASRegister
	}
	b := newBuilder(o)
	in := bufio.NewReaderSize(r, 64<<10)
	read := b.readLines
	if isVector(in) {
		read = b.readVector
	}
	if err := read(in); err != nil {
		return history.History{}, nil, fmt.Errorf("history: %w", err)
	}
	if err := b.bad.Err(); err != nil {
		return history.History{}, nil, err
	}
	h := history.History{Model: o.Model, Operations: b.ops}
	if o.Model == history.ModelMachine {
		h.Definitions = []fsm.Definition{o.Definition}
	}
	return h, b.annotations, nil
}

// isVector reports whether in begins with a vector of maps, and not with a log
// with lines that begin with a bracket.
func isVector(in *bufio.Reader) bool {
	start, _ := in.Peek(4096)
	p := parser{in: start}
	if p.ended() || start[p.at] != '[' && start[p.at] != '(' {
		return false
	}
	p.at++
	return p.ended() || bytes.IndexByte([]byte("{#])"), start[p.at]) >= 0
}

func (b *builder) readVector(in *bufio.Reader) error {
	all, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	if !utf8.Valid(all) {
		b.bad.Add(1+bytes.Count(validPrefix(all), []byte("\n")), errUTF8)
		return nil
	}
	p := parser{in: all}
	p.skip()
	p.at++
	b.line = 1
	for counted := 0; ; {
		ended := p.ended()
		b.line += bytes.Count(all[counted:p.at], []byte("\n"))
		counted = p.at
		if !ended && (all[p.at] == ']' || all[p.at] == ')') {
			p.at++
			if !p.ended() {
				b.bad.Add(b.line, errors.New("has text after the vector: remove it"))
			}
			return nil
		}
		v, err := p.next()
		if err != nil {
			b.bad.Add(b.line, fmt.Errorf("not EDN: correct it: %w; what follows was not read", err))
			return nil
		}
		e, err := parseEvent(v)
		b.addEvent(e, err)
	}
}

// validPrefix returns the longest prefix of text that is valid UTF-8.
func validPrefix(text []byte) []byte {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return text[:i]
		}
		i += size
	}
	return text
}

func (b *builder) readLines(in *bufio.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), history.MaxLine)
	lines.Split(history.ScanWholeLines)
	found := false
	var p parser
	for lines.Scan() {
		b.line++
		text := lines.Bytes()
		whole := text[len(text)-1] == '\n'
		if !whole && lines.Err() != nil {
			break
		}
		e, event, err := p.parseLine(text, whole)
		found = found || event
		if event {
			b.addEvent(e, err)
		}
	}
	err := lines.Err()
	switch {
	case errors.Is(err, bufio.ErrTooLong):
		b.bad.Add(b.line+1, fmt.Errorf("longer than %d bytes, so this is no history by lines; what follows was not read", history.MaxLine))
		return nil
	case err == nil && !found:
		b.bad.Add(max(b.line, 1), errors.New("the file ends, and there was no operation in it: "+
			"want maps as in {:process 0, :type :invoke, :f :read, :value nil}, or a log with lines as in 0 :invoke :read nil"))
	}
	return err
}

// parseLine parses a map or a line of a log. A line of a log must be whole: if
// it is cut off, the rest may look like another event.
func (p *parser) parseLine(line []byte, whole bool) (e event, found bool, err error) {
	text := bytes.TrimSpace(line)
	if len(text) == 0 || text[0] == ';' {
		return e, false, nil
	}
	cut := "does not end in a newline, so the file was cut off: delete the line, or end it if it is whole"
	if text[0] != '{' && text[0] != '#' {
		e, found, err = p.parseLogLine(text)
		if found && !whole {
			err = errors.New(cut)
		}
		return e, found, err
	}
	if !utf8.Valid(text) {
		return e, true, errUTF8
	}
	p.reset(text)
	v, err := p.next()
	switch {
	case errors.Is(err, errTruncated) && !whole:
		return e, true, errors.New(cut)
	case err != nil:
		return e, true, fmt.Errorf("not EDN, or not all on this line: delete it, or correct it: %w", err)
	case !p.ended():
		return e, true, errors.New("has text after the map: give each its own line")
	}
	e, err = parseEvent(v)
	return e, true, err
}
