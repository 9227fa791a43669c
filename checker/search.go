package checker

import (
	"cmp"
	"context"
	"slices"

	"github.com/anishathalye/porcupine"
)

// verdict on a set of claims.
type verdict uint8

const (
	unsure     verdict = iota // time ran out
	possible                  // some order explains every claim
	impossible                // none does
)

// decide tells whether some order explains all claims, which are in order of
// call. It tries the cheap way first.
func (a *automaton) decide(ctx context.Context, claims []claim) verdict {
	if v := a.witness(claims); v != unsure {
		return v
	}
	return a.search(ctx, claims)
}

// witness tries a single order: that of return, with unknown proposals taking
// no effect. An operation that returned before another was called comes before
// it in that order, so if the order fits, it is a proof. If it does not, that
// is a proof too provided there is no other order, for want of overlaps and
// unknown proposals.
func (a *automaton) witness(claims []claim) verdict {
	var room [32]*claim
	order, alone := room[:0], true
	for i := range claims {
		c := &claims[i]
		if c.verb == may {
			alone = false
			continue
		}
		if n := len(order); n > 0 {
			alone = alone && order[n-1].ret < c.call
		}
		order = append(order, c)
	}
	slices.SortStableFunc(order, func(x, y *claim) int { return cmp.Compare(x.ret, y.ret) })
	r, fits := a.start(), true
	for _, c := range order {
		if r, fits = a.step(r, c); !fits {
			if alone {
				return impossible
			}
			return unsure
		}
	}
	return possible
}

// search asks Porcupine, which implements Lowe, "Testing for Linearizability"
// (2017), after Wing and Gong. It takes time exponential in the number of
// operations that overlap, at worst.
func (a *automaton) search(ctx context.Context, claims []claim) verdict {
	stopped := false
	model := a.model(func() bool {
		stopped = stopped || ctx.Err() != nil
		return stopped
	})
	switch {
	case porcupine.CheckOperations(model, a.intervals(claims)):
		return possible
	case stopped:
		return unsure
	default:
		return impossible
	}
}

// intervals is claims in Porcupine's terms, with closing after the last
// return and the end of unknown operations after that.
func (a *automaton) intervals(claims []claim) []porcupine.Operation {
	a.pairTwins(claims)
	end, clients, open := int64(0), 0, false
	for i := range claims {
		c := &claims[i]
		end, clients = max(end, c.call), max(clients, c.op.Client+1)
		if c.verb == may {
			open = true
		} else {
			end = max(end, c.ret)
		}
	}
	ops := make([]porcupine.Operation, 0, len(claims)+1)
	for i := range claims {
		c := &claims[i]
		op := porcupine.Operation{ClientId: c.op.Client, Input: c, Call: c.call, Return: c.ret}
		if c.verb == may {
			op.Return = end + 2
		}
		ops = append(ops, op)
	}
	if open {
		ops = append(ops, porcupine.Operation{ClientId: clients, Input: &claim{verb: closing}, Call: end + 1, Return: end + 1})
	}
	return ops
}
