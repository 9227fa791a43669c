package guarantee

import (
	"cmp"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// machine is the known past of one machine.
type machine struct {
	name       string
	definition *fsm.Definition
	versions   []versionRecord // one for each version with evidence
	at         map[int64]int   // by version: index in versions
	finals     []*Observation
}

// versionRecord is the first evidence of a version.
type versionRecord struct {
	version       int64
	firstKnown    Evidence // the earliest evidence of the version
	stateEvidence Evidence // the first evidence of its state
	makerEvidence Evidence // the first evidence of the operation that made it
}

func (m *machine) version(version int64) *versionRecord {
	if i, found := m.at[version]; found {
		return &m.versions[i]
	}
	return nil
}

// byVersion returns the records in order of version.
func (m *machine) byVersion() []versionRecord {
	order := func(a, b versionRecord) int { return cmp.Compare(a.version, b.version) }
	if slices.IsSortedFunc(m.versions, order) {
		return m.versions
	}
	return slices.SortedFunc(slices.Values(m.versions), order)
}

// learnVersion records that by is evidence of a version, and checks it against
// the evidence of that version and its neighbours.
func (c *Checker) learnVersion(m *machine, version int64, by Evidence) {
	l := m.version(version)
	if l == nil {
		m.at[version] = len(m.versions)
		m.versions = append(m.versions, versionRecord{version: version, firstKnown: by})
		l = &m.versions[len(m.versions)-1]
		c.keep(by)
	} else if by.time() < l.firstKnown.time() {
		l.firstKnown = by
		c.keep(by)
	}
	if by.madeBy(version) != "" {
		c.checkMaker(m, l, by)
	}
	if by.state(version) != "" {
		c.checkState(m, l, by)
	}
}

// checkState checks that all evidence of a version has the same state, and that
// legal steps connect the version with its neighbours.
func (c *Checker) checkState(m *machine, l *versionRecord, by Evidence) {
	state := by.state(l.version)
	if !l.stateEvidence.none() {
		if was := l.stateEvidence.state(l.version); was != state {
			c.violate(Chosen, "other-state", m, []Evidence{l.stateEvidence, by}, "%v, but %v: version %d cannot be both %s and %s",
				l.stateEvidence, by, l.version, was, state)
		}
		return
	}
	l.stateEvidence = by
	c.keep(by)
	d := m.definition
	if !d.Has(state) {
		c.violate(Chosen, "no-state", m, []Evidence{by}, "%v, but definition %s has no such state", by, d.Name)
	}
	if l.version == 0 && state != d.Initial {
		c.violate(Chosen, "initial", m, []Evidence{by}, "%v, but every machine of definition %s begins in %s", by, d.Name, d.Initial)
	}
	if before := m.version(l.version - 1); before != nil && !before.stateEvidence.none() {
		c.checkStep(m, before, l)
	}
	if after := m.version(l.version + 1); after != nil && !after.stateEvidence.none() {
		c.checkStep(m, l, after)
	}
}

// checkStep checks that the step from one version to the next is legal.
func (c *Checker) checkStep(m *machine, before, after *versionRecord) {
	from, to := before.stateEvidence.state(before.version), after.stateEvidence.state(after.version)
	if !m.definition.Legal(from, to) {
		c.violate(Chosen, "illegal-step", m, []Evidence{before.stateEvidence, after.stateEvidence}, "%v, but %v: no step leads from %s to %s",
			before.stateEvidence, after.stateEvidence, from, to)
	}
}

// checkMaker checks that all evidence of a version names the same operation.
func (c *Checker) checkMaker(m *machine, l *versionRecord, by Evidence) {
	if l.makerEvidence.none() {
		l.makerEvidence = by
		c.keep(by)
		if l.version == 0 {
			c.violate(Chosen, "made-nothing", m, []Evidence{by}, "%v, but nothing makes version 0", by)
		}
		return
	}
	if was, id := l.makerEvidence.operation(), by.operation(); was != id {
		c.violate(Chosen, "other-operation", m, []Evidence{l.makerEvidence, by}, "%v, but %v: version %d was made by one operation, not by both %s and %s",
			l.makerEvidence, by, l.version, was, id)
	}
}

// checkForeseen checks that no evidence of a version is earlier than the call
// of the operation that made it or an earlier one.
func (c *Checker) checkForeseen(v *Result, m *machine, past []versionRecord) {
	var first Evidence // the earliest evidence of this version or a later one
	for i := len(past) - 1; i >= 0; i-- {
		l := &past[i]
		if first.none() || l.firstKnown.time() < first.time() {
			first = l.firstKnown
		}
		if l.makerEvidence.none() {
			continue
		}
		op := c.operations[l.makerEvidence.operation()]
		if op == nil || op.Operation == nil || first.time() >= op.Call {
			continue
		}
		called := Evidence{Operation: op.Operation}
		if first == l.makerEvidence {
			v.violate("foreseen", m, []Evidence{first, called}, "%v, but %s was called only at %v", first, op.ID, time.Duration(op.Call))
			continue
		}
		evidence := []Evidence{first, l.makerEvidence}
		if l.makerEvidence != called {
			evidence = append(evidence, called)
		}
		v.violate("foreseen", m, evidence, "%v, but %v, and %s was called only at %v", first, l.makerEvidence, op.ID, time.Duration(op.Call))
	}
}

// firstBeyond returns the first record, in order of version, of a version
// beyond the given one that was known by a time.
func firstBeyond(past []versionRecord, version, by int64) (*versionRecord, bool) {
	i, _ := slices.BinarySearchFunc(past, version+1, func(l versionRecord, v int64) int { return cmp.Compare(l.version, v) })
	for ; i < len(past); i++ {
		if past[i].firstKnown.time() <= by {
			return &past[i], true
		}
	}
	return nil, false
}
