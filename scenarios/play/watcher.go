package play

import (
	"fmt"
	"strings"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// keptLines is how many of the last messages that it has received, and has sent, are
// told of each process.
const keptLines = 3

// watcher keeps the last messages of each process, for the story of a run without
// progress.
type watcher struct {
	world    *sim.World
	last     map[sim.ID]*lastMessages
	counts   map[uint64]uint64 // events, by kind, process and timer or message
	most     uint64            // the largest of counts
	frequent string            // the event that it counts
}

// lastMessages are the last messages of one process, the latest last.
type lastMessages struct{ received, sent []message }

// message is one message that a process has received or sent.
type message struct {
	at      scenarios.Duration
	ev      sim.Event        // received
	to      sim.ID           // of a message sent
	content sim.Message      // of a message sent
	verdict netmodel.Verdict // on it
}

func newWatcher() *watcher {
	return &watcher{last: map[sim.ID]*lastMessages{}, counts: map[uint64]uint64{}}
}

func (w *watcher) of(id sim.ID) *lastMessages {
	if w.last[id] == nil {
		w.last[id] = &lastMessages{}
	}
	return w.last[id]
}

// onEvent implements sim.Config.OnEvent.
func (w *watcher) onEvent(id sim.ID, ev *sim.Event) {
	w.count(id, ev)
	if ev.Kind == sim.Timer || ev.Kind == sim.DiskDone {
		return
	}
	l := w.of(id)
	l.received = keepLast(l.received, message{at: w.world.Now(), ev: *ev})
}

// onSend implements sim.Config.OnSend.
func (w *watcher) onSend(from, to sim.ID, m sim.Message, v *netmodel.Verdict) {
	l := w.of(from)
	l.sent = keepLast(l.sent, message{at: w.world.Now(), to: to, content: m, verdict: *v})
}

// keepLast appends m to list, and keeps the last lines.
func keepLast(list []message, m message) []message {
	if len(list) == keptLines {
		list = append(list[:0], list[1:]...)
	}
	return append(list, m)
}

// count counts an event among those that are alike.
func (w *watcher) count(id sim.ID, ev *sim.Event) {
	about := ev.Token
	if ev.Message != nil {
		about = ev.Message.FateKey()
	}
	key := keyed.Mix(uint64(id)<<32|uint64(ev.From)<<8|uint64(ev.Kind), about)
	w.counts[key]++
	if n := w.counts[key]; n > w.most {
		if w.most = n; n >= stormSize && n%stormSize == 0 || w.frequent == "" {
			w.frequent = fmt.Sprintf("process %d: %v", id, ev)
		}
	}
}

// stormSize is the number of events that are alike from which one may be the cause
// of a run that does not end.
const stormSize = 1000

// String describes a message that was received.
func (m *message) String() string {
	if m.content == nil {
		return fmt.Sprintf("%-10v %v", m.at, &m.ev)
	}
	return fmt.Sprintf("%-10v to %d: %v, %s", m.at, m.to, m.content, fateWords(&m.verdict))
}

// fateWords describes the fate of a message.
func fateWords(v *netmodel.Verdict) string {
	switch {
	case v.Fate == netmodel.Drop:
		return fmt.Sprintf("lost: %v", v.Cause)
	case v.Duplicate:
		return fmt.Sprintf("due at %v and %v", v.At, v.CopyAt)
	}
	return fmt.Sprintf("due at %v", v.At)
}

// storm describes the most frequent event of a run that did not end.
func (w *watcher) storm() string {
	if w.most < stormSize {
		return ""
	}
	return fmt.Sprintf("the most frequent event, %d times, is of %s\n"+
		"(work that is asked for again without end, such as a timer of 0s that sets itself, keeps the run from its end)\n", w.most, w.frequent)
}

// story describes a run at its end: each node, and each client that waits.
func (s *runner) story() string {
	var b strings.Builder
	for n := 1; n <= s.plan.Nodes; n++ {
		s.tellNode(&b, scenarios.NodeID(n))
	}
	for c := 1; c <= s.plan.Clients; c++ {
		id := scenarios.ClientID(c)
		if q := s.queues[id]; q != nil && len(q.operations) > 0 {
			o := q.operations[0]
			fmt.Fprintf(&b, "client %d waits for %s (%v on %s), and has %d operations to follow\n", id, o.ID, o, o.Key, len(q.operations)-1)
			s.tellMessages(&b, id)
		}
	}
	if id := scenarios.ClientID(scenarios.HealClient); s.healOps.attempts > 0 {
		fmt.Fprintf(&b, "client %d waits for a fresh operation, attempt %d\n", id, s.healOps.attempts)
		s.tellMessages(&b, id)
	}
	return b.String()
}

// tellNode describes a node.
func (s *runner) tellNode(b *strings.Builder, id sim.ID) {
	state := "up"
	switch {
	case s.nodes[id].downForGood:
		state = "down for good"
	case !s.world.Up(id):
		state = "down"
	case s.world.Paused(id):
		state = "paused"
	}
	fmt.Fprintf(b, "node %d is %s, in life %d", id, state, s.nodes[id].life)
	if n := s.world.Waiting(id); n > 0 {
		fmt.Fprintf(b, ", with %d events that it has not taken", n)
	}
	b.WriteByte('\n')
	s.tellMessages(b, id)
	b.WriteString("  waits for ")
	var pending []string
	for _, t := range s.world.PendingTimers(id) {
		pending = append(pending, fmt.Sprintf("timer %x in %v", t.Token, t.In))
	}
	for _, r := range s.world.PendingRequests(id) {
		pending = append(pending, fmt.Sprintf("disk %v in %v", strings.TrimSpace(fmt.Sprintf("%v %s (%x)", r.Op, r.File, r.Token)), r.In))
	}
	switch n := len(pending); {
	case n == 0:
		b.WriteString("no timer and no disk request")
	case n > maxPending:
		fmt.Fprintf(b, "%s and %d more", strings.Join(pending[:maxPending], ", "), n-maxPending)
	default:
		b.WriteString(strings.Join(pending, ", "))
	}
	b.WriteByte('\n')
}

// maxPending bounds the timers and disk requests that are told of a node.
const maxPending = 8

// tellMessages describes the last messages of a process.
func (s *runner) tellMessages(b *strings.Builder, id sim.ID) {
	l := s.watch.of(id)
	for _, side := range []struct {
		verb string
		list []message
	}{{"received", l.received}, {"sent", l.sent}} {
		for i := range side.list {
			fmt.Fprintf(b, "  %-8s %v\n", side.verb, &side.list[i])
		}
		if len(side.list) == 0 {
			fmt.Fprintf(b, "  %-8s nothing\n", side.verb)
		}
	}
}
