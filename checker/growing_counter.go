package checker

import (
	"math"
	"strconv"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// growing is a counter to which no negative number is added, or no positive one. Its state
// is how far it has come, which needs no model and no table; and once it has gone beyond a
// number it is too late for what tells that number.
type growing struct{ begun, sign int64 }

// Limits of a growing counter: of all sums, so that states are numbers of 32 bits, and of
// the number with which it begins.
const (
	maxGrowth = 1 << 30
	maxBegun  = 1 << 60
)

// newGrowing returns nil if numbers of both signs are added to m, or they are too large.
func newGrowing(m machine) *growing {
	begun, isNumber := m.object.states[m.initial].(int64)
	if !isNumber || begun < -maxBegun || begun > maxBegun {
		return nil
	}
	g, total := growing{begun, 1}, int64(0)
	for _, op := range m.operations {
		if op.Kind != history.KindAdd {
			continue
		}
		n, err := strconv.ParseInt(op.Argument, 10, 64)
		switch {
		case err != nil || n < -maxGrowth || n > maxGrowth:
			return nil
		case n != 0 && total == 0:
			g.sign = int64(compare(n, 0))
		case n*g.sign < 0:
			return nil
		}
		if total += n * g.sign; total > maxGrowth {
			return nil
		}
	}
	return &g
}

// request returns how far an operation leads on.
func (g *growing) request(op *history.Operation) int32 {
	n, _ := strconv.ParseInt(op.Argument, 10, 64) // a read adds none
	return int32(n * g.sign)
}

// response returns how far the counter has come by what a response tells; notAState if
// that is behind the beginning, or the response is that it is illegal to add.
func (g *growing) response(op *history.Operation) int32 {
	if op.Outcome == history.Rejected {
		return notAState
	}
	if op.State == "" {
		return unspecified
	}
	told, _ := strconv.ParseInt(op.State, 10, 64)
	told = (max(-2*maxBegun, min(told, 2*maxBegun)) - g.begun) * g.sign
	if told < 0 {
		return notAState
	}
	return int32(min(told, math.MaxInt32))
}

func (g *growing) after(state int32, c *checkedOp) int32 {
	next := state + max(c.to, 0)
	if c.state != unspecified && c.state != next {
		return impossibleStep
	}
	return next
}

// number returns the number of a state.
func (g *growing) number(state int32) int64 { return g.begun + int64(state)*g.sign }
