// Package workload has workloads of common objects: registers, a key-value store,
// locks, counters, queues, sets and lists. A system under test has one of them, or a
// workload of a model of its own, as System.Workload:
//
//	scenarios.System{Name: "mykv", Workload: workload.KV(), New: ...}
//
// The kinds of operations are texts such as "acquire", constants of package history
// (history.KindAcquire); docs/HISTORY.md lists those of each model, what each takes, and
// which can be rejected as illegal.
//
// Each is a sequential model, by which histories are judged, and the choices of what
// clients request. The grammar of the model says which kinds of operations there are,
// and what argument each has, so that Of makes a workload of any model with a grammar.
package workload

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/checker/model"
	"github.com/lockstep-dst/lockstep/scenarios"
)

// Workload is the workload of a model. It implements scenarios.Workload.
type Workload struct {
	model *model.Model
	ready bool // the model is that of package model, by its name

	// kind chooses the kind of an operation that may change its object; nil: each of
	// them as often.
	kind func(c scenarios.Choices, p *scenarios.Plan, o *scenarios.Operation) history.Kind
	// element chooses an item of a collection; nil: one that no other operation has.
	element func(c scenarios.Choices) string
}

// Of returns the workload of a model. It panics if the model is invalid, or if its
// grammar has no kinds.
func Of(m *model.Model) *Workload {
	if err := m.Validate(); err != nil {
		panic(fmt.Sprintf("workload: %v", err))
	}
	if len(m.Kinds) == 0 {
		panic(fmt.Sprintf("workload: model %s has no kinds of operations: give its grammar some", m.Name))
	}
	return &Workload{model: m}
}

// ready returns the workload of a model that package model has under its name.
func ready(m *model.Model) *Workload {
	w := Of(m)
	w.ready = true
	return w
}

// Named reports whether the name of the model is enough to judge a history: it is one
// that is ready to use. Some of those are judged much faster than by their steps.
func (w *Workload) Named() bool { return w.ready }

// Register is one register for each key: write and read.
func Register() *Workload { return ready(model.Register()) }

// CASRegister is one register for each key: write, compare and set, and read.
func CASRegister() *Workload { return ready(model.CASRegister()) }

// KV is a key-value store: write, compare and set, append, delete and read.
func KV() *Workload { return ready(model.KV()) }

// Counter is a counter for each key: add and read.
func Counter() *Workload { return ready(model.Counter()) }

// Queue is a queue for each key, first in, first out: enqueue and dequeue.
func Queue() *Workload { return ready(model.Queue()) }

// AppendList is a list for each key: append and read.
func AppendList() *Workload { return ready(model.AppendList()) }

// Set is a set for each key: add, remove, contains and read. Elements are few, so that
// operations meet.
func Set() *Workload {
	w := ready(model.Set())
	w.element = func(c scenarios.Choices) string { return fmt.Sprintf("e%d", 1+c.Choose("element", setElements)) }
	return w
}

// setElements is the number of elements that operations on sets have.
const setElements = 6

// Lock is a lock for each key: "acquire", illegal while it is held, and "release", illegal
// for all but the client that holds it. Mostly a client does the one and
// the other in turn.
func Lock() *Workload {
	w := ready(model.Lock())
	w.kind = func(c scenarios.Choices, p *scenarios.Plan, o *scenarios.Operation) history.Kind {
		next := history.KindAcquire
		if last := lastOf(p, o, o.Client); last != nil && last.Kind == scenarios.Kind(history.KindAcquire) {
			next = history.KindRelease
		}
		if c.Often("out of turn?", 10) {
			return history.KindAcquire
		}
		return next
	}
	return w
}

// lastOf finds the last operation before o on the same object by a client; 0: by any.
// The operations of p are those before o.
func lastOf(p *scenarios.Plan, o *scenarios.Operation, client int) *scenarios.Operation {
	for i := len(p.Operations) - 1; i >= 0; i-- {
		if q := &p.Operations[i]; q.Key == o.Key && (client == 0 || q.Client == client) {
			return q
		}
	}
	return nil
}

