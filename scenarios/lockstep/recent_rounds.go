package lockstep

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// roundEvent is one event of a node's rounds on a machine. The last ones explain a run
// in which no operation completes.
type roundEvent struct {
	at         scenarios.Duration
	id         sim.ID
	kind       roundEventKind
	phase      node.Phase
	ballot     node.Ballot
	attempts   uint32
	rejections uint8
}

type roundEventKind uint8

const (
	roundBegun roundEventKind = iota
	roundChosen
	roundEnded
)

// maxRoundEvents is how many events are kept of a machine: the last ones.
const maxRoundEvents = 32

// roundLog is a circular buffer of the last events of a machine's rounds.
type roundLog struct {
	events []roundEvent
	total  int // events so far
}

// noteRound adds an event to a machine's log, once the network is healed.
func (o *oracle) noteRound(t *machineTruth, event roundEvent) {
	if o.now < o.plan.Heal.At {
		return
	}
	s := &t.rounds
	if s.events == nil {
		s.events = make([]roundEvent, maxRoundEvents)
	}
	event.at, event.id = o.now, o.id
	s.events[s.total%maxRoundEvents] = event
	s.total++
}

// inOrder returns the kept events, oldest first.
func (s *roundLog) inOrder() []roundEvent {
	if s.total < maxRoundEvents {
		return s.events[:s.total]
	}
	first := s.total % maxRoundEvents
	return slices.Concat(s.events[first:], s.events[:first])
}

// RecentActivity implements scenarios.ActivityReporter.
func (r *run) RecentActivity(machine string) string {
	events := r.oracle.machine(cmp.Or(machine, r.oracle.lastActiveMachine())).rounds.inOrder()
	if len(events) == 0 {
		return "; no node has begun a round on the healed network"
	}
	var b strings.Builder
	b.WriteString("; the last rounds were")
	for i := range events {
		fmt.Fprintf(&b, "\n  %v", &events[i])
	}
	return b.String()
}

// lastActiveMachine returns the machine with the latest event.
func (o *oracle) lastActiveMachine() (key string) {
	last := scenarios.Duration(-1)
	for _, k := range o.keys {
		if events := o.machine(k).rounds.inOrder(); len(events) > 0 && events[len(events)-1].at > last {
			key, last = k, events[len(events)-1].at
		}
	}
	return key
}

func (t *roundEvent) String() string {
	s := fmt.Sprintf("%-14v node %d ", t.at, t.id)
	switch t.kind {
	case roundBegun:
		return s + fmt.Sprintf("begins to %v %v", t.phase, t.ballot)
	case roundChosen:
		return s + fmt.Sprintf("has its value chosen at %v", t.ballot)
	}
	return s + fmt.Sprintf("abandons %v: %d attempts, rejected by %d", t.ballot, t.attempts, t.rejections)
}
