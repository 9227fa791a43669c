package scenarios

import (
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim"
)

// Nodes number what they ask, and each life may begin with the same numbers. If the
// life that asked has ended, the answers must not be taken for answers to what the
// next life asks.

// interrupt ends a life that has just sent a request to another node, and has the next
// one begin at once. It returns false if there is no such message, or no such fault.
func (a *aim) interrupt() bool {
	list := a.matching(a.isRequest)
	kinds := a.crashes()
	if len(list) == 0 || len(kinds) == 0 {
		return false
	}
	i, after := a.oneOf(a.ofOneName(list)), Duration(1)
	if a.often("later?", 25) {
		after = max(1, a.moment("after"))
	}
	f := Fault{Kind: kinds[a.Choose("kind", uint64(len(kinds)))], At: a.timeOf(i, after), For: max(1, a.moment("down")), Nodes: []sim.ID{i.Node}}
	if a.often("alone?", 60) { // later faults might keep the next life from asking, or its peers from answering
		a.plan.Faults = slices.DeleteFunc(a.plan.Faults, func(g Fault) bool { return g.At > f.At })
	}
	a.add(f)
	a.redirect(i, f.At+f.For)
	return true
}

// isRequest reports whether i is a request to another node about a machine.
func (a *aim) isRequest(i *Instant) bool {
	_, about := a.plan.Definition(i.Machine)
	return about && i.Kind == SendInstant && !IsClient(i.Message.Link.To) && slices.Contains(a.requests, i.Name)
}

// crashes lists the kinds of crashes that the plan may have.
func (a *aim) crashes() (kinds []FaultKind) {
	for _, k := range []FaultKind{PowerLoss, ProcessCrash} {
		if slices.Contains(a.families, familyOfKind[k]) {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// maxHeld bounds the answers that holdAnswers delays.
const maxHeld = 8

// maxAgain bounds the messages of the next life of which holdAnswers chooses one: the
// first are lost at peers that have not met that life yet, and sent again.
const maxAgain = 4

// holdAnswers delays answers to a life that an aimed fault has ended, so that they
// arrive when the next life has just sent a message of the same kind about the same
// machine. It returns false if there is no such message.
func (a *aim) holdAnswers() bool {
	f := a.aimedCrash()
	if f == nil {
		return false
	}
	isSend := func(i *Instant) bool { return a.isRequest(i) && slices.Contains(f.Nodes, i.Node) }
	before := a.matching(func(i *Instant) bool { return isSend(i) && i.At <= f.At })
	asked := a.matching(func(i *Instant) bool { return isSend(i) && i.At > f.At && lastAlike(before, i) != nil })
	if len(asked) == 0 {
		return false
	}
	like := asked[0]
	if last := before[len(before)-1]; slices.ContainsFunc(asked, last.isAlike) {
		like = last
	}
	asked = slices.DeleteFunc(asked, func(i *Instant) bool { return !like.isAlike(i) })
	again := asked[a.Choose("again", uint64(min(len(asked), maxAgain)))]
	arrival := again.At + 1
	if a.often("later?", 50) {
		arrival += Duration(a.Choose("later", uint64(2*a.plan.Heal.Delay)+1))
	}
	held := a.answers(lastAlike(before, again), f, again.At)
	if len(held) == 0 {
		return false
	}
	for n, m := range held[:min(len(held), maxHeld)] {
		if a.at("held", n).often("held?", 80) {
			a.plan.Overrides = append(a.plan.Overrides, MessageOverride{m.Message, netmodel.Override{Delay: arrival + Duration(n) - m.At}})
		}
	}
	a.words = "; answers to it arrive after " + again.String()
	f.Aim += a.words
	return true
}

// aimedCrash returns the first aimed fault of the plan that ends lives, or nil.
func (a *aim) aimedCrash() *Fault {
	for n := range a.plan.Faults {
		if f := &a.plan.Faults[n]; f.Aim != "" && (f.Kind == PowerLoss || f.Kind == ProcessCrash) {
			return f
		}
	}
	return nil
}

// lastAlike returns the last message of the kind and the machine of i among those of
// earlier lives of its node; nil: there is none.
func lastAlike(before []*Instant, i *Instant) *Instant {
	for n := len(before) - 1; n >= 0; n-- {
		if b := before[n]; b.Life < i.Life && b.isAlike(i) {
			return b
		}
	}
	return nil
}

// isAlike reports whether i and j are messages of one kind about one machine, from the
// same node.
func (i *Instant) isAlike(j *Instant) bool {
	return i.Node == j.Node && i.Name == j.Name && i.Machine == j.Machine
}

// answers lists the messages about the machine of asked that its node would have got
// from other nodes after f, or that were lost, in order. They were sent after asked and before until.
func (a *aim) answers(asked *Instant, f *Fault, until Duration) []*Instant {
	return a.matching(func(m *Instant) bool {
		return m.Kind == SendInstant && m.Message.Link.To == asked.Node && m.Machine == asked.Machine &&
			m.At > asked.At && m.At < until && (m.Arrives > f.At || m.Arrives == 0)
	})
}

// sameDefinition reports whether two machines of the plan have the same definition.
func (a *aim) sameDefinition(x, y string) bool {
	d, ok := a.plan.Definition(x)
	e, known := a.plan.Definition(y)
	return ok && known && d.Name == e.Name
}
