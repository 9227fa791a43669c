package checker

import (
	"cmp"
	"context"
	"slices"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// versions judges a history in which every response has a version, where the witness
// found no order. Two operations contradict each other if both made one version, if
// they tell two states of it, if one made a version by a step that is illegal from the
// state told of the version before, or if the one of the later version, or that saw
// it made, returned before the other was called. Where there are no such two it
// decides nothing, but for prefixes that have a witness.
type versions struct {
	machine
	excerpts
	order []int32 // known operations in order of version
}

// conflict is a conflictFinder.
func (d *versions) conflict(x excerpt) (evidence []int32, verdict feasibility) {
	if len(d.returns) == 0 {
		return nil, unsure
	}
	order := d.order
	if x.ops != nil {
		order = d.byVersion(x.ops)
	}
	switch evidence = d.clash(x, order); {
	case evidence != nil:
		return evidence, impossible
	case x.kept == nil && d.witness(d.prefix(x)):
		return nil, possible
	}
	return nil, unsure
}

// byVersion returns those of some operations that are known, in order of version.
func (d *versions) byVersion(ops []int32) []int32 {
	order := slices.DeleteFunc(slices.Clone(ops), func(i int32) bool {
		c := &d.ops[i]
		return c.version == history.NoVersion || c.meaning == noEffect || c.meaning == unknownStep
	})
	slices.SortStableFunc(order, func(i, j int32) int { return cmp.Compare(d.ops[i].version, d.ops[j].version) })
	return order
}

// prefix returns the operations of an excerpt as they are known.
func (d *versions) prefix(x excerpt) (ops []checkedOp) {
	until := d.ops[d.returns[x.last]].ret
	for i := range d.ops {
		c := d.ops[i]
		if c.call > until {
			break
		}
		if !d.returned(x, int32(i)) {
			c = c.asUnknown()
		}
		ops = append(ops, c)
	}
	return ops
}

// clash returns operations that contradict each other; nil if it finds none.
func (d *versions) clash(x excerpt, order []int32) []int32 {
	until := d.ops[d.returns[x.last]].ret
	g := versionGroup{versions: d, version: -1, by: none, latest: none, state: unspecified}
	var told []int32
	for len(order) > 0 {
		version, n := d.ops[order[0]].version, 0
		told = told[:0]
		for ; n < len(order) && d.ops[order[n]].version == version; n++ {
			if i := order[n]; d.ops[i].call <= until && d.known(x, i) {
				told = append(told, i)
			}
		}
		order = order[n:]
		if len(told) == 0 {
			continue
		}
		if evidence := g.advance(version, told); evidence != nil {
			return evidence
		}
	}
	return nil
}

// versionGroup is the operations of one version, after those of the versions before.
type versionGroup struct {
	*versions
	version int64
	state   int32 // unspecified if not told
	by      int32 // the operation that told it; none if it is the initial one
	latest  int32 // the operation that was called last, so far
}

func (g *versionGroup) advance(version int64, told []int32) []int32 {
	before, by := g.state, g.by
	switch {
	case version == 1 && g.version < 0:
		before, by = g.initial, none
	case version != g.version+1 || g.version < 0:
		before, by = unspecified, none
	}
	g.version, g.state, g.by = version, unspecified, none
	if version == 0 {
		g.state = g.initial
	}
	made := none
	for _, i := range told {
		if d := &g.ops[i]; d.meaning == committedStep {
			if made != none {
				return []int32{made, i}
			}
			made = i
		}
	}
	if made != none {
		if evidence := g.make(made, before, by); evidence != nil {
			return evidence
		}
	}
	return g.observe(told, made)
}

// make checks the operation that made the version.
func (g *versionGroup) make(made, before, by int32) []int32 {
	c := &g.ops[made]
	switch {
	case g.version <= 0 || c.to < 0 || !c.matches(c.to, c.version):
		return []int32{made}
	case before != unspecified && !g.allows(before, c):
		return g.with(by, made)
	case g.latest != none && g.ops[g.latest].call > c.ret:
		return g.with(g.latest, made)
	}
	g.state, g.by = c.to, made
	g.call(made)
	return nil
}

// observe checks the operations that saw the version.
func (g *versionGroup) observe(told []int32, made int32) []int32 {
	for _, i := range told {
		switch c := &g.ops[i]; {
		case i == made || c.state == unspecified:
		case c.state < 0:
			return []int32{i}
		case g.state == unspecified:
			g.state, g.by = c.state, i
		case g.state != c.state:
			return g.with(g.by, i)
		}
	}
	for _, i := range told {
		c := &g.ops[i]
		switch {
		case i == made:
		case g.state != unspecified && !g.holdsIn(g.state, g.version, c):
			return g.with(g.by, i)
		case g.latest != none && g.ops[g.latest].call > c.ret:
			return g.with(g.latest, i)
		}
	}
	for _, i := range told {
		g.call(i)
	}
	return nil
}

func (g *versionGroup) call(i int32) {
	if g.latest == none || g.ops[i].call > g.ops[g.latest].call {
		g.latest = i
	}
}

// with returns two operations as evidence, or one if there is no other.
func (g *versionGroup) with(other, i int32) []int32 {
	if other == none || other == i {
		return []int32{i}
	}
	return []int32{other, i}
}

// maxWalkedVersions is the number of operations up to which the walk finds the words
// for a violation: it knows more of what was possible.
const maxWalkedVersions = 64

// checkVersions judges m by versions, if it finds a contradiction.
func (m machine) checkVersions(ctx context.Context, checked []checkedOp, o Options) (r Result, decided bool) {
	order, told := byVersion(checked)
	if m.object != nil || !told || len(order) <= maxWalkedVersions {
		return Result{}, false
	}
	d := &versions{machine: m, excerpts: newExcerpts(checked), order: order}
	all := excerpt{last: int32(len(d.returns) - 1)}
	evidence := d.clash(all, order)
	if evidence == nil {
		return Result{}, false
	}
	last, ok := d.culprit(ctx, evidence, d.conflict)
	if !ok {
		return Result{}, false
	}
	p := &versionProof{versions: d, until: last}
	r = Result{Status: Violated, Machine: m.name, Culprit: new(*p.claim().op)}
	r.Class, r.Explanation = explanation{m, p}.explain()
	if o.Explain {
		r.Contradiction = d.contradiction(last, d.conflict)
	}
	return r, true
}
