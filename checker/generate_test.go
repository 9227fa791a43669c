package checker

import (
	"cmp"
	"fmt"

	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// automatonOf compiles the automaton of one machine of h.
func automatonOf(h history.History, m machine) (*automaton, error) {
	j, err := newJudge(&h, nil)
	if err != nil {
		return nil, err
	}
	if err := m.judgeable(&j.model.Grammar); err != nil {
		return nil, err
	}
	err = j.compile(&m)
	return m.automaton, err
}

// anyDefinition has few states, so that wrong claims are often right by luck.
func anyDefinition(t *rapid.T) fsm.Definition {
	if rapid.Bool().Draw(t, "lifecycle") {
		return fsm.Lifecycle()
	}
	d := fsm.Definition{Name: "any", States: []string{"A", "B", "C", "D"}, Initial: "B"}
	for _, from := range d.States {
		for _, to := range d.States {
			if rapid.IntRange(0, 2).Draw(t, "legal") == 0 {
				d.Transitions = append(d.Transitions, fsm.Transition{From: from, To: to})
			}
		}
	}
	return d
}

// execution is a sequential run of a system, recorded with intervals around the
// instants of its operations.
type execution struct {
	t        *rapid.T
	model    history.Model
	d        fsm.Definition // of states, which may be the values of registers
	machines []string
	states   []string
	versions []int64
	untold   bool // the system reports no versions
	spread   int64
	reads    int // of ten operations
	unknown  int // of ten of the others
	telling  int // of four responses
}

// anyHistory is a history of clients of a correct system: n operations, each of
// a client of its own.
func anyHistory(t *rapid.T, operations, machines int) history.History {
	e := &execution{
		t: t, model: history.ModelMachine, untold: rapid.Bool().Draw(t, "no versions"),
		spread:  rapid.SampledFrom([]int64{4, 12, 30}).Draw(t, "spread"),
		reads:   rapid.SampledFrom([]int{1, 3, 6}).Draw(t, "reads"),
		unknown: rapid.SampledFrom([]int{0, 1, 2, 5}).Draw(t, "unknown"),
		telling: rapid.IntRange(0, 4).Draw(t, "telling"),
	}
	if rapid.IntRange(0, 2).Draw(t, "registers") == 0 {
		e.model, e.d.States = history.ModelKV, []string{history.NoValue, "1", "2"}
		e.d.Initial = rapid.SampledFrom([]string{history.NoValue, "1"}).Draw(t, "initial")
	} else {
		e.d = anyDefinition(t)
	}
	for m := range machines {
		e.machines = append(e.machines, fmt.Sprintf("%s/m%d", e.d.Name, m))
		e.states = append(e.states, e.d.Initial)
		e.versions = append(e.versions, 0)
	}
	h := history.History{Model: e.model}
	switch {
	case e.model == history.ModelMachine:
		h.Definitions = []fsm.Definition{e.d}
	case e.d.Initial != history.NoValue:
		h.Initial = e.d.Initial
	}
	for i := range operations {
		h.Operations = append(h.Operations, e.operation(i))
	}
	return h
}

func (e *execution) operation(i int) history.Operation {
	m := rapid.IntRange(0, len(e.machines)-1).Draw(e.t, "machine")
	instant := int64(1000 + 3*i)
	op := history.Operation{
		Client: i, ID: fmt.Sprintf("c%d.1", i), Machine: e.machines[m], Kind: history.KindPropose, Version: history.NoVersion,
		Call:   instant - rapid.Int64Range(0, e.spread).Draw(e.t, "sooner"),
		Return: instant + rapid.Int64Range(0, e.spread).Draw(e.t, "later"),
	}
	if e.model != history.ModelMachine {
		op.Kind = rapid.SampledFrom([]history.Kind{history.KindWrite, history.KindCAS, history.KindDelete}).Draw(e.t, "kind")
	}
	switch {
	case rapid.IntRange(0, 9).Draw(e.t, "read") < e.reads:
		op.Kind, op.Outcome = history.KindRead, history.Committed
		e.tell(&op, m)
	case rapid.IntRange(0, 9).Draw(e.t, "unknown") < e.unknown:
		e.propose(&op, m)
		op.Outcome, op.Reason, op.State, op.Version = history.Unknown, "timeout", "", history.NoVersion
		op.Return = rapid.SampledFrom([]int64{history.NoReturn, op.Call, op.Return}).Draw(e.t, "gave up")
	case rapid.IntRange(0, 9).Draw(e.t, "lost") == 0:
		e.lose(&op)
	default:
		e.propose(&op, m)
	}
	return op
}

// lose makes op one that never reached the system.
func (e *execution) lose(op *history.Operation) {
	op.Outcome = rapid.SampledFrom([]history.Outcome{history.Rejected, history.Unknown}).Draw(e.t, "outcome")
	op.Reason = "overloaded"
	if rapid.Bool().Draw(e.t, "a read") {
		op.Kind = history.KindRead
	} else {
		e.ask(op)
	}
}

// ask makes op request any state.
func (e *execution) ask(op *history.Operation) {
	if op.Kind != history.KindDelete {
		op.Argument = rapid.SampledFrom(e.d.States).Draw(e.t, "to")
	}
	if op.Kind == history.KindCAS {
		op.Expected = rapid.SampledFrom(e.d.States).Draw(e.t, "expected")
	}
}

func (e *execution) legal(op *history.Operation, m int) bool {
	switch op.Kind {
	case history.KindWrite, history.KindDelete:
		return true
	case history.KindCAS:
		return op.Expected == e.states[m]
	}
	return e.d.Legal(e.states[m], op.Argument)
}

// propose makes op request any state, with a response at once.
func (e *execution) propose(op *history.Operation, m int) {
	e.ask(op)
	op.Outcome = history.Committed
	if e.legal(op, m) {
		e.states[m] = cmp.Or(op.Argument, history.NoValue)
		e.versions[m]++
	} else {
		op.Outcome, op.Reason = history.Rejected, history.ReasonIllegal
	}
	if rapid.IntRange(1, 4).Draw(e.t, "told") <= e.telling {
		e.tell(op, m)
	}
}

func (e *execution) tell(op *history.Operation, m int) {
	if op.Kind != history.KindDelete {
		op.State = e.states[m]
	}
	if !e.untold {
		op.Version = e.versions[m]
	}
}

// corrupted returns h with up to three wrong operations.
func corrupted(t *rapid.T, h history.History) history.History {
	if len(h.Operations) == 0 {
		return h
	}
	states := []string{history.NoValue, "1", "2"}
	if h.Model == history.ModelMachine {
		states = h.Definitions[0].States
	}
	for range rapid.IntRange(0, 3).Draw(t, "lies") {
		op := &h.Operations[rapid.IntRange(0, len(h.Operations)-1).Draw(t, "operation")]
		lie(t, op, states)
	}
	return h
}

func lie(t *rapid.T, op *history.Operation, states []string) {
	changes := op.Kind != history.KindRead && op.Outcome != history.Unknown
	switch rapid.IntRange(0, 7).Draw(t, "lie") {
	case 0:
		if op.State != "" {
			op.State = rapid.SampledFrom(states).Draw(t, "state")
		}
	case 1:
		if op.Version != history.NoVersion {
			op.Version = rapid.Int64Range(0, 4).Draw(t, "version")
		}
	case 2:
		if changes {
			op.Outcome, op.Reason, op.State = history.Committed, "", ""
		}
	case 3:
		if changes && op.Kind != history.KindWrite && op.Kind != history.KindDelete {
			op.Outcome, op.Reason, op.Version = history.Rejected, history.ReasonIllegal, history.NoVersion
		}
	case 4:
		if changes {
			op.Outcome, op.Reason = history.Rejected, "conflict"
		}
	case 5:
		if op.Outcome != history.Unknown {
			op.Call += 20
			op.Return += 20
		}
	case 6:
		if changes && op.Kind != history.KindDelete {
			op.Argument = rapid.SampledFrom(states).Draw(t, "asked")
		}
	case 7:
		if op.Outcome != history.Unknown {
			op.Return = op.Call + (op.Return-op.Call)/2
			op.Call = op.Return
		}
	}
}
