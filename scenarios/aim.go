package scenarios

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/sim"
)

// Chance finds a narrow window slowly: a crash between two steps, an answer that
// arrives in the life after the one that asked. So some seeds are aimed: a first run
// of the seed's plan shows instants, and faults are added at some of them. A run does
// not depend on faults to come, so the run with them comes to the same instant.

// InstantKind is the kind of an Instant.
type InstantKind uint8

// The kinds of instants.
const (
	BootInstant InstantKind = iota // a life begins
	MarkInstant                    // a coverage mark is hit
	SendInstant                    // a message is handed to the network
	DiskInstant                    // a disk request completes
)

// Instant is a moment in the life of a node, as a first run shows it.
type Instant struct {
	At      Duration
	Node    sim.ID
	Life    int // of the node, from 1
	Number  int // among the instants of the life, from 1
	Kind    InstantKind
	Name    string      // of the mark, or the kind of the message
	Machine string      // send: that the message is about
	Message sim.Address // send: the message
	Arrives Duration    // send: the time of arrival; 0: the message is lost
}

// String describes the instant, without its time.
func (i *Instant) String() string {
	what := "boots"
	switch i.Kind {
	case MarkInstant:
		what = "hits " + i.Name
	case SendInstant:
		what = fmt.Sprintf("sends %s to %d", i.Name, i.Message.Link.To)
	case DiskInstant:
		what = "has a disk request done"
	}
	return fmt.Sprintf("node %d %s in life %d", i.Node, what, i.Life)
}

// Unaimed is the Shape.Aimed of plans without aimed faults.
const Unaimed = -1

// defaultAimed is the percentage of seeds that are aimed if the Shape names none.
const defaultAimed = 16

// Aims returns the number of times that faults are aimed in the plan of a seed, each
// of which takes a run: 0 for most seeds. Twice makes a chain: a life ends when it has
// just asked something, and the answers come in the next.
func Aims(seed uint64, shape Shape) int {
	percent := uint64(defaultAimed)
	switch {
	case shape.Profile == None || shape.Aimed == Unaimed:
		return 0
	case shape.Aimed > 0:
		percent = uint64(shape.Aimed)
	}
	c := Choices{FromSeed(seed)}
	switch {
	case !c.Often("aimed?", percent):
		return 0
	case shape.crashes() && c.Often("chain?", 40):
		return 2
	}
	return 1
}

// Aim returns p with faults at one of the instants of its run, chosen by the seed of
// p. time counts the earlier calls for the plan, from 0, and times is what Aims has
// returned. requests are the kinds of messages that nodes answer. Aim returns p itself
// if there is no instant, or no fault that the shape allows.
func Aim(p *Plan, shape Shape, requests []string, time, times int, instants []Instant) *Plan {
	if len(instants) == 0 {
		return p
	}
	q := *p
	q.Operations, q.Faults, q.Overrides = slices.Clone(p.Operations), slices.Clone(p.Faults), slices.Clone(p.Overrides)
	a := aim{
		Choices: Choices{FromSeed(p.Seed)}.Part("aim", time), plan: &q, families: shape.Families(), requests: requests, instants: instants,
	}
	done := times > 1 && (time == 0 && a.interrupt() || time > 0 && a.holdMessages())
	if !done {
		a.generate()
	}
	if a.words == "" {
		return p
	}
	slices.SortStableFunc(q.Faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	return &q
}

// aim is the state of aiming faults at one instant.
type aim struct {
	Choices
	plan     *Plan
	families []Family  // that the plan may have
	requests []string  // kinds of messages that nodes answer
	instants []Instant // in order of time
	words    string    // the chosen instant, for the plan
}

// generate chooses an instant and the faults at it.
func (a *aim) generate() {
	kind := a.kind()
	if kind == "" {
		return
	}
	i := a.instant()
	at := a.timeOf(i, a.moment("after"))
	kind.row().aim(a, i, at)
}

// timeOf returns the time of a fault that comes after an instant, and notes it in words.
func (a *aim) timeOf(i *Instant, after Duration) Duration {
	a.words = i.String()
	if after > 0 {
		a.words = fmt.Sprintf("%v after %s", after, a.words)
	}
	return min(i.At+after, a.plan.Heal.At)
}

// aimedKinds lists the kinds of faults that are aimed, as often as they count. Crashes count
// twice: every state that a node keeps must survive them.
var aimedKinds = []FaultKind{ProcessCrash, PowerLoss, ProcessCrash, PowerLoss, Cut, Pause}

// mayHave reports whether the plan may have faults of a kind.
func (a *aim) mayHave(kind FaultKind) bool {
	return slices.ContainsFunc(a.families, kind.row().families.has)
}

// kind chooses the kind of the fault among those that the plan may have, or returns "".
func (a *aim) kind() FaultKind {
	var kinds []FaultKind
	for _, k := range aimedKinds {
		if a.mayHave(k) && (k != Cut || a.plan.Nodes > 1) {
			kinds = append(kinds, k)
		}
	}
	if len(kinds) == 0 {
		return ""
	}
	return kinds[a.Choose("kind", uint64(len(kinds)))]
}

// firstInstants bounds Instant.Number of the first instants of a life.
const firstInstants = 12

// instant chooses an instant: one of the first of a life, or else a kind of instant, a
// name, and one with that name. So a rare mark is as likely as a frequent one.
func (a *aim) instant() *Instant {
	if a.Often("fresh?", 30) {
		fresh := a.matching(func(i *Instant) bool { return i.Life > 1 && i.Number <= firstInstants })
		if len(fresh) == 0 {
			fresh = a.matching(func(i *Instant) bool { return i.Number <= firstInstants })
		}
		return a.oneOf(fresh)
	}
	kind := []InstantKind{SendInstant, MarkInstant, DiskInstant}[a.Choose("what", 5)/2]
	list := a.matching(func(i *Instant) bool { return i.Kind == kind })
	if len(list) == 0 {
		return &a.instants[a.Choose("any", uint64(len(a.instants)))]
	}
	return a.oneOf(a.ofOneName(list))
}

// ofOneName chooses a name and returns the instants of list with it.
func (a *aim) ofOneName(list []*Instant) []*Instant {
	var names []string
	for _, i := range list {
		if !slices.Contains(names, i.Name) {
			names = append(names, i.Name)
		}
	}
	name := names[a.Choose("name", uint64(len(names)))]
	return slices.DeleteFunc(list, func(i *Instant) bool { return i.Name != name })
}

// matching lists the instants for which is reports true, in order.
func (a *aim) matching(is func(*Instant) bool) (list []*Instant) {
	for i := range a.instants {
		if is(&a.instants[i]) {
			list = append(list, &a.instants[i])
		}
	}
	return list
}

// oneOf chooses an instant of a list: the first as often as all others together.
func (a *aim) oneOf(list []*Instant) *Instant {
	if a.Often("not the first?", 50) {
		return list[a.Choose("which", uint64(len(list)))]
	}
	return list[0]
}
