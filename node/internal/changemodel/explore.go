package changemodel

import (
	"slices"

	"github.com/lockstep-dst/lockstep/node/hash64"
)

// Result is the result of an exploration.
type Result struct {
	States    int    // that were visited
	Depth     int    // steps from the first state to the last ones
	Exhausted bool   // there are no others
	Violation string // empty: none
}

// Explore visits every state of a scope, without a rule, breadth first, until something is
// wrong or a number of states has been visited. States are told apart by 64 bits of
// a hash: among 10^8 the chance that any two are taken for one is 3 in 10,000.
func Explore(scope Scope, without Rule, limit int) Result {
	m := newModel(scope, without)
	first := (&state{}).pack()
	x := explorer{model: m, seen: newFingerprints(), limit: limit}
	x.visit(first)
	for len(x.frontier) > 0 && x.violation == "" && !x.full {
		level := x.frontier
		x.frontier = nil
		for i := range level {
			s := level[i].unpack()
			m.next(&s, func(_ step, t *state) { x.visit(t.pack()) })
			if x.violation != "" || x.full {
				break
			}
		}
		x.depth++
	}
	return Result{States: x.seen.count, Depth: x.depth, Exhausted: x.violation == "" && !x.full, Violation: x.violation}
}

// explorer is an exploration under way.
type explorer struct {
	model     *model
	seen      *fingerprints
	limit     int
	frontier  []packed // visited, with successors that are not
	depth     int
	violation string
	full      bool
}

func (x *explorer) visit(p packed) {
	p = x.model.canonical(p)
	if x.violation != "" || x.full || !x.seen.add(p.fingerprint()) {
		return
	}
	x.full = x.seen.count >= x.limit
	x.frontier = append(x.frontier, p)
	s := p.unpack()
	x.violation = x.model.violation(&s)
}

// Trace returns the steps to a violation, as few as there can be, with the violation as the last line.
// It needs more memory than Explore. Nil: there is none within a number of states.
func Trace(scope Scope, without Rule, limit int) []string {
	type origin struct {
		from packed
		step step
	}
	m, first := newModel(scope, without), (&state{}).pack()
	came := map[packed]origin{first: {}}
	for frontier := []packed{first}; len(frontier) > 0 && len(came) < limit; frontier = frontier[1:] {
		p := frontier[0]
		s := p.unpack()
		if v := m.violation(&s); v != "" {
			steps := []string{v}
			for ; p != first; p = came[p].from {
				steps = append(steps, m.describe(came[p].step))
			}
			slices.Reverse(steps)
			return steps
		}
		m.next(&s, func(st step, t *state) {
			q := t.pack()
			if _, old := came[q]; !old {
				came[q] = origin{p, st}
				frontier = append(frontier, q)
			}
		})
	}
	return nil
}

func (p *packed) fingerprint() uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, w := range p {
		h = hash64.Finalise(h ^ w)
	}
	return h
}

// fingerprints is a set of hashes.
type fingerprints struct {
	slots []uint64 // 0: free
	count int
}

func newFingerprints() *fingerprints { return &fingerprints{slots: make([]uint64, 1<<12)} }

// add adds a hash, and reports whether it is new.
func (f *fingerprints) add(h uint64) bool {
	h = max(h, 1)
	if 3*f.count > 2*len(f.slots) {
		old := f.slots
		f.slots, f.count = make([]uint64, 2*len(old)), 0
		for _, x := range old {
			if x != 0 {
				f.add(x)
			}
		}
	}
	for i := h; ; i++ {
		switch slot := &f.slots[i&uint64(len(f.slots)-1)]; *slot {
		case 0:
			*slot = h
			f.count++
			return true
		case h:
			return false
		}
	}
}
