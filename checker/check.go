package checker

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// Options bound a check.
type Options struct {
	Timeout time.Duration // of the whole check; 0: none
}

// Status of a history.
type Status string

// Statuses.
const (
	Linearizable Status = "linearizable" // there is an order that explains everything
	Violated     Status = "violated"     // there is none
	Undecided    Status = "undecided"    // time ran out, or the history makes no sense
)

// Classes of violation, by what the culprit's client was told.
const (
	ClassRead            = "read"             // a read of what the machine cannot have been
	ClassCommitted       = "committed"        // a commit that cannot have happened
	ClassRejectedIllegal = "rejected-illegal" // a rejection as illegal of what was legal all along
	ClassRejectedEffect  = "rejected-effect"  // a rejection of what did take effect
)

// Result of a check. It depends on nothing but the history, unless time ran
// out. Beyond the status it is about one machine.
type Result struct {
	Status      Status
	Machine     string      // the first machine, by name, that is violated; or else undecided
	Culprit     *Operation  // the operation whose return completes the contradiction; nil if time ran out before it was found
	Class       string      // signature of the violation, without names, ids or times; empty if time ran out
	Explanation string      // one sentence for people; empty when linearizable
	Operations  []Operation // those of the machine called until the culprit returned, in order of call
}

// Check tells whether h is linearizable.
//
// Not everything that Read refuses is of concern here: a history may break off
// anywhere, and a client told of a state that does not exist is a violation.
// But what cannot be judged at all, as when a machine's definition is missing,
// is Undecided. So is a history whose check ctx or the timeout cut short,
// unless a violation was found.
func Check(ctx context.Context, h History, o Options) Result {
	if o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Timeout)
		defer cancel()
	}
	result := Result{Status: Linearizable}
	var a *automaton
	for ops := sorted(h.Operations); len(ops) > 0; {
		var m machine
		m, ops = cut(ops)
		compiled, err := m.compile(h, a)
		if err != nil {
			result = result.or(m.undecided("cannot be judged: " + err.Error()))
			continue
		}
		a, m.automaton = compiled, compiled
		if result = result.or(m.check(ctx)); result.Status == Violated {
			break
		}
	}
	return result
}

// or is the worse of two results, the first if they are alike.
func (r Result) or(other Result) Result {
	if other.Status == Violated || r.Status == Linearizable {
		return other
	}
	return r
}

// machine is what one machine went through.
type machine struct {
	*automaton
	name       string
	operations []*Operation // in order of call
}

// sorted points at the operations, machine by machine, in order of call.
func sorted(ops []Operation) []*Operation {
	sorted := make([]*Operation, len(ops))
	for i := range ops {
		sorted[i] = &ops[i]
	}
	slices.SortStableFunc(sorted, func(x, y *Operation) int {
		return cmp.Or(cmp.Compare(x.Machine, y.Machine), cmp.Compare(x.Call, y.Call))
	})
	return sorted
}

// cut takes the first machine off the sorted operations.
func cut(ops []*Operation) (first machine, rest []*Operation) {
	name := ops[0].Machine
	n := 1
	for n < len(ops) && ops[n].Machine == name {
		n++
	}
	return machine{name: name, operations: ops[:n]}, ops[n:]
}

// compile makes m's automaton and ensures that its operations can be judged.
func (m machine) compile(h History, last *automaton) (*automaton, error) {
	for _, op := range m.operations {
		if f := op.senseless(); f != nil {
			return nil, fmt.Errorf("operation %s: %w", op.ID, f)
		}
	}
	return compileFor(m.name, h.Definitions, last)
}

func (m machine) check(ctx context.Context) Result {
	switch m.decide(ctx, m.claims()) {
	case possible:
		return Result{Status: Linearizable}
	case impossible:
		return m.violation(ctx)
	default:
		return m.undecided("the check ran out of time")
	}
}

// claims is what all of m's operations claim.
func (m machine) claims() []claim {
	claims := make([]claim, 0, len(m.operations))
	for _, op := range m.operations {
		if c, ok := m.claim(op, true); ok {
			claims = append(claims, c)
		}
	}
	return claims
}

func (m machine) undecided(why string) Result {
	return Result{Status: Undecided, Machine: m.name, Explanation: m.name + ": " + why}
}
