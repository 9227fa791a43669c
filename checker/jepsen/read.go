package jepsen

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// Options are properties of a history that its file does not contain.
type Options struct {
	// Model of the history; empty is history.ModelCASRegister. Operations of
	// history.ModelKV have values [key value], as in jepsen.independent, or a
	// :key, and so have those of other models with several objects if Independent
	// is set. Operations of history.ModelMachine, :propose and :read, have values
	// [machine state]; keywords and strings stand for their plain names.
	Model history.Model
	// Definition of the machines, of history.ModelMachine only.
	Definition fsm.Definition
	// Initial is the value of each object before its first operation, in EDN; empty
	// is that of the model. See history.Grammar.
	Initial string
	// FailedIllegal makes an operation that failed, without :error, claim that it
	// was illegal, if it can be: of a :cas, that the register did not hold the
	// expected value. Otherwise it claims no more than any :fail, that it had no
	// effect; Knossos reads it like that.
	FailedIllegal bool
	Independent   bool // values are [key value]
	// NilReads makes a :read that ends with nil claim nothing, as in Knossos.
	// Otherwise it claims that the register was never written.
	NilReads bool
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

// Reading is a history that was read.
type Reading struct {
	History history.History // the actions of the nemesis are its annotations
	Skipped int             // lines of a log without an operation, and events of Jepsen's own, as :sleep
}

// Read reads a history. Errors about the contents wrap history.ErrFormat and list
// bad lines, see history.BadLines; it reads no further than to the twentieth. Read refuses files that are cut off, events that
// contradict each other, and whatever looks like an event and is none.
func Read(r io.Reader, o Options) (Reading, error) {
	if err := o.Validate(); err != nil {
		return Reading{}, err
	}
	if o.Model == "" {
		o.Model = history.ModelCASRegister
	}
	in := bufio.NewReaderSize(r, 64<<10)
	skipMark(in)
	syntax := ednSyntax
	if isJSON(in) {
		syntax = jsonSyntax
	}
	if err := o.readInitial(syntax); err != nil {
		return Reading{}, err
	}
	b := newBuilder(o)
	b.fast.syntax = syntax
	read := b.readLines
	switch {
	case syntax.json:
		read = b.readJSON
	case isVector(in):
		read = b.readVector
	}
	if err := read(in); err != nil {
		return Reading{}, fmt.Errorf("history: %w", err)
	}
	if b.bad.Full() {
		b.bad.Stop()
	}
	if err := b.bad.Err(); err != nil {
		return Reading{}, err
	}
	h := history.History{Model: o.Model, Initial: o.Initial, Operations: b.ops, Annotations: b.annotations}
	if o.Model == history.ModelMachine {
		h.Definitions = []fsm.Definition{o.Definition}
	}
	return Reading{h, b.skippedLines}, nil
}

// skipMark skips the byte order mark with which some programs begin a file.
func skipMark(in *bufio.Reader) {
	if start, _ := in.Peek(len(byteOrderMark)); string(start) == byteOrderMark {
		_, _ = in.Discard(len(byteOrderMark)) // it is there
	}
}

const byteOrderMark = "\ufeff"

// readInitial puts the initial value into canonical form. The keys of a map are texts if
// the file is of JSON, as its own are.
func (o *Options) readInitial(s syntax) error {
	if o.Initial != "" {
		p := parser{in: []byte(o.Initial)}
		v, err := p.next()
		if err == nil && !p.ended() || errors.Is(err, errTruncated) {
			err = errors.New("want one value, and all of it")
		}
		if err != nil {
			return fmt.Errorf("initial value %q is not EDN: %w", o.Initial, err)
		}
		for i := 0; s.json && v.kind == dict && i < len(v.items); i += 2 {
			v.items[i] = asText(v.items[i])
		}
		o.Initial = v.String()
	}
	g, _ := history.GrammarOf(o.Model)
	return g.CheckInitial(o.Initial)
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
