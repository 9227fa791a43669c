package play

import (
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// Instants runs a plan to the end of its fault phase and returns the instants
// of its nodes, in order. It returns false if the run violates a property: such a plan
// needs no more faults.
func Instants(sys scenarios.System, p *scenarios.Plan, buffers *sim.Buffers) ([]scenarios.Instant, bool) {
	l := &instantList{lives: make([]life, p.Nodes+1), counts: make([]uint64, len(sys.Marks))}
	s, err := newRunner(sys, p, Options{SafetyOnly: true, Buffers: buffers, instants: l})
	if err != nil {
		return nil, false // its own run tells
	}
	l.world, l.markNames = s.world, sys.Marks
	l.marks, _ = s.run.(scenarios.MarkCounter)
	s.world.AfterEvent(l.afterEvent)
	s.runRecovered()
	s.world.Release()
	return l.instants, s.violation == nil
}

// instantList collects the instants of a run.
type instantList struct {
	world     *sim.World
	marks     scenarios.MarkCounter // nil: the system has none
	markNames []string
	counts    []uint64 // of the marks after the last event
	next      []uint64 // room for the next counts
	node      sim.ID   // of the current event; 0: none
	lives     []life   // by node
	instants  []scenarios.Instant
}

// leastInstants is the room of the first list of instants.
const leastInstants = 256

// life is a node's current life.
type life struct{ number, instants int }

func (l *instantList) add(i scenarios.Instant) {
	c := &l.lives[i.Node]
	c.instants++
	i.At, i.Life, i.Number = l.world.Now(), c.number, c.instants
	if n := len(l.instants); n == cap(l.instants) {
		l.instants = slices.Grow(l.instants, max(n, leastInstants)) // append would soon add a quarter at a time
	}
	l.instants = append(l.instants, i)
}

// beginLife notes that a life of a node begins.
func (l *instantList) beginLife(id sim.ID, number int) {
	l.node, l.lives[id] = id, life{number: number}
}

// onEvent implements sim.Config.OnEvent.
func (l *instantList) onEvent(id sim.ID, ev *sim.Event) {
	l.node = id
	if scenarios.IsClient(id) {
		l.node = 0
		return
	}
	switch ev.Kind {
	case sim.Boot:
		l.add(scenarios.Instant{Kind: scenarios.BootInstant, Node: id})
	case sim.DiskDone:
		l.add(scenarios.Instant{Kind: scenarios.DiskInstant, Node: id})
	}
}

// onSend implements sim.Config.OnSend.
func (l *instantList) onSend(from, to sim.ID, m sim.Message, v *netmodel.Verdict) {
	if scenarios.IsClient(from) {
		return
	}
	name := m.FateName()
	kind, about, _ := strings.Cut(name, " ")
	machine, _, _ := strings.Cut(about, " ")
	l.add(scenarios.Instant{
		Kind: scenarios.SendInstant, Node: from, Name: kind, Machine: machine, Arrives: arrival(v),
		Message: sim.Address{Link: netmodel.Link{From: from, To: to}, Name: name, Occurrence: v.Occurrence},
	})
}

// arrival is the time at which a message arrives; 0: it does not.
func arrival(v *netmodel.Verdict) scenarios.Duration {
	if v.Fate == netmodel.Drop {
		return 0
	}
	return v.At
}

// afterEvent adds the marks that the event has hit.
func (l *instantList) afterEvent() {
	if l.marks == nil || l.node == 0 {
		return
	}
	next := l.marks.AppendMarks(l.next[:0])
	counts := l.counts[:len(next)]
	for i, n := range next {
		if n != counts[i] {
			l.add(scenarios.Instant{Kind: scenarios.MarkInstant, Node: l.node, Name: l.markNames[i]})
		}
	}
	l.counts, l.next = next, counts
}
