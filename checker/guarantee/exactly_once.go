package guarantee

import "github.com/lockstep-dst/lockstep/checker/history"

// checkExactlyOnce checks that an operation makes at most one version, of the
// machine and with the state that it requested, and only if its response allows
// it.
func (c *Checker) checkExactlyOnce(m *machine, version int64, by Evidence) {
	c.count(ExactlyOnce, 1)
	id := by.operation()
	op := c.operations[id]
	if op == nil {
		op = &operation{}
		c.operations[id] = op
	}
	if op.machine != nil {
		if op.machine != m || op.version != version {
			c.violate(ExactlyOnce, "twice", m, []Evidence{op.by, by}, "%v, but of %s %v: %s took effect twice", by, op.machine.name, op.by, id)
		}
	} else {
		op.machine, op.version, op.by = m, version, by
		c.keep(by)
	}
	if op.Operation == nil && !c.options.Open {
		c.violate(ExactlyOnce, "never-invoked", m, []Evidence{by}, "%v, but %s was never invoked", by, id)
	}
	if op.Operation == nil {
		return
	}
	asked := Evidence{Operation: op.Operation}
	violate := func(class, why string) {
		c.violate(ExactlyOnce, class, m, []Evidence{asked, by}, "%v, but %v: %s", asked, by, why)
	}
	switch {
	case op.Kind != history.KindPropose:
		violate("read", "a read makes no version")
	case op.Outcome == history.Rejected:
		violate("rejected", "a rejected operation never takes effect")
	case op.Operation.Machine != m.name:
		violate("other-machine", "the request was for "+op.Operation.Machine)
	case op.Argument != by.state(version):
		violate("other-state", "the request was for another state")
	}
}
