package checker

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/checker/model"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// judge judges the machines of one history by their model, with automata if the
// model has these.
type judge struct {
	model       *model.Model
	standard    bool // the model is the one that is ready to use under its name
	compiles    bool // machines have automata
	definitions []fsm.Definition
	initial     string     // of the history
	last        *automaton // the last compiled
}

// newJudge returns the judge of h. A user's model may be nil.
func newJudge(h *history.History, user *model.Model) (*judge, error) {
	if user == nil {
		m, known := model.Of(h)
		if !known {
			return nil, fmt.Errorf("model %q is not known: give it in Options.Model", h.Model)
		}
		if err := m.CheckInitial(h.Initial); err != nil {
			return nil, err
		}
		return &judge{model: m, standard: true, compiles: compiles(h.Model), definitions: h.Definitions, initial: h.Initial}, nil
	}
	if err := user.Validate(); err != nil {
		return nil, err
	}
	if h.Initial != "" {
		return nil, fmt.Errorf("it has an initial state, and Options.Model begins in its own: put it into Model.Init")
	}
	if h.Model != "" && h.Model != user.Name {
		return nil, fmt.Errorf("it is of model %s, and Options.Model is %s: give the model that the history has", h.Model, user.Name)
	}
	return &judge{model: user}, nil
}

// compiles reports whether the machines of a model have automata.
func compiles(m history.Model) bool {
	return slices.Contains([]history.Model{"", history.ModelMachine, history.ModelRegister, history.ModelCASRegister, history.ModelKV}, m)
}

// machines groups the operations by machine.
func (j *judge) machines(ops []history.Operation) ([]machine, error) {
	if j.model.Partition == nil {
		return machines(ops), nil
	}
	var all []*history.Operation
	times := map[*history.Operation]int{}
	for i := range ops {
		all = append(all, &ops[i])
		times[&ops[i]] = 1
	}
	var parts []machine
	for _, part := range j.model.Partition(slices.Clone(all)) {
		for _, op := range part {
			times[op]--
		}
		parts = append(parts, newPart(part))
	}
	if len(times) > len(all) {
		return nil, fmt.Errorf("model %s: Partition must return the operations that it was given, and returns others", j.model.Name)
	}
	for _, op := range all {
		if times[op] != 0 {
			return nil, fmt.Errorf("model %s: Partition must put each operation into one part, and %s is in %d", j.model.Name, op.ID, 1-times[op])
		}
	}
	return parts, nil
}

// newPart returns the machine of operations that a model's Partition put
// together. It has a name if they are all on one machine.
func newPart(ops []*history.Operation) machine {
	m := machine{operations: slices.Clone(ops)}
	m.sort()
	if len(ops) > 0 && !slices.ContainsFunc(ops, func(op *history.Operation) bool { return op.Machine != ops[0].Machine }) {
		m.name = ops[0].Machine
	}
	return m
}

// check judges one machine.
func (j *judge) check(ctx context.Context, m machine, o Options) Result {
	if err := m.judgeable(&j.model.Grammar); err != nil {
		return m.unjudgeable(err.Error())
	}
	if !j.compiles || m.appends() {
		of := j.model
		if j.compiles && m.unversioned() {
			of = model.Unversioned(of)
		}
		if err := j.walk(&m, of); err != nil {
			return m.unjudgeable(err.Error())
		}
		if m.object.standard = j.standard; j.standard && of.Name == history.ModelCounter {
			m.object.growing = newGrowing(m)
		}
		return m.check(ctx, o)
	}
	if err := j.compile(&m); err != nil {
		return m.unjudgeable(err.Error())
	}
	r := m.check(ctx, o)
	if o.CrossCheck && m.crossCheckDiffers(ctx, r.Status) {
		return m.undecided(fmt.Sprintf("the checkers disagree: it is %s, but not by Porcupine; please report this history as a bug of lockstep", r.Status))
	}
	return r
}

// judgeable returns an error if an operation cannot be judged.
func (m machine) judgeable(g *history.Grammar) error {
	for _, op := range m.operations {
		if err := op.Judgeable(g); err != nil {
			return fmt.Errorf("operation %s: %w", op.ID, err)
		}
	}
	return nil
}

// appends reports whether an operation makes a value that depends on the one
// before: automata have no such steps.
func (m machine) appends() bool {
	return slices.ContainsFunc(m.operations, func(op *history.Operation) bool { return op.Kind == history.KindAppend })
}

// walk gives m an automaton of the steps of a model.
func (j *judge) walk(m *machine, of *model.Model) error {
	if state := of.Init(m.name); of.Equal == nil && !reflect.ValueOf(state).Comparable() {
		return fmt.Errorf("model %s has states of type %T, for which there is no ==: give it Equal", of.Name, state)
	}
	m.automaton = newObjectAutomaton(of, m.name)
	return nil
}

// unversioned reports whether no response has a version.
func (m machine) unversioned() bool {
	return !slices.ContainsFunc(m.operations, func(op *history.Operation) bool {
		return op.Outcome != history.Unknown && op.Version != history.NoVersion
	})
}

// compile gives m its automaton.
func (j *judge) compile(m *machine) (err error) {
	if j.model.Name != history.ModelMachine {
		m.automaton = newRegister(j.initial)
		return nil
	}
	m.automaton, err = compileFor(m.name, j.definitions, j.last)
	j.last = m.automaton
	return err
}
