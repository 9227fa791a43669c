package lockstep

import (
	"cmp"
	"slices"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// isDefined reports whether the definition of a machine is configured, or was chosen.
func (o *oracle) isDefined(key string) bool {
	name, _, err := fsm.SplitKey(key)
	return err == nil && (!o.plan.IsCreated(key) || o.isUsed(o.machine(fsm.MetaName+"/"+name)))
}

// chosenText returns the text of a created definition, if one was chosen.
func (o *oracle) chosenText(name string) string {
	if t := o.machine(fsm.MetaName + "/" + name); o.isUsed(t) {
		return t.entries[o.firstSerial()].To
	}
	return ""
}

// definition returns the definition of a machine. Of competing ones it is the one that was
// chosen.
func (o *oracle) definition(key string) (fsm.Definition, bool) {
	if len(o.plan.Competing) > 0 && o.plan.IsCreated(key) {
		name, _, _ := fsm.SplitKey(key)
		if d, err := fsm.Parse(o.chosenText(name)); err == nil {
			return d, true
		}
	}
	return o.plan.Definition(key)
}

// Chosen implements scenarios.Definer. Without the oracle the nodes are believed.
func (r *run) Chosen(name string) string {
	if !r.noOracle {
		return r.oracle.chosenText(name)
	}
	for _, n := range r.running() {
		if v := r.nodes[n].Inspect(fsm.MetaName + "/" + name).Learnt; v != nil && v.State != fsm.Undefined {
			return v.State
		}
	}
	return ""
}

// configuredSince returns the created definitions that a life of a node is configured
// with: those of the lives before, and those that are chosen by now.
func (r *run) configuredSince(id sim.ID, life int) []fsm.Definition {
	if !r.plan.Configures(id, life) {
		return nil
	}
	list := &r.configured[id]
	for _, name := range r.plan.Created {
		if slices.ContainsFunc(*list, func(d fsm.Definition) bool { return d.Name == name }) {
			continue
		}
		if d, err := fsm.Parse(r.Chosen(name)); err == nil {
			*list = append(*list, d)
		}
	}
	return *list
}

// checkDefinitions: what a node uses as a created definition is the one that was chosen.
func (r *run) checkDefinitions(at scenarios.Duration) *scenarios.Violation {
	for _, name := range r.plan.Created {
		chosen := r.Chosen(name)
		for _, n := range r.running() {
			for _, d := range r.nodes[n].Definitions() {
				if text, _ := d.Text(); d.Name == name && text != chosen {
					return r.oracle.forNode(at, scenarios.NodeID(n)).violation("convergence", "definitions-differ", fsm.MetaName+"/"+name,
						"uses the definition %s, and %s was chosen", text, cmp.Or(chosen, "none"))
				}
			}
		}
	}
	return nil
}

// checkUnknown: a node that does not know a definition has read it from a majority after
// the request arrived, so that it was not chosen by then. A state is unknown only to a
// definition that does not list it.
func (o *oracle) checkUnknown(a *attemptState, q *invocation, r *node.Reply) *scenarios.Violation {
	switch d, planned := o.definition(r.Key); {
	case r.Reason == node.UnknownDefinition && planned && a.defined && r.Kind != node.ReadLocal:
		return o.violation("outcomes", "false-unknown-definition", r.Key, "answers %v, though the definition was there when the request arrived", r)
	case r.Reason == node.UnknownState && q != nil && d.Has(q.to):
		return o.violation("outcomes", "false-unknown-state", r.Key, "answers %v to a request for %v, which is a state of %s", r, q, d.Name)
	}
	return nil
}

// checkDefinitionRead: a node that does not know a definition asks the others for it after
// the request has arrived. An earlier read may have missed a definition that was chosen
// before the request, whether or not it has.
func (o *oracle) checkDefinitionRead(w waitingRequest, r *node.Reply) *scenarios.Violation {
	name, _, _ := fsm.SplitKey(r.Key)
	asked := o.machine(fsm.MetaName + "/" + name).readAt[o.id]
	if r.Reason != node.UnknownDefinition || r.Kind == node.ReadLocal || o.isSoleVoter() || asked >= w.at {
		return nil
	}
	return o.violation("outcomes", "false-unknown-definition", r.Key, "answers %v to a request of %v, and has asked for the definition last at %v", r, w.at, asked)
}
