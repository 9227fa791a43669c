package lockstep

import (
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
)

// isDefined reports whether the definition of a machine is configured, or was chosen.
func (o *oracle) isDefined(key string) bool {
	name, _, err := fsm.SplitKey(key)
	return err == nil && (!o.plan.IsCreated(key) || len(o.machine(fsm.MetaName+"/"+name).entries) > 0)
}

// checkUnknown: a node that does not know a definition has read it from a majority after
// the request arrived, so that it was not chosen by then. A state is unknown only to a
// definition that does not list it.
func (o *oracle) checkUnknown(a *attemptState, q *invocation, r *node.Reply) *scenarios.Violation {
	switch d, planned := o.plan.Definition(r.Key); {
	case r.Reason == node.UnknownDefinition && planned && a.defined && r.Kind != node.ReadLocal:
		return o.violation("outcomes", "false-unknown-definition", r.Key, "answers %v, though the definition was there when the request arrived", r)
	case r.Reason == node.UnknownState && q != nil && d.Has(q.to):
		return o.violation("outcomes", "false-unknown-state", r.Key, "answers %v to a request for %v, which is a state of %s", r, q, d.Name)
	}
	return nil
}
