package guarantee

import (
	"cmp"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// machine is what has been told of one machine.
type machine struct {
	name       string
	definition *fsm.Definition
	links      []link        // one for each version that was told of
	at         map[int64]int // where they are
	finals     []*Observation
}

// link is the first that was told of a version.
type link struct {
	version int64
	known   Evidence // told of it first, by time
	stated  Evidence // told its state
	maker   Evidence // told which operation made it
}

func (m *machine) link(version int64) *link {
	if i, found := m.at[version]; found {
		return &m.links[i]
	}
	return nil
}

// inOrder is the links by version.
func (m *machine) inOrder() []link {
	order := func(a, b link) int { return cmp.Compare(a.version, b.version) }
	if slices.IsSortedFunc(m.links, order) {
		return m.links
	}
	return slices.SortedFunc(slices.Values(m.links), order)
}

// tell takes note of what by tells of a version, and holds it against what
// others have told of it and of its neighbours.
func (c *Checker) tell(m *machine, version int64, by Evidence) {
	l := m.link(version)
	if l == nil {
		m.at[version] = len(m.links)
		m.links = append(m.links, link{version: version, known: by})
		l = &m.links[len(m.links)-1]
		c.keep(by)
	} else if by.time() < l.known.time() {
		l.known = by
		c.keep(by)
	}
	if by.maker(version) != "" {
		c.made(m, l, by)
	}
	if by.state(version) != "" {
		c.state(m, l, by)
	}
}

// state: whoever tells the state of a version tells the same, and it can be
// stepped to from the one before.
func (c *Checker) state(m *machine, l *link, by Evidence) {
	state := by.state(l.version)
	if !l.stated.none() {
		if was := l.stated.state(l.version); was != state {
			c.violate(Chosen, "other-state", m, []Evidence{l.stated, by}, "%v, but %v: version %d cannot be both %s and %s",
				l.stated, by, l.version, was, state)
		}
		return
	}
	l.stated = by
	c.keep(by)
	d := m.definition
	if !d.Has(state) {
		c.violate(Chosen, "no-state", m, []Evidence{by}, "%v, but definition %s has no such state", by, d.Name)
	}
	if l.version == 0 && state != d.Initial {
		c.violate(Chosen, "initial", m, []Evidence{by}, "%v, but every machine of definition %s begins in %s", by, d.Name, d.Initial)
	}
	if before := m.link(l.version - 1); before != nil && !before.stated.none() {
		c.step(m, before, l)
	}
	if after := m.link(l.version + 1); after != nil && !after.stated.none() {
		c.step(m, l, after)
	}
}

// step: from one version to the next leads a legal step.
func (c *Checker) step(m *machine, before, after *link) {
	from, to := before.stated.state(before.version), after.stated.state(after.version)
	if !m.definition.Legal(from, to) {
		c.violate(Chosen, "illegal-step", m, []Evidence{before.stated, after.stated}, "%v, but %v: no step leads from %s to %s",
			before.stated, after.stated, from, to)
	}
}

// made: whoever tells which operation made a version tells the same.
func (c *Checker) made(m *machine, l *link, by Evidence) {
	if l.maker.none() {
		l.maker = by
		c.keep(by)
		if l.version == 0 {
			c.violate(Chosen, "made-nothing", m, []Evidence{by}, "%v, but nothing makes version 0", by)
		}
		return
	}
	if was, id := l.maker.operation(), by.operation(); was != id {
		c.violate(Chosen, "other-operation", m, []Evidence{l.maker, by}, "%v, but %v: version %d was made by one operation, not by both %s and %s",
			l.maker, by, l.version, was, id)
	}
}

// foreseen: nobody tells of a version before the operation that made it, or an
// earlier one, was called.
func (c *Checker) foreseen(v *Verdict, m *machine, past []link) {
	var first Evidence // to tell, by time, of this version or a later one
	for i := len(past) - 1; i >= 0; i-- {
		l := &past[i]
		if first.none() || l.known.time() < first.time() {
			first = l.known
		}
		if l.maker.none() {
			continue
		}
		op := c.operations[l.maker.operation()]
		if op == nil || op.Operation == nil || first.time() >= op.Call {
			continue
		}
		called := Evidence{Operation: op.Operation}
		if first == l.maker {
			v.violate("foreseen", m, []Evidence{first, called}, "%v, but %s was called only at %v", first, op.ID, time.Duration(op.Call))
			continue
		}
		evidence := []Evidence{first, l.maker}
		if l.maker != called {
			evidence = append(evidence, called)
		}
		v.violate("foreseen", m, evidence, "%v, but %v, and %s was called only at %v", first, l.maker, op.ID, time.Duration(op.Call))
	}
}

// since is who knew first, in order of version, of one beyond version by a time.
func since(past []link, version, by int64) (*link, bool) {
	i, _ := slices.BinarySearchFunc(past, version+1, func(l link, v int64) int { return cmp.Compare(l.version, v) })
	for ; i < len(past); i++ {
		if past[i].known.time() <= by {
			return &past[i], true
		}
	}
	return nil, false
}