// Name implements scenarios.Workload.
func (w *Workload) Name() string { return string(w.model.Name) }

// Model implements scenarios.Workload.
func (w *Workload) Model() *model.Model { return w.model }

// Object implements scenarios.Workload.
func (w *Workload) Object(c scenarios.Choices, _ *scenarios.Plan, i int, odd bool) string {
	return scenarios.KeyName(c, "k", i, odd)
}

// Request implements scenarios.Workload.
func (w *Workload) Request(c scenarios.Choices, p *scenarios.Plan, o *scenarios.Operation, reads uint64) {
	w.fill(c, p, o, c.Often("read", reads))
}

// Fresh implements scenarios.Workload.
func (w *Workload) Fresh(c scenarios.Choices, p *scenarios.Plan, o *scenarios.Operation) {
	w.fill(c, p, o, false)
}

// fill chooses the kind of o and the texts that the kind has.
func (w *Workload) fill(c scenarios.Choices, p *scenarios.Plan, o *scenarios.Operation, read bool) {
	form := w.form(c, p, o, read)
	o.Kind = scenarios.Kind(form.Kind)
	o.Argument = w.text(c, form.Argument, o)
	if form.Expected.Shape != history.Nothing {
		o.Expected = expected(c, p, o)
	}
}

// form chooses the kind: one that only reads, if there is one and read is set, or else
// one that does not.
func (w *Workload) form(c scenarios.Choices, p *scenarios.Plan, o *scenarios.Operation, read bool) history.KindForm {
	if !read && w.kind != nil {
		return *w.model.Form(w.kind(c, p, o))
	}
	kinds := slices.Clone(w.model.Kinds)
	kinds = slices.DeleteFunc(kinds, func(f history.KindForm) bool { return f.ReadOnly != read })
	if len(kinds) == 0 {
		kinds = w.model.Kinds
	}
	return kinds[c.Choose("kind", uint64(len(kinds)))]
}

// text chooses a text of a form. Most texts occur once in a plan, which shows best
// where a response comes from; the others occur often, so that a value returns.
func (w *Workload) text(c scenarios.Choices, f history.Field, o *scenarios.Operation) string {
	switch f.Shape {
	case history.Nothing:
		return ""
	case history.Integer:
		return fmt.Sprint(1 + c.Choose("number", 9))
	case history.Boolean:
		return fmt.Sprint(c.Often("true?", 50))
	case history.List:
		return history.ListOf([]string{o.ID})
	}
	if w.element != nil {
		return w.element(c)
	}
	if c.Often("again?", 20) {
		return string(rune('a' + c.Choose("value", 3)))
	}
	return o.ID
}

// expected chooses the value that a compare and set expects: mostly the argument of an
// operation shortly before it.
func expected(c scenarios.Choices, p *scenarios.Plan, o *scenarios.Operation) string {
	var values []string
	for i := len(p.Operations) - 1; i >= 0 && len(values) < recentValues; i-- {
		if q := &p.Operations[i]; q.Key == o.Key && q.Argument != "" {
			values = append(values, q.Argument)
		}
	}
	values = append(values, history.NoValue)
	return values[c.Choose("expected", uint64(len(values)))]
}

// recentValues is the number of earlier values that a compare and set may expect.
const recentValues = 3

// Check implements scenarios.Workload.
func (w *Workload) Check(_ *scenarios.Plan, o *scenarios.Operation) error {
	if o.Expect != nil {
		return fmt.Errorf("expect: %d: %s has no versions to expect: see expected", *o.Expect, w.model.Name)
	}
	asked := history.Operation{
		Kind: history.Kind(o.Kind), Argument: o.Argument, Expected: o.Expected, Outcome: history.Unknown, Version: history.NoVersion,
	}
	return asked.Judgeable(&w.model.Grammar)
}
