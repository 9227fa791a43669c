package lockstep

import (
	"math/bits"
	"slices"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// configurations is the ground truth of the members: the configuration of each epoch that a
// node has adopted, in order; the first is that of the founders.
type configurations []*configuration.Configuration

func founded(p *scenarios.Plan) *configuration.Configuration {
	c := &configuration.Configuration{Epoch: configuration.First, LastID: node.ID(scenarios.NodeID(p.Founders()))}
	for n := 1; n <= p.Founders(); n++ {
		id := node.ID(scenarios.NodeID(n))
		c.Voters, c.Members = append(c.Voters, id), append(c.Members, configuration.Member{ID: id})
	}
	return c
}

// of returns the configuration of an epoch; nil if no node has adopted it.
func (c configurations) of(epoch uint32) *configuration.Configuration {
	i := slices.IndexFunc(c, func(x *configuration.Configuration) bool { return x.Epoch == epoch })
	if i < 0 {
		return nil
	}
	return c[i]
}

func (c configurations) last() *configuration.Configuration { return c[len(c)-1] }

// joins reports whether a node of the plan is none that founds the cluster.
func (r *run) joins(id sim.ID) bool { return int(id) > r.plan.Founders() }

// LeaveOut implements scenarios.Outsider. A node that has left is needed until a majority of
// the voters has adopted the configuration without it: see member.ErrRemoved.
func (r *run) LeaveOut(id sim.ID) bool {
	r.leftOut[id] = true
	for i := len(r.configurations) - 1; i >= 0 && r.leftOut[id]; i-- {
		c := r.configurations[i]
		r.leftOut[id] = !c.Has(node.ID(id))
		if there := r.oracle.nodesInEpoch(c.Epoch); majorityOf(there, c.Voters) {
			break
		}
	}
	if !r.leftOut[id] && r.isStranded(id) { // a log that was bound, and has not learnt that the cluster is formed, hears no guide
		r.leftOut[id] = r.members[id].Status().Stage != member.Formed && !r.joins(id)
		r.guided[id] = r.guided[id] || !r.leftOut[id]
	}
	if r.leftOut[id] {
		r.lives[id] = 0
	}
	return r.leftOut[id]
}

// isStranded reports whether all members that a node knows have left, or all that it was to join: nobody
// that it listens to can tell it of the others. An operator has to name one of them. A node that
// has accepted a later configuration finds out by itself whether that was chosen.
func (r *run) isStranded(id sim.ID) bool {
	known := r.configurations[0]
	if adopted := r.oracle.nodes[id].adopted; adopted > 0 && !r.lostPromises[id] {
		known = r.configurations.of(adopted)
	}
	register := r.oracle.machine(configuration.Key)
	if b := register.ballot(register.durable[id].accepted); b != nil && b.value != nil && configuration.EpochOf(b.value.State) > known.Epoch {
		return false
	}
	last, self := r.oracle.lastChosen(), node.ID(id)
	others := slices.DeleteFunc(slices.Concat(known.IDs(), known.Voters), func(x node.ID) bool { return x == self })
	return r.members[id] != nil && len(others) > 0 && !slices.ContainsFunc(others, last.Has)
}

// addGuides has an operator name the members that there are to a node that knows none of them,
// once in a life, as by flags.
func (p *process) addGuides() {
	if p.guided || !p.run.guided[p.id] || !p.member.LifeDurable() {
		return
	}
	p.guided = true
	for _, id := range p.run.oracle.lastChosen().IDs() {
		p.events = append(p.events, service.Event{Kind: service.Met, Member: node.Event{From: id}})
	}
}

// addChangeRequest adds a request for a change of members to the current step.
func (p *process) addChangeRequest(r *scenarios.ChangeRequest) {
	if p.stopped || p.marking {
		return
	}
	x := configuration.Change{Kind: configuration.Abandon}
	if len(r.Targets) > 0 {
		x.ID = node.ID(r.Targets[len(r.Targets)-1])
	}
	switch r.Change {
	case scenarios.AddMember, scenarios.AddLearner:
		x.Kind, x.Promote = configuration.Add, r.Change == scenarios.AddMember
	case scenarios.PromoteMember:
		x.Kind = configuration.Promote
	case scenarios.RemoveMember:
		x.Kind = configuration.Remove
	case scenarios.ReplaceMember:
		x.Kind, x.Promote, x.Replaces = configuration.Add, true, node.ID(r.Targets[0])
	}
	p.events = append(p.events, service.Event{Kind: service.Reconfigure, Ticket: p.newTicket(0), Change: x})
}

// checkAdopted: an epoch has one configuration, which may follow the one before it, and was
// chosen in that one. No node goes back to an earlier epoch.
func (r *run) checkAdopted(o *oracle, c *configuration.Configuration) *scenarios.Violation {
	o.nodes[o.id].adopted = max(o.nodes[o.id].adopted, c.Epoch)
	known := r.configurations.of(c.Epoch)
	switch {
	case known != nil && known.Text() != c.Text():
		return o.violation("members", "two-configurations", "", "adopts %v, though %v was adopted", c, known)
	case known != nil:
		return nil
	}
	if v := o.checkConfigurationChosen(c); v != nil && !r.noOracle {
		return v
	}
	last := r.configurations.last()
	if c.Epoch < last.Epoch { // nobody had adopted it in its time
		r.configurations = append(r.configurations, c)
		slices.SortFunc(r.configurations, func(a, b *configuration.Configuration) int { return int(a.Epoch) - int(b.Epoch) })
		o.configurations = r.configurations
		return nil
	}
	if c.Epoch == last.Epoch+1 && last.Epoch > configuration.First && c.CheckFollows(last) != nil {
		return o.violation("members", "does-not-follow", "", "adopts %v after %v: %v", c, last, c.CheckFollows(last))
	}
	r.configurations = append(r.configurations, c)
	o.configurations = r.configurations
	return o.recheckChosen()
}

// checkConfigurationChosen: a configuration is adopted only if it was chosen.
func (o *oracle) checkConfigurationChosen(c *configuration.Configuration) *scenarios.Violation {
	if !slices.Contains(o.chosenConfigurations, c.Text()) {
		return o.violation("members", "adopted-unchosen", "", "adopts %v, which was not chosen", c)
	}
	return nil
}

// checkRemoved: a node ends as removed only if a configuration without it was chosen.
func (r *run) checkRemoved(o *oracle) *scenarios.Violation {
	for _, text := range o.chosenConfigurations {
		if c, err := configuration.Parse(text); err == nil && !c.Has(node.ID(o.id)) && c.LastID >= node.ID(o.id) {
			return nil
		}
	}
	if r.noOracle {
		return nil
	}
	return o.violation("members", "removed-unchosen", "", "ends as removed, though no configuration without it was chosen")
}

// nodesInEpoch is the set of the nodes that have gone on to an epoch, or to a later one.
func (o *oracle) nodesInEpoch(epoch uint32) (set uint8) {
	for id := range o.nodes {
		if o.nodes[id].epoch >= epoch {
			set |= 1 << id
		}
	}
	return set
}

// recheckChosen looks, of all machines, for values that count as chosen since the current
// node is in a later epoch.
func (o *oracle) recheckChosen() *scenarios.Violation {
	for _, key := range o.keys {
		if v := o.onAccepted(key, o.machine(key).durable[o.id].accepted); v != nil {
			return v
		}
	}
	return nil
}

// membersNow counts the members of the current node's epoch.
func (o *oracle) membersNow() int {
	if c := o.configurations.of(o.nodes[o.id].epoch); c != nil {
		return len(c.Members)
	}
	return o.plan.Nodes
}

// isSoleVoter reports whether the current node is the only voter of its epoch.
func (o *oracle) isSoleVoter() bool {
	c := o.configurations.of(o.nodes[o.id].epoch)
	return c != nil && !c.Joint() && slices.Equal(c.Voters, []node.ID{node.ID(o.id)})
}

// majorityOf reports whether a set of nodes has more than half of the voters.
func majorityOf(set uint8, voters []node.ID) bool {
	all := uint8(0)
	for _, id := range voters {
		all |= 1 << id
	}
	return 2*bits.OnesCount8(set&all) > len(voters)
}

// isQuorum reports whether a set of nodes decides in an epoch. It repeats the rule of the
// nodes on purpose: the oracle must not share a mistake of theirs.
func (o *oracle) isQuorum(epoch uint32, set uint8) bool {
	c := o.configurations.of(epoch)
	return c != nil && o.decides(c, set)
}

func (o *oracle) decides(c *configuration.Configuration, set uint8) bool {
	return majorityOf(set, c.Voters) && (c.Next == nil || majorityOf(set, c.Next))
}

// lastChosen is the last configuration that was chosen, whether a node knows it or not.
func (o *oracle) lastChosen() *configuration.Configuration {
	last := o.configurations.last()
	for _, text := range o.chosenConfigurations {
		if c, err := configuration.Parse(text); err == nil && c.Epoch > last.Epoch {
			last = c
		}
	}
	return last
}

// isRegisterQuorum is isQuorum for a value of the register: the old voters of a joint epoch
// alone choose the one that abandons it.
func (o *oracle) isRegisterQuorum(epoch uint32, set uint8, v *node.Value) bool {
	if o.isQuorum(epoch, set) {
		return true
	}
	c := o.configurations.of(epoch)
	if c == nil || c.Next == nil {
		return false
	}
	next, err := configuration.Parse(v.State) // of another machine it is none
	return err == nil && next.Epoch == epoch+1 && slices.Equal(next.Voters, c.Voters) && majorityOf(set, c.Voters)
}

// observeRegister observes the rounds of the register of the configuration: a ballot has one
// value, which is chosen by a quorum of its epoch and is at most one epoch ahead of it, and no two
// configurations of an epoch are chosen.
func (o *oracle) observeRegister(f *node.Observation) *scenarios.Violation {
	r := &o.nodes[o.id]
	switch f.Kind {
	case node.Promised:
		r.pending = append(r.pending, *f)
	case node.Accepted:
		r.pending = append(r.pending, *f)
		return o.checkOneValue(f)
	case node.RoundEnded:
		return o.checkRoundEnded(f)
	case node.Proposed:
		o.latestProposed = max(o.latestProposed, configuration.EpochOf(f.Value.State))
		return o.checkOneValue(f)
	case node.Chosen:
		o.noteRoundChosen(f)
		v := o.machine(f.Key).ballot(f.Ballot)
		if v == nil || !o.isRegisterQuorum(f.Ballot.Epoch, v.acceptedBy, f.Value) {
			return o.violation("durability", "chosen-by-minority", f.Key, "takes %v for chosen, which is not durable on a quorum of its epoch", f.Value.State)
		}
	}
	return nil
}

// onRegisterAccepted is called when one more node has accepted a value of the register
// durably.
func (o *oracle) onRegisterAccepted(b node.Ballot, v *ballotRecord) *scenarios.Violation {
	if !o.isRegisterQuorum(b.Epoch, v.acceptedBy, v.value) || slices.Contains(o.chosenConfigurations, v.value.State) {
		return nil
	}
	epoch := configuration.EpochOf(v.value.State)
	if epoch != b.Epoch && epoch != b.Epoch+1 {
		return o.violation("members", "epochs-skipped", configuration.Key, "accepts %s in epoch %d", v.value.State, b.Epoch)
	}
	for _, text := range o.chosenConfigurations {
		if configuration.EpochOf(text) == epoch {
			return o.violation("members", "two-chosen", configuration.Key, "makes %s chosen, though %s was", v.value.State, text)
		}
	}
	o.chosenConfigurations = append(o.chosenConfigurations, v.value.State)
	if c := o.configurations.of(b.Epoch); c.Joint() && epoch == b.Epoch+1 {
		return o.checkCarriedOver(v.value.State)
	}
	return nil
}

// checkCarriedOver: when a joint epoch ends, a majority of the voters that follow holds every
// value that was chosen, or a later one.
func (o *oracle) checkCarriedOver(text string) *scenarios.Violation {
	c, err := configuration.Parse(text)
	if err != nil {
		return nil
	}
	for _, key := range o.keys {
		t, holders := o.machine(key), uint8(0)
		for id := range o.nodes {
			if !below(t.durable[id].accepted, t.highestChosen) {
				holders |= 1 << id
			}
		}
		if !t.highestChosen.IsZero() && !majorityOf(holders, c.Voters) {
			return o.violation("members", "key-not-carried-over", key, "makes %v chosen, though %s was chosen at %v and no majority of those voters holds that", c, key, t.highestChosen)
		}
	}
	return nil
}
