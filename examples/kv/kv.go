// Command kv tests a small key-value store: docs/HARNESS.md builds it step by step.
package main

import (
	"cmp"
	"encoding/json"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/harness"
	"github.com/lockstep-dst/lockstep/scenarios/systemkit"
	"github.com/lockstep-dst/lockstep/scenarios/workload"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/kit"
)

// The messages.
type (
	Request struct { // client to node
		Key   string `fate:"key"`
		ID    string `fate:"op"`
		Kind  scenarios.Kind
		Value string
	}
	Reply struct { // node to client
		Request
		Answer kit.Answer
	}
	Write struct { // primary to backup
		Request
		Version int
	}
	Stored struct{ Write } // node to primary: it is durable here
)

const primary, resend = 1, 1 // a node, whose backups are the others; a timer

// node is one life of a node.
type node struct {
	id     sim.ID
	plan   *scenarios.Plan
	log    *kit.Log
	timers kit.Timers
	values map[string]Write // by key: the last that is durable here
	last   Write            // at the primary: in progress, or the last one
	has    map[sim.ID]bool  // nodes on which it is durable
	client sim.ID           // that waits for the reply to it; 0: none, after a restart
}

// Step implements sim.Process.
func (n *node) Step(now sim.Duration, ev *sim.Event, out *sim.Effects) {
	var err error
	if ev.Kind == sim.Boot {
		n.log, err = kit.OpenLog("writes", ev.Disk, out, n.recover)
	} else {
		_, err = n.log.Step(now, ev, out)
	}
	if err != nil { // the disk has failed: the node stops, and an operator starts it again
		out.Observe(&scenarios.Stopped{Err: err, RefusedToStart: ev.Kind == sim.Boot})
	}
	switch timer, _ := n.timers.Fired(now, ev, out); {
	case !n.log.Ready():
	case timer == resend:
		n.replicate(now, out)
	case ev.Kind == sim.Receive:
		n.receive(now, ev.From, kit.Body(ev.Message), out)
	}
}

// recover takes the writes of earlier lives. The backups may lack the last one.
func (n *node) recover(now sim.Duration, out *sim.Effects, records [][]byte) {
	for _, r := range records {
		_ = json.Unmarshal(r, &n.last) // the log has a checksum
		n.apply(n.last)
		n.has = map[sim.ID]bool{n.id: true}
	}
	n.replicate(now, out)
}

func (n *node) receive(now sim.Duration, from sim.ID, m any, out *sim.Effects) {
	switch m := m.(type) {
	case Request:
		switch {
		case m.Kind == scenarios.Read && n.id == primary:
			m.Value = n.values[m.Key].Value
			out.Send(from, kit.Message(Reply{m, kit.Done}))
		case n.id != primary || n.busy():
			out.Send(from, kit.Message(Reply{m, kit.Retry}))
		default:
			n.last, n.has, n.client = Write{m, n.last.Version + 1}, map[sim.ID]bool{}, from
			n.store(n.last, out)
		}
	case Write:
		n.store(m, out)
	case Stored:
		if m.Write != n.last || n.has[from] {
			return
		}
		n.has[from] = true
		if !n.busy() && n.client != 0 {
			out.Send(n.client, kit.Message(Reply{m.Request, kit.Done}))
		} else if from == primary {
			n.replicate(now, out)
		}
	}
}

// busy reports whether a write is in progress at the primary.
func (n *node) busy() bool { return n.last.ID != "" && len(n.has) < n.plan.Nodes }

// store makes a write durable, and tells the primary.
func (n *node) store(w Write, out *sim.Effects) {
	record, _ := json.Marshal(w)
	n.log.Append(out, record, func(_ sim.Duration, out *sim.Effects) {
		n.apply(w)
		out.Send(primary, kit.Message(Stored{w}))
	})
}

func (n *node) apply(w Write) {
	if w.Version > n.values[w.Key].Version {
		n.values[w.Key] = w
	}
}

// replicate sends the last write to the backups, until all have it.
func (n *node) replicate(now sim.Duration, out *sim.Effects) {
	for id := sim.ID(2); n.has[primary] && n.busy() && int(id) <= n.plan.Nodes; id++ {
		if !n.has[id] {
			out.Send(id, kit.Message(n.last))
			n.timers.After(now, out, resend, n.plan.Knobs.ResendTimeout)
		}
	}
}

func main() { harness.Main(System()) }

// System is the store as a system under test.
func System() scenarios.System {
	return scenarios.System{
		Name: "kv", About: "a key-value store of a primary and backups", Workload: workload.Register(),
		Adjust: func(_ scenarios.Choices, p *scenarios.Plan) { p.Knobs.ClientTimeout *= 10 },
		New:    func(p *scenarios.Plan) scenarios.Run { return run{plan: p} },
	}
}

// run makes the processes of a run.
type run struct {
	systemkit.Observer
	plan *scenarios.Plan
}

// Node implements scenarios.Run.
func (r run) Node(id sim.ID, _ int) sim.Process {
	return &node{id: id, plan: r.plan, values: map[string]Write{}}
}

// Client implements scenarios.Run.
func (r run) Client(id sim.ID) sim.Process {
	return systemkit.NewClient(r.plan, id, systemkit.Protocol{Request: request, Reply: reply})
}

func request(inv *scenarios.Invocation, _ int) any {
	return Request{inv.Key, inv.ID, inv.Kind, inv.Argument}
}

func reply(inv *scenarios.Invocation, _ sim.ID, body any, to *scenarios.Response) kit.Reply {
	m, ok := body.(Reply)
	if !ok || m.ID != inv.ID {
		return kit.Reply{} // a late reply to an earlier operation
	}
	to.State = cmp.Or(m.Value, history.NoValue)
	return kit.Reply{Answer: m.Answer, Try: primary}
}
