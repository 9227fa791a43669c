package checker

// A pilot whose configurations all came to a dead end has proved nothing if it had
// left some out. But if no order explains the last events even from every state, and
// whatever the operations that were in flight before had done, none explains the
// history: those events hold a contradiction without a premise. A refutation on such
// a proof is loose. What it calls impossible is; it may call more possible than is.

// looseWork is the limit of the configurations of the first attempt, in words.
const looseWork = 1 << 14

// looseTries is the number of configurations in all that an attempt makes, at first: most dead
// ends are passed, and should not take longer to doubt than to pass. It grows faster than
// the work of the pilot.
const looseTries = 64

// disprove looks for such a contradiction.
func (p *pilot) disprove() bool {
	if p.current.object != nil {
		return false // its states are without number
	}
	v := p.recent(p.stride << min(p.trouble, 24))
	if v == nil {
		return false
	}
	if p.made == nil {
		p.made = p.madeFirst(p.events.ops)
	}
	v.base.firstMade, v.reached = p.made, len(v.log)-1
	v.loose, v.work = true, looseWork<<(2*min(p.trouble, 12))
	v.base.limit, v.base.effort = min(v.work, p.current.limit), effort{}
	d := newContradiction(culprit{p.machine, v})
	d.most = looseTries << (3 * min(p.trouble, 12))
	found := d.find()
	if p.doubted += v.scratch.expansions; found {
		p.disproof = v
	}
	return found
}

// looselyRefuted reports whether a contradiction without a premise ends with event
// number last.
func (v *refutation) looselyRefuted(last int) bool {
	at := v.at
	defer func() { v.at = at }()
	v.at = last
	return newContradiction(culprit{machine{automaton: v.base.automaton}, v}).find()
}

// couldLooselyBe reports whether no contradiction without a premise is known if
// another operation takes the place of the culprit.
func (c culprit) couldLooselyBe(truth, instead *checkedOp) bool {
	d := newContradiction(c)
	d.truth, d.instead = truth, instead
	return !d.find()
}

// leastVersion returns a version that the machine had reached before the call of the
// culprit.
func (c culprit) leastVersion() (least int64) {
	for _, e := range c.log[:c.called[c.culprit()]] {
		if e.ret {
			least = max(least, e.c.version)
		}
	}
	return least
}
