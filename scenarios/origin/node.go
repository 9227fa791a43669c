package origin

import (
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// node is one node of the origin's protocol.
type node struct {
	id         sim.ID
	plan       *scenarios.Plan
	life       int
	states     map[string]string // of each machine; absent: initial
	proposals  map[string]*pending
	deliveries map[uint64]*delivery
	lastToken  uint64 // last timer token used; deliveries and proposals share them
	timeouts   map[uint64]*pending
}

// pending is a proposal that this node has made and that has not ended.
type pending struct {
	invocation *scenarios.Invocation
	client     sim.ID
	acks       map[sim.ID]bool // this node's own included
	rejects    map[sim.ID]bool
}

// delivery is a message to a peer whose receipt has not arrived.
type delivery struct {
	to       sim.ID
	msg      *message
	attempts int // still to make
}

func newNode(p *scenarios.Plan, id sim.ID, life int) *node {
	return &node{
		id: id, plan: p, life: life,
		states:     map[string]string{},
		proposals:  map[string]*pending{},
		deliveries: map[uint64]*delivery{},
		timeouts:   map[uint64]*pending{},
	}
}

// Step implements sim.Process.
func (n *node) Step(_ scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	switch ev.Kind {
	case sim.Boot:
		out.Observe(&booted{n.life})
	case sim.Receive:
		n.receive(ev.From, ev.Message.(*message), out)
	case sim.Timer:
		n.timer(ev.Token, out)
	}
}

func (n *node) receive(from sim.ID, m *message, out *sim.Effects) {
	if m.deliveryID != 0 && m.kind != receipt {
		out.Send(from, &message{kind: receipt, invocation: m.invocation, deliveryID: m.deliveryID})
	}
	switch m.kind {
	case request:
		n.request(from, m.invocation, out)
	case proposal:
		n.validate(from, m.invocation, out)
	case acknowledgment:
		if p := n.proposals[m.invocation.ID]; p != nil {
			p.acks[from] = true
			n.decide(p, out)
		}
	case reject:
		if p := n.proposals[m.invocation.ID]; p != nil {
			p.rejects[from] = true
			n.decide(p, out)
		}
	case commit:
		n.apply(m.invocation, out)
	case receipt:
		delete(n.deliveries, m.deliveryID)
	}
}

// request serves a client: a read at once, a transition by a proposal.
func (n *node) request(client sim.ID, c *scenarios.Invocation, out *sim.Effects) {
	state := n.state(c.Key)
	if c.Kind == scenarios.Read {
		answer(client, c, scenarios.Committed, "", state, out)
		return
	}
	if !n.legal(c) {
		answer(client, c, scenarios.Rejected, scenarios.Illegal, state, out)
		return
	}
	p := &pending{invocation: c, client: client, acks: map[sim.ID]bool{n.id: true}, rejects: map[sim.ID]bool{}}
	n.proposals[c.ID] = p
	n.broadcast(proposal, c, out)
	n.lastToken++
	n.timeouts[n.lastToken] = p
	out.SetTimer(n.lastToken, n.plan.Knobs.ConsensusTimeout)
	n.decide(p, out)
}

// validate checks a peer's proposal against this node's own state.
func (n *node) validate(from sim.ID, c *scenarios.Invocation, out *sim.Effects) {
	kind := acknowledgment
	if !n.legal(c) {
		kind = reject
	}
	n.deliver(from, &message{kind: kind, invocation: c, state: n.state(c.Key)}, out)
}

// decide ends p when a majority has acknowledged it, or can no longer do so.
func (n *node) decide(p *pending, out *sim.Effects) {
	majority := n.plan.Nodes/2 + 1
	switch {
	case len(p.acks) >= majority:
		delete(n.proposals, p.invocation.ID)
		n.apply(p.invocation, out)
		n.broadcast(commit, p.invocation, out)
		answer(p.client, p.invocation, scenarios.Committed, "", p.invocation.Argument, out)
	case len(p.rejects) > n.plan.Nodes-majority:
		delete(n.proposals, p.invocation.ID)
		answer(p.client, p.invocation, scenarios.Rejected, scenarios.Illegal, "", out)
	}
}

func (n *node) apply(c *scenarios.Invocation, out *sim.Effects) {
	out.Observe(&applied{c, n.state(c.Key), c.Argument})
	n.states[c.Key] = c.Argument
}

// timer handles a proposal's consensus timeout or a delivery's next attempt.
func (n *node) timer(token uint64, out *sim.Effects) {
	if d := n.deliveries[token]; d != nil {
		n.attempt(token, d, out)
		return
	}
	p := n.timeouts[token]
	delete(n.timeouts, token)
	if p != nil && n.proposals[p.invocation.ID] == p {
		delete(n.proposals, p.invocation.ID)
		answer(p.client, p.invocation, scenarios.Rejected, "timeout", "", out)
	}
}

func (n *node) broadcast(k kind, c *scenarios.Invocation, out *sim.Effects) {
	for i := range n.plan.Nodes {
		if peer := scenarios.NodeID(i + 1); peer != n.id {
			n.deliver(peer, &message{kind: k, invocation: c}, out)
		}
	}
}

// deliver sends m to a peer, and again until the receipt arrives or the attempts
// are used up.
func (n *node) deliver(to sim.ID, m *message, out *sim.Effects) {
	n.lastToken++
	m.deliveryID = n.lastToken
	d := &delivery{to, m, 1 + n.plan.Knobs.MaxResends}
	n.deliveries[m.deliveryID] = d
	n.attempt(m.deliveryID, d, out)
}

func (n *node) attempt(number uint64, d *delivery, out *sim.Effects) {
	if d.attempts == 0 {
		delete(n.deliveries, number)
		return
	}
	d.attempts--
	out.Send(d.to, d.msg)
	out.SetTimer(number, n.plan.Knobs.ResendTimeout)
}

func answer(client sim.ID, c *scenarios.Invocation, o scenarios.Outcome, reason, state string, out *sim.Effects) {
	out.Send(client, &message{kind: reply, invocation: c, outcome: o, reason: reason, state: state})
}

func (n *node) state(machine string) string {
	if s, ok := n.states[machine]; ok {
		return s
	}
	d, _ := n.plan.Definition(machine)
	return d.Initial
}

func (n *node) legal(c *scenarios.Invocation) bool {
	d, ok := n.plan.Definition(c.Key)
	return ok && d.Legal(n.state(c.Key), c.Argument)
}
