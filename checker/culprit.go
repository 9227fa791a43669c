package checker

import (
	"cmp"
	"context"
	"slices"
)

// Every prefix of a linearizable history is linearizable: what had not
// returned by then may or may not have taken effect. So there is a first
// return at which an impossible history became impossible, and bisection finds
// it.

// violation explains a machine whose operations do not fit.
func (m machine) violation(ctx context.Context) Result {
	result := Result{Status: Violated, Machine: m.name}
	returns := m.returns()
	good, bad := 0, len(returns) // numbers of returns
	for bad-good > 1 {
		middle := (good + bad) / 2
		switch m.decide(ctx, m.prefix(returns[:middle], nil)) {
		case possible:
			good = middle
		case impossible:
			bad = middle
		default:
			result.Operations = clone(m.operations)
			result.Explanation = m.name + ": no order explains its operations, but the check ran out of time before it found out which of them completes the contradiction"
			return result
		}
	}
	c := m.convict(returns[:bad])
	result.Culprit, result.Operations = new(*c.op), clone(c.context)
	result.Class, result.Explanation = c.explain(ctx)
	return result
}

// returns is the operations that returned, in order of return.
func (m machine) returns() []*Operation {
	var returned []*Operation
	for _, op := range m.operations {
		if op.Outcome != Unknown {
			returned = append(returned, op)
		}
	}
	slices.SortStableFunc(returned, func(x, y *Operation) int { return cmp.Compare(x.Return, y.Return) })
	return returned
}

// prefix is what the machine's clients claimed at the time of the last of
// these returns, when no others had happened. If instead is not nil, it
// stands in for the claim of the last one.
func (m machine) prefix(returns []*Operation, instead *claim) []claim {
	last := returns[len(returns)-1]
	returned := make(map[*Operation]bool, len(returns))
	for _, op := range returns {
		returned[op] = true
	}
	var claims []claim
	for _, op := range m.until(last.Return) {
		if op == last && instead != nil {
			claims = append(claims, *instead)
		} else if c, ok := m.claim(op, returned[op]); ok {
			claims = append(claims, c)
		}
	}
	return claims
}

// until is the operations called by time t.
func (m machine) until(t int64) []*Operation {
	n, _ := slices.BinarySearchFunc(m.operations, t, func(op *Operation, t int64) int {
		if op.Call <= t {
			return -1
		}
		return 1
	})
	return m.operations[:n]
}

func clone(ops []*Operation) []Operation {
	cloned := make([]Operation, len(ops))
	for i, op := range ops {
		cloned[i] = *op
	}
	return cloned
}
