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
	if a.Often("later?", 25) {
		after = max(1, a.moment("after"))
	}
	f := Fault{Kind: kinds[a.Choose("kind", uint64(len(kinds)))], At: a.timeOf(i, after), For: max(1, a.moment("down")), Nodes: []sim.ID{i.Node}}
	if a.Often("alone?", 85) { // later faults might keep the next life from asking, or its peers from answering
		a.plan.Faults = slices.DeleteFunc(a.plan.Faults, func(g Fault) bool { return g.At > f.At })
	}
	a.add(f)
	a.redirect(i, f.At+f.For)
	return true
}

// isRequest reports whether i is a request to another node about a machine.
func (a *aim) isRequest(i *Instant) bool {
	if i.Kind != SendInstant || IsClient(i.Message.Link.To) || !slices.Contains(a.requests, i.Name) {
		return false
	}
	_, about := a.plan.Definition(i.Machine)
	return about
}

// crashes lists the kinds of crashes that the plan may have.
func (a *aim) crashes() (kinds []FaultKind) {
	for _, k := range []FaultKind{PowerLoss, ProcessCrash} {
		if a.mayHave(k) {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// Bounds of holdMessages.
const (
	maxHeld  = 8 // messages that it delays
	maxAgain = 4 // messages of the next life of which it chooses one: more may be sent in later rounds, with other numbers
)

// holdMessages delays answers to a life that an aimed fault has ended, so that they
// arrive when the next life has just sent a message of the same kind about the same
// machine; or else messages of the ended life, so that they arrive after that one. It
// returns false if there is no such message.
func (a *aim) holdMessages() bool {
	f := a.aimedCrash()
	if f == nil {
		return false
	}
	alike, own := sameRequest, a.Often("requests?", 30)
	if own && a.Often("any kind?", 50) {
		alike = sameMachine
	}
	asked, again := a.askedAgain(f, alike)
	if again == nil {
		return false
	}
	later := Duration(1)
	if a.Often("later?", 50) {
		later += Duration(a.Choose("later", uint64(2*a.plan.Heal.Delay)+1))
	}
	held, arrival := a.answers(asked, f, again.At), again.At+later
	if own {
		held, arrival = a.inFlight(f), max(again.At, again.Arrives)+later
	}
	if len(held) == 0 {
		return false
	}
	for n, m := range held[:min(len(held), maxHeld)] {
		if a.Part("held", n).Often("held?", 90) {
			a.plan.Overrides = append(a.plan.Overrides, MessageOverride{m.Message, netmodel.Override{Delay: arrival + Duration(n) - m.At}})
		}
	}
	a.words = "; late messages arrive after " + again.String()
	f.Aim += a.words
	return true
}

// askedAgain chooses a request of a node that f restarts, after f, and returns it with
// the last one that is alike of an earlier life; nil, nil if there is none. A request
// like the last before f is preferred.
func (a *aim) askedAgain(f *Fault, alike func(i, j *Instant) bool) (asked, again *Instant) {
	requests := a.matching(func(i *Instant) bool { return a.isRequest(i) && slices.Contains(f.Nodes, i.Node) })
	first := slices.IndexFunc(requests, func(i *Instant) bool { return i.At > f.At })
	if first <= 0 {
		return nil, nil
	}
	before, after := requests[:first], requests[first:]
	after = slices.DeleteFunc(after, func(i *Instant) bool { return lastAlike(before, i, alike) == nil })
	if len(after) == 0 {
		return nil, nil
	}
	like := after[0]
	if last := before[first-1]; slices.ContainsFunc(after, func(i *Instant) bool { return alike(last, i) }) {
		like = last
	}
	after = slices.DeleteFunc(after, func(i *Instant) bool { return !alike(like, i) })
	again = after[a.Choose("again", uint64(min(len(after), maxAgain)))]
	return lastAlike(before, again, alike), again
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

// lastAlike returns the last message that is alike i among those of earlier lives; nil:
// there is none.
func lastAlike(before []*Instant, i *Instant, alike func(i, j *Instant) bool) *Instant {
	for n := len(before) - 1; n >= 0; n-- {
		if b := before[n]; b.Life < i.Life && alike(b, i) {
			return b
		}
	}
	return nil
}

// sameMachine reports whether i and j are messages of one node about one machine.
func sameMachine(i, j *Instant) bool { return i.Node == j.Node && i.Machine == j.Machine }

// sameRequest reports whether i and j are also of one kind.
func sameRequest(i, j *Instant) bool { return sameMachine(i, j) && i.Name == j.Name }

// inFlight lists the messages to other nodes that are under way from lives that f ends.
func (a *aim) inFlight(f *Fault) []*Instant {
	return a.matching(func(m *Instant) bool {
		return m.Kind == SendInstant && slices.Contains(f.Nodes, m.Node) && !IsClient(m.Message.Link.To) && m.At <= f.At && m.Arrives > f.At
	})
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
	if a.plan.Workload != "" {
		return slices.Contains(a.plan.Machines(), y)
	}
	d, ok := a.plan.Definition(x)
	e, known := a.plan.Definition(y)
	return ok && known && d.Name == e.Name
}
