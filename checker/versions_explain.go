package checker

import (
	"github.com/lockstep-dst/lockstep/checker/history"
)

// versionProof is a proof by versions: two operations contradict each other in the
// history until the return of rank until.
type versionProof struct {
	*versions
	until int32
}

func (p *versionProof) claim() *checkedOp { return &p.ops[p.returns[p.until]] }
func (p *versionProof) failed() bool      { return false }

// near is the number of operations called before the culprit that an explanation
// looks at. Those left out could only make less possible.
const near = 2048

// window returns the operations near the culprit, and the excerpt of the history until
// it returned.
func (p *versionProof) window() (ops []int32, x excerpt) {
	at := p.returns[p.until]
	until := p.claim().ret
	for i := max(at-near, 0); int(i) < len(p.ops) && p.ops[i].call <= until; i++ {
		ops = append(ops, i)
	}
	return ops, excerpt{last: p.until}
}

// couldBe counts what is unsure as possible: a sentence must not exclude it.
func (p *versionProof) couldBe(instead checkedOp) bool {
	c := p.claim()
	truth := *c
	defer func() { *c = truth }()
	instead.op, instead.call, instead.ret = truth.op, truth.call, truth.ret
	*c = instead
	ops, x := p.window()
	return p.clash(x, p.byVersion(ops)) == nil
}

// versionBounds returns bounds on the versions while the culprit lasted.
func (p *versionProof) versionBounds() (lowest, highest int64) {
	ops, x := p.window()
	open := int64(0)
	for _, i := range ops {
		c := &p.ops[i]
		switch {
		case i == p.returns[p.until]:
		case !p.known(x, i) || c.meaning == unknownStep:
			open++
		case c.meaning != noEffect && c.version != history.NoVersion:
			highest = max(highest, c.version)
			if c.ret < p.claim().call {
				lowest = max(lowest, c.version)
			}
		}
	}
	return lowest, highest + open
}

// reachable returns the states that are told of versions in these bounds.
func (p *versionProof) reachable() (states []int32, all bool) {
	lowest, highest := p.versionBounds()
	ops, x := p.window()
	told := map[int64]bool{}
	for _, i := range p.byVersion(ops) {
		c := &p.ops[i]
		if i == p.returns[p.until] || !p.known(x, i) || c.version < lowest || c.version > highest {
			continue
		}
		state := c.state
		if c.meaning == committedStep {
			state = c.to
		}
		if state >= 0 && !told[c.version] {
			told[c.version] = true
			states = appendNew(states, state)
		}
	}
	return states, int64(len(told)) == highest-lowest+1
}

func appendNew(states []int32, state int32) []int32 {
	for _, s := range states {
		if s == state {
			return states
		}
	}
	return append(states, state)
}

func (p *versionProof) lastBefore() *history.Operation {
	for rank := p.until - 1; rank >= 0; rank-- {
		if c := &p.ops[p.returns[rank]]; c.op.Outcome == history.Committed && c.ret < p.claim().call {
			return c.op
		}
	}
	return nil
}
