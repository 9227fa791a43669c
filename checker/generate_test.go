package checker

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

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

// execution is a sequential run of a system, recorded with intervals around
// the instants at which things happened.
type execution struct {
	t        *rapid.T
	d        fsm.Definition
	machines []string
	states   []string
	versions []int64
	untold   bool // the system reports no versions
}

// anyHistory is what clients of a correct system may see: n operations, each
// of a client of its own.
func anyHistory(t *rapid.T, operations, machines int) History {
	e := &execution{t: t, d: anyDefinition(t), untold: rapid.Bool().Draw(t, "no versions")}
	for m := range machines {
		e.machines = append(e.machines, fmt.Sprintf("%s/m%d", e.d.Name, m))
		e.states = append(e.states, e.d.Initial)
		e.versions = append(e.versions, 0)
	}
	h := History{Definitions: []fsm.Definition{e.d}}
	for i := range operations {
		h.Operations = append(h.Operations, e.operation(i))
	}
	return h
}

func (e *execution) operation(i int) Operation {
	m := rapid.IntRange(0, len(e.machines)-1).Draw(e.t, "machine")
	instant := int64(1000 + 3*i)
	op := Operation{
		Client: i, ID: fmt.Sprintf("c%d.1", i), Machine: e.machines[m], Kind: KindPropose, Version: NoVersion,
		Call:   instant - rapid.Int64Range(0, 12).Draw(e.t, "sooner"),
		Return: instant + rapid.Int64Range(0, 12).Draw(e.t, "later"),
	}
	switch rapid.IntRange(0, 9).Draw(e.t, "what") {
	case 0, 1, 2:
		op.Kind, op.Outcome = KindRead, Committed
		e.tell(&op, m)
	case 3, 4:
		op.Outcome = rapid.SampledFrom([]Outcome{Rejected, Unknown}).Draw(e.t, "lost")
		op.Reason = "overloaded"
		if rapid.Bool().Draw(e.t, "read") {
			op.Kind = KindRead
		} else {
			op.Argument = rapid.SampledFrom(e.d.States).Draw(e.t, "to")
		}
	case 5:
		e.propose(&op, m)
		op.Outcome, op.Reason, op.State, op.Version = Unknown, "timeout", "", NoVersion
		op.Return = rapid.SampledFrom([]int64{NoReturn, op.Call, op.Return}).Draw(e.t, "gave up")
	default:
		e.propose(&op, m)
	}
	return op
}

// propose asks for any state, and is answered at once.
func (e *execution) propose(op *Operation, m int) {
	op.Argument = rapid.SampledFrom(e.d.States).Draw(e.t, "to")
	op.Outcome = Committed
	if e.d.Legal(e.states[m], op.Argument) {
		e.states[m] = op.Argument
		e.versions[m]++
	} else {
		op.Outcome, op.Reason = Rejected, ReasonIllegal
	}
	if rapid.Bool().Draw(e.t, "told") {
		e.tell(op, m)
	}
}

func (e *execution) tell(op *Operation, m int) {
	op.State = e.states[m]
	if !e.untold {
		op.Version = e.versions[m]
	}
}

// corrupted is h after a lie or two.
func corrupted(t *rapid.T, h History) History {
	if len(h.Operations) == 0 {
		return h
	}
	for range rapid.IntRange(0, 3).Draw(t, "lies") {
		op := &h.Operations[rapid.IntRange(0, len(h.Operations)-1).Draw(t, "operation")]
		switch rapid.IntRange(0, 5).Draw(t, "lie") {
		case 0:
			if op.State != "" {
				op.State = rapid.SampledFrom(h.Definitions[0].States).Draw(t, "state")
			}
		case 1:
			if op.Version != NoVersion {
				op.Version = rapid.Int64Range(0, 4).Draw(t, "version")
			}
		case 2:
			if op.Kind == KindPropose && op.Outcome != Unknown {
				op.Outcome, op.Reason, op.State = Committed, "", ""
			}
		case 3:
			if op.Kind == KindPropose && op.Outcome != Unknown {
				op.Outcome, op.Reason, op.Version = Rejected, ReasonIllegal, NoVersion
			}
		case 4:
			if op.Kind == KindPropose && op.Outcome != Unknown {
				op.Outcome, op.Reason = Rejected, "conflict"
			}
		case 5:
			if op.Outcome != Unknown {
				op.Call += 20
				op.Return += 20
			}
		}
	}
	return h
}
