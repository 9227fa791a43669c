package workload_test

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/workload"
	"github.com/lockstep-dst/lockstep/sim"
)

// bug is a bug of the server.
type bug string

// The bugs.
const (
	none    bug = ""
	stale   bug = "stale"   // operations that change nothing, or take something, see the state before the last change
	forgets bug = "forgets" // every fourth change is acknowledged and not made
	twice   bug = "twice"   // a request that comes again is carried out again

	wordless bug = "wordless" // of clients: a rejection has no reason
)

// system serves a workload from the memory of node 1, which must not crash.
func system(w *workload.Workload, b bug) scenarios.System {
	return scenarios.System{
		Name: "served-" + w.Name(), Workload: w,
		New: func(p *scenarios.Plan) scenarios.Run { return &run{plan: p, bug: b} },
	}
}

type run struct {
	plan *scenarios.Plan
	bug  bug
}

func (r *run) Node(id sim.ID, _ int) sim.Process {
	return &server{name: r.plan.Workload, bug: r.bug, now: map[string]state{}, before: map[string]state{}, replies: map[string]*reply{}}
}
func (r *run) Client(sim.ID) sim.Process {
	return &client{knobs: r.plan.Knobs, wordless: r.bug == wordless}
}
func (r *run) Observe(scenarios.Duration, sim.ID, sim.Observation) *scenarios.Violation {
	return nil
}
func (r *run) Agree(scenarios.Duration) *scenarios.Violation { return nil }

// request and reply are the messages.
type request struct{ *scenarios.Operation }

func (m *request) FateKey() uint64  { return sim.FateKey("request", m.Key, m.ID) }
func (m *request) FateName() string { return "request " + m.Key + " " + m.ID }
func (m *request) Digest() uint64   { return m.FateKey() }

type reply struct {
	operation *scenarios.Operation
	outcome   scenarios.Outcome
	result    string
}

func (m *reply) FateKey() uint64  { return sim.FateKey("reply", m.operation.Key, m.operation.ID) }
func (m *reply) FateName() string { return "reply " + m.operation.Key + " " + m.operation.ID }
func (m *reply) Digest() uint64 {
	return keyed.Mix(m.FateKey(), keyed.Mix(keyed.String(string(m.outcome)), keyed.String(m.result)))
}
func (m *reply) String() string { return fmt.Sprintf("%s %s", m.outcome, m.result) }

// client sends each request again until it has a reply, or loses its patience.
type client struct {
	knobs    scenarios.Knobs
	wordless bool
	call     *scenarios.Invocation
	until    scenarios.Duration
}

func (c *client) Step(now scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	switch ev.Kind {
	case sim.Invoke:
		c.call = ev.Message.(*scenarios.Invocation)
		c.until = now + c.knobs.ClientTimeout
		c.ask(out)
	case sim.Receive:
		if m := ev.Message.(*reply); c.call != nil && m.operation == c.call.Operation {
			c.end(out, m.outcome, m.result)
		}
	case sim.Timer:
		switch {
		case c.call == nil:
		case now >= c.until:
			c.end(out, scenarios.Unknown, "")
		default:
			c.ask(out)
		}
	}
}

func (c *client) ask(out *sim.Effects) {
	out.Send(1, &request{c.call.Operation})
	out.SetTimer(1, c.knobs.ResendTimeout)
}

func (c *client) end(out *sim.Effects, o scenarios.Outcome, result string) {
	r := &scenarios.Response{Operation: c.call.Operation, Outcome: o, State: result, Version: scenarios.NoVersion}
	if o == scenarios.Rejected && !c.wordless {
		r.Reason = scenarios.Illegal
	}
	c.call = nil
	out.Observe(r)
}

// server carries out operations in its memory.
type server struct {
	name        string
	bug         bug
	now, before map[string]state
	replies     map[string]*reply // by id of operation
	changes     int
}

func (s *server) Step(_ scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	if ev.Kind != sim.Receive {
		return
	}
	m := ev.Message.(*request)
	r, known := s.replies[m.ID]
	if !known || s.bug == twice {
		r = s.execute(m.Operation)
		s.replies[m.ID] = r
	}
	out.Send(ev.From, r)
}

func (s *server) execute(o *scenarios.Operation) *reply {
	was := s.now[o.Key]
	next, result, ok := was.after(s.name, o)
	if s.bug == stale && (next.equal(was) || !ok || history.Kind(o.Kind) == history.KindDequeue) {
		_, result, ok = s.before[o.Key].after(s.name, o)
	}
	if !ok {
		return &reply{operation: o, outcome: scenarios.Rejected}
	}
	if !next.equal(was) {
		if s.changes++; s.bug != forgets || s.changes%4 != 0 {
			s.before[o.Key], s.now[o.Key] = was, next
		}
	}
	return &reply{operation: o, outcome: scenarios.Committed, result: result}
}

// state is the state of an object of any of the workloads.
type state struct {
	value  string // of a register; empty: never written
	number int64  // of a counter; of a lock: the client that holds it, or 0
	items  []string
}

func (s state) equal(t state) bool {
	return s.value == t.value && s.number == t.number && slices.Equal(s.items, t.items)
}

// after is the state after an operation, with its result. It returns false if the
// operation is illegal.
func (s state) after(workload string, o *scenarios.Operation) (state, string, bool) {
	items := slices.Clone(s.items)
	at := slices.Index(items, o.Argument)
	switch workload + " " + string(o.Kind) {
	case "register write", "cas-register write", "kv write":
		return state{value: o.Argument}, "", true
	case "cas-register cas", "kv cas":
		if o.Expected != s.text() {
			return s, "", false
		}
		return state{value: o.Argument}, "", true
	case "kv append":
		return state{value: s.value + o.Argument}, "", true
	case "kv delete":
		return state{}, "", true
	case "register read", "cas-register read", "kv read":
		return s, s.text(), true
	case "lock acquire":
		return state{number: int64(o.Client)}, "", s.number == 0
	case "lock release":
		return state{}, "", s.number == int64(o.Client)
	case "counter add":
		n, _ := strconv.ParseInt(o.Argument, 10, 64)
		return state{number: s.number + n}, "", true
	case "counter read":
		return s, fmt.Sprint(s.number), true
	case "queue enqueue", "append-list append":
		return state{items: append(items, o.Argument)}, "", true
	case "queue dequeue":
		if len(items) == 0 {
			return s, "", false
		}
		return state{items: items[1:]}, items[0], true
	case "set add":
		if at < 0 {
			items = append(items, o.Argument)
		}
		return state{items: items}, fmt.Sprint(at < 0), true
	case "set remove":
		if at >= 0 {
			items = slices.Delete(items, at, at+1)
		}
		return state{items: items}, fmt.Sprint(at >= 0), true
	case "set contains":
		return s, fmt.Sprint(at >= 0), true
	case "set read", "append-list read":
		return s, history.ListOf(items), true
	}
	panic("no " + workload + " " + string(o.Kind))
}

func (s state) text() string {
	if s.value == "" {
		return history.NoValue
	}
	return s.value
}
